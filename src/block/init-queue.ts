/**
 * The making and the end of a request queue.
 *
 * Models blk_init_queue, blk_queue_ordered and blk_cleanup_queue (2.6.33). Process context.
 */
import { freeTimer, setupTimer, Timer } from '../irq/timer.ts';
import { flushWorkqueue, initWork, Work } from '../irq/workqueue.ts';
import { bugOn, report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import { spinLockIrq, spinUnlockIrq } from '../shared/spinlock.ts';
import { getKblockd, kblockd, putKblockd } from './kblockd.ts';
import { Request } from './request.ts';
import { BLK_UNPLUG_TIMEOUT, BLK_UNPLUG_WORK, blkRemovePlug, RequestQueue } from './request-queue.ts';

export interface QueueOptions {
  /** An entry of `queueDrivers`, and the handle of the driver's own object. */
  readonly driver: number;
  readonly queuedata: number;
  /** QUEUE_ORDERED_*. */
  readonly ordered: number;
  /** Requests in the pool; the kernel has 128. */
  readonly nrRequests?: number;
}

/** A request that is the queue's own, not the pool's. */
function ownRequest(): number {
  const rq = Request.alloc();
  if (rq === null) report('assertion', '', 'there is no room for the requests of a queue');
  return rq.handle;
}

/** A queue with its three requests for barriers. It has a timer on this CPU. */
export function* blkInitQueue(options: QueueOptions): Kernel<RequestQueue> {
  const q = RequestQueue.alloc();
  if (q === null) report('assertion', '', 'there is no room for a request queue');
  yield* getKblockd();
  q.driver = options.driver;
  q.queuedata = options.queuedata;
  q.nextOrdered = options.ordered;
  q.nrRequests = options.nrRequests ?? 4;
  q.preFlushRq = ownRequest();
  q.barRq = ownRequest();
  q.postFlushRq = ownRequest();
  q.unplugTimer = setupTimer(BLK_UNPLUG_TIMEOUT, q.handle).handle;
  q.unplugWork = initWork(BLK_UNPLUG_WORK, q.handle).handle;
  return q;
}

/** Frees a queue that nobody sends anything to any more. */
export function* blkCleanupQueue(q: RequestQueue): Kernel<void> {
  bugOn(q.first !== 0 || q.rqCount !== 0, 'a request queue is freed with requests in it');
  yield* spinLockIrq(q.queueLock, HERE);
  yield* blkRemovePlug(q);
  let timer = q.timerSet;
  yield* spinUnlockIrq(q.queueLock, HERE);
  // The timer went off before it could be stopped: it will run.
  while (timer !== 0) {
    yield* ops.relax(HERE);
    yield* spinLockIrq(q.queueLock, HERE);
    timer = q.timerSet;
    yield* spinUnlockIrq(q.queueLock, HERE);
  }
  yield* flushWorkqueue(kblockd(), HERE);
  for (const handle of [q.preFlushRq, q.barRq, q.postFlushRq]) Request.free(Request.at(handle));
  freeTimer(Timer.at(q.unplugTimer));
  Work.free(Work.at(q.unplugWork));
  RequestQueue.free(q);
  yield* putKblockd();
}
