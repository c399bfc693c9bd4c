/**
 * The request queue of a mapped device: its making, its end, and what a suspend does with it.
 *
 * Models the request-based parts of alloc_dev, free_dev, __bind, dm_suspend and dm_resume of dm.c (2.6.33 with seed 002). All of
 * it leaves a device that takes bios alone.
 */
import { blkCleanupQueue, blkInitQueue } from '../block/init-queue.ts';
import { QUEUE_ORDERED_DRAIN_FLUSH } from '../block/ordered.ts';
import { Request } from '../block/request.ts';
import { blkQueueStopped, blkStartQueue, blkStopQueue, RequestQueue } from '../block/request-queue.ts';
import { usleep } from '../irq/timer.ts';
import { flushWorkqueue, initWork, Work, Workqueue } from '../irq/workqueue.ts';
import type { Kernel } from '../machine/kernel.ts';
import { Mempool, mempoolCreate, mempoolDestroy } from '../shared/mempool.ts';
import { spinLockIrq, spinUnlockIrq } from '../shared/spinlock.ts';
import { DmRqTargetIo } from './dm-rq-target-io.ts';
import { type DmTable, dmTableTarget } from './dm-table.ts';
import { DM_TYPE_REQUEST_BASED, type MappedDevice } from './mapped-device.ts';
import { DM_RQ_BARRIER_WORK } from './rq-barrier.ts';
import { DM_QUEUE } from './rq-request-fn.ts';

/** Between two looks for the last reference, in microseconds. */
const AWAIT_US = 1000;

export interface RqOptions {
  /** Reserves of the pools. */
  readonly reserve: number;
  /** Requests in the queue's pool. */
  readonly nrRequests: number;
}

/** All that a request-based device needs besides; false when there is no memory. */
export function* allocRqDev(md: MappedDevice, { reserve, nrRequests }: RqOptions): Kernel<boolean> {
  md.type = DM_TYPE_REQUEST_BASED;
  md.rqTioPool = mempoolCreate(DmRqTargetIo, reserve)?.handle ?? 0;
  md.clonePool = mempoolCreate(Request, reserve)?.handle ?? 0;
  if (md.rqTioPool === 0 || md.clonePool === 0) return false;
  md.barrierWork = initWork(DM_RQ_BARRIER_WORK, md.handle).handle;
  const ordered = QUEUE_ORDERED_DRAIN_FLUSH;
  md.queue = (yield* blkInitQueue({ driver: DM_QUEUE, queuedata: md.handle, ordered, nrRequests })).handle;
  return true;
}

/** When kdmflush is gone. */
export function* freeRqDev(md: MappedDevice): Kernel<void> {
  if (md.queue !== 0) yield* blkCleanupQueue(RequestQueue.at(md.queue));
  if (md.barrierWork !== 0) Work.free(Work.at(md.barrierWork));
  if (md.rqTioPool !== 0) mempoolDestroy(DmRqTargetIo, Mempool.at(md.rqTioPool));
  if (md.clonePool !== 0) mempoolDestroy(Request, Mempool.at(md.clonePool));
}

/** The device has a table of requests: from now on bios become requests, of a size that the one target can map. */
export function* makeStackable(md: MappedDevice, table: DmTable): Kernel<void> {
  if (md.queue === 0) return;
  const q = RequestQueue.at(md.queue);
  yield* spinLockIrq(q.queueLock, HERE);
  q.chunkSectors = dmTableTarget(table, 0).splitIo;
  yield* spinUnlockIrq(q.queueLock, HERE);
  yield* q.stackable.write(1, HERE);
}

/**
 * Seam stopAndFlush: when it returns, kdmflush maps nothing any more. In the other order a flush could come between:
 *
 *   CPU0 suspend                   CPU1 request_fn
 *   flush_workqueue: nothing
 *                                  takes a flush, queues barrier_work
 *   stop queue; pending is 0
 *   suspended; table swapped       (kdmflush) maps the flush to targets of a suspended device
 */
export function* stopAndFlush(md: MappedDevice): Kernel<void> {
  if (md.queue !== 0) yield* stopQueue(RequestQueue.at(md.queue));
  yield* flushWorkqueue(Workqueue.at(md.wq), HERE);
}

export function* stopQueue(q: RequestQueue): Kernel<void> {
  yield* spinLockIrq(q.queueLock, HERE);
  yield* blkStopQueue(q);
  yield* spinUnlockIrq(q.queueLock, HERE);
}

/** After a resume, or a suspend that was interrupted. */
export function* startQueue(md: MappedDevice): Kernel<void> {
  if (md.queue === 0) return;
  const q = RequestQueue.at(md.queue);
  yield* spinLockIrq(q.queueLock, HERE);
  if (blkQueueStopped(q)) yield* blkStartQueue(q);
  yield* spinUnlockIrq(q.queueLock, HERE);
}

/**
 * Seam awaitInFlight: who removes the device waits until its reference is the only one (3f77316de0ec). It sleeps, since the last
 * end of a request may be left to ksoftirqd of this CPU.
 */
export function* awaitInFlight(md: MappedDevice): Kernel<void> {
  if (md.queue === 0) return;
  while ((yield* md.holders.read(HERE)) !== 1) yield* usleep(AWAIT_US, HERE);
}
