/**
 * A request that a target wants back is put on the queue, and nobody is going to ask the driver.
 *
 *   CPU0 softirq                          CPU1 request_fn
 *                                         takes the last request: the queue is empty
 *   the request has failed, and its target
 *   wants it back: requeues it
 *   no plug, no timer: it waits until somebody submits something else
 */
import { blkRequeueRequest } from '../../block/elevator.ts';
import { blkBarrierRq, type Request } from '../../block/request.ts';
import { RequestQueue } from '../../block/request-queue.ts';
import { tioOf } from '../../core/dm-rq-target-io.ts';
import { MappedDevice } from '../../core/mapped-device.ts';
import { dmUnprepRequest, dmRequeueUnmappedRequest as requeueUnmapped } from '../../core/rq-end.ts';
import { seams } from '../../core/seams.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { spinLockIrqsave, spinUnlockIrqrestore } from '../../shared/spinlock.ts';
import type { Bug } from '../bug.ts';

function* dmRequeueUnmappedRequest(clone: Request): Kernel<void> {
  if (blkBarrierRq(clone)) {
    yield* requeueUnmapped(clone);
    return;
  }
  const tio = tioOf(clone);
  const md = MappedDevice.at(tio.md);
  const original = yield* dmUnprepRequest(clone);
  const q = RequestQueue.at(original.queue);
  const saved = yield* spinLockIrqsave(q.queueLock, HERE);
  yield* blkRequeueRequest(q, original);
  yield* spinUnlockIrqrestore(q.queueLock, saved, HERE);
  yield* seams.rqCompleted(md, false);
}

export const rqRequeueNoRun: Bug = {
  id: 'rq-requeue-no-run',
  title: 'A request is requeued and its queue is not run',
  commit: '-',
  seed: '002',
  preset: 'unified',
  swaps: { dmRequeueUnmappedRequest },
  scenario: 'rq-failover',
  suite: null,
  model: { kind: 'deadlock', invariants: ['I48'] },
  real: null,
};
