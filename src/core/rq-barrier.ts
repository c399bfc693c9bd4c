/**
 * A flush of a request-based device: kdmflush has every target flush its devices, waits, and says how it went.
 *
 * Models dm_rq_barrier, dm_rq_barrier_work and store_barrier_error of dm.c (seed 002). request_fn cannot do this: clones are
 * allocated with waiting, and it is called with interrupts off.
 */
import { blkRequeueRequest } from '../block/elevator.ts';
import { blkEndRequestAll } from '../block/end-request.ts';
import { Request } from '../block/request.ts';
import { blkPlugDevice, blkRunQueue, RequestQueue } from '../block/request-queue.ts';
import { workFunctions } from '../irq/workqueue.ts';
import { EIO, EOPNOTSUPP } from '../machine/errno.ts';
import { EV_FLUSH_BEGIN, EV_FLUSH_DONE, EV_IO_START, emit, listening } from '../machine/events.ts';
import type { Kernel } from '../machine/kernel.ts';
import {
  lockdepAssertHeld,
  spinLockIrq,
  spinLockIrqsave,
  spinUnlockIrq,
  spinUnlockIrqrestore,
} from '../shared/spinlock.ts';
import { TASK_UNINTERRUPTIBLE } from '../shared/task.ts';
import { cloneFlush, tioOf } from './dm-rq-target-io.ts';
import { type DmTable, dmTablePut, dmTableTarget } from './dm-table.ts';
import { DM_ENDIO_REQUEUE } from './dm-target.ts';
import { MappedDevice } from './mapped-device.ts';
import { END_CLONE_REQUEST } from './rq-end.ts';
import { mapRequest } from './rq-map.ts';
import { seams } from './seams.ts';
import { dmGetTable } from './submit.ts';

/** Seam storeBarrierError. Any context, also with a queue_lock below held. */
export function* storeBarrierError(md: MappedDevice, error: number): Kernel<void> {
  const saved = yield* spinLockIrqsave(md.barrierErrorLock, HERE);
  __storeBarrierError(md, error);
  yield* spinUnlockIrqrestore(md.barrierErrorLock, saved, HERE);
}

/**
 * −EOPNOTSUPP before REQUEUE before the first other error, in whatever order they come. Test and store are one section:
 *
 *   CPU0 a clone failed                 CPU1 a device cannot flush
 *   barrier_error is 0
 *                                       barrier_error := -EOPNOTSUPP
 *   barrier_error := -EIO               nobody learns that flushes are not supported
 */
export function __storeBarrierError(md: MappedDevice, error: number): void {
  lockdepAssertHeld(md.barrierErrorLock, HERE);
  const stored = md.barrierError;
  if (stored === 0 || error === -EOPNOTSUPP || (stored !== -EOPNOTSUPP && error === DM_ENDIO_REQUEUE))
    md.barrierError = error;
}

/** Seam dmRqBarrier: all flushes of all targets, and how it went: 0, an error, or REQUEUE. */
export function* dmRqBarrier(md: MappedDevice): Kernel<number> {
  md.barrierError = 0;
  if (listening !== 0) emit(EV_FLUSH_BEGIN, md.address, 0, HERE);
  const table = yield* dmGetTable(md);
  if (table === null) md.barrierError = -EIO;
  else yield* flushTargets(md, table);
  yield* seams.waitForCompletion(md, TASK_UNINTERRUPTIBLE);
  if (table !== null) yield* dmTablePut(table);
  const error = md.barrierError;
  if (listening !== 0) emit(EV_FLUSH_DONE, md.address, error, HERE);
  return error;
}

function* flushTargets(md: MappedDevice, table: DmTable): Kernel<void> {
  const flush = Request.at(md.flushRequest);
  for (let i = 0; i < table.numTargets; i++) {
    const ti = dmTableTarget(table, i);
    for (let number = 0; number < ti.numFlushRequests; number++) {
      const clone = yield* cloneFlush(md, flush, END_CLONE_REQUEST);
      tioOf(clone).info = number;
      yield* md.pending.add(1, HERE);
      if (listening !== 0) emit(EV_IO_START, md.address, 0, HERE);
      yield* mapRequest(ti, clone, md);
    }
  }
}

/** In kdmflush: serves md.flushRequest. */
export const DM_RQ_BARRIER_WORK = workFunctions.define('dm_rq_barrier_work', (handle) =>
  seams.dmRqBarrierWork(MappedDevice.at(handle)),
);

/**
 * Seam dmRqBarrierWork. The slot is free before the flush ends or goes back: either may bring the next flush, on another CPU, at
 * once.
 */
export function* dmRqBarrierWork(md: MappedDevice): Kernel<void> {
  // When the flush has ended, whoever has waited for the barrier may close and remove the device.
  yield* md.holders.get(HERE);
  const error = yield* seams.dmRqBarrier(md);
  const q = RequestQueue.at(md.queue);
  const flush = Request.at(md.flushRequest);
  md.flushRequest = 0;
  if (error === DM_ENDIO_REQUEUE) yield* seams.requeueFlush(q, flush);
  else {
    yield* blkEndRequestAll(flush, error);
    yield* blkRunQueue(q);
  }
  yield* seams.putInFlight(md);
}

/**
 * Seam requeueFlush. It is tried again when the unplug timer has run; at once, it would only go round until the suspend that the
 * target waits for stops the queue.
 */
export function* requeueFlush(q: RequestQueue, flush: Request): Kernel<void> {
  yield* spinLockIrq(q.queueLock, HERE);
  yield* blkRequeueRequest(q, flush);
  yield* blkPlugDevice(q);
  yield* spinUnlockIrq(q.queueLock, HERE);
}
