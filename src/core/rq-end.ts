/**
 * The way back of a request: its clone ends, the target says what becomes of it, the original ends or is requeued.
 *
 * Models end_clone_request, dm_complete_request, dm_softirq_done, dm_done, dm_end_request, rq_completed,
 * dm_requeue_unmapped_request and dm_kill_unmapped_request of dm.c (2.6.33).
 *
 * The clone of a flush shares its original with others, so it can use neither the original's place in the softirq nor end it:
 * it goes straight to dmDone, in the context of the driver below, who may hold its queue_lock; it only leaves its error with the
 * device, and never has the queue run. kdmflush does the rest (rq-barrier.ts).
 */
import { blkCompleteRequest } from '../block/blk-softirq.ts';
import { blkRequeueRequest } from '../block/elevator.ts';
import { __blkPutRequest, blkEndRequestAll } from '../block/end-request.ts';
import { blkBarrierRq, blkPcRequest, REQ_DONTPREP, REQ_FAILED, Request, requestEndIos } from '../block/request.ts';
import {
  blkPlugDevice,
  blkQueueStopped,
  elvQueueEmpty,
  kblockdScheduleWork,
  RequestQueue,
} from '../block/request-queue.ts';
import { EV_FLUSH_CLONE_END, EV_RQ_DONE, emit, listening } from '../machine/events.ts';
import { bugOn } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { spinLockIrqsave, spinUnlockIrqrestore } from '../shared/spinlock.ts';
import { freeRqClone, tioOf } from './dm-rq-target-io.ts';
import { typeOf } from './dm-table.ts';
import { DM_ENDIO_INCOMPLETE, DM_ENDIO_REQUEUE, DmTarget } from './dm-target.ts';
import { MappedDevice } from './mapped-device.ts';
import { seams } from './seams.ts';

/** The driver below has ended the clone. Its queue_lock is held. */
export const END_CLONE_REQUEST = requestEndIos.define(
  'end_clone_request',
  function* endCloneRequest(clone, error): Kernel<void> {
    // For the accounting of the queue below; the memory is not that queue's.
    yield* __blkPutRequest(RequestQueue.at(clone.queue), clone);
    yield* seams.dmCompleteRequest(clone, error);
  },
);

/** Seam dmCompleteRequest: an ordinary clone waits for the softirq in its original's place. */
export function* dmCompleteRequest(clone: Request, error: number): Kernel<void> {
  if (blkBarrierRq(clone)) {
    yield* dmDone(clone, error, true);
    return;
  }
  const tio = tioOf(clone);
  const original = Request.at(tio.orig);
  tio.error = error;
  original.completionData = clone.handle;
  yield* blkCompleteRequest(original, HERE);
}

/** In the softirq, without a lock. */
export function* dmSoftirqDone(original: Request): Kernel<void> {
  const clone = Request.at(original.completionData);
  yield* dmDone(clone, tioOf(clone).error, (original.cmdFlags & REQ_FAILED) === 0);
}

/** Asks the target, if it was the target's. */
export function* dmDone(clone: Request, error: number, mapped: boolean): Kernel<void> {
  const tio = tioOf(clone);
  const ti = mapped ? DmTarget.at(tio.target) : null;
  if (listening !== 0) emit(EV_RQ_DONE, tio.address, ti?.address ?? 0, HERE);
  const hook = ti === null ? undefined : typeOf(ti).rqEndIo;
  const said = hook === undefined || ti === null ? error : yield* hook(ti, clone, error, tio);
  if (said <= 0) yield* seams.dmEndRequest(clone, said);
  else if (said === DM_ENDIO_REQUEUE) yield* seams.dmRequeueUnmappedRequest(clone);
  else bugOn(said !== DM_ENDIO_INCOMPLETE, `unimplemented target endio return value: ${said}`);
}

/** Seam dmEndRequest: the clone is done with. What is needed of it is read before it is freed. Any context. */
export function* dmEndRequest(clone: Request, error: number): Kernel<void> {
  const barrier = blkBarrierRq(clone);
  const tio = tioOf(clone);
  const md = MappedDevice.at(tio.md);
  const original = Request.at(tio.orig);
  // The answer to a packet command. The clones of a flush share their original, so none of them may.
  if (blkPcRequest(original)) original.errors = clone.errors;
  yield* freeRqClone(clone);
  if (barrier) yield* flushCloneSays(md, error);
  else yield* blkEndRequestAll(original, error);
  yield* seams.rqCompleted(md, !barrier);
}

/** All that the end of a flush's clone does: the flush itself is kdmflush's to end. */
export function* flushCloneSays(md: MappedDevice, error: number): Kernel<void> {
  if (listening !== 0) emit(EV_FLUSH_CLONE_END, md.address, error, HERE);
  if (error !== 0) yield* seams.storeBarrierError(md, error);
}

/** Seam rqCompleted: one less in flight. The last touch of the device is its reference. Any context. */
export function* rqCompleted(md: MappedDevice, run: boolean): Kernel<void> {
  yield* seams.endIoAcct(md);
  if (run) yield* seams.runQueue(RequestQueue.at(md.queue));
  yield* seams.putInFlight(md);
}

/**
 * Seam runQueue: by kblockd, since this may stand inside the request_fn of a queue below, and the queue's own request_fn would
 * lead there again (fixed by a8c32a5c98943).
 */
export function* runQueueLater(q: RequestQueue): Kernel<void> {
  const saved = yield* spinLockIrqsave(q.queueLock, HERE);
  if (!elvQueueEmpty(q) && !blkQueueStopped(q)) yield* kblockdScheduleWork(q);
  yield* spinUnlockIrqrestore(q.queueLock, saved, HERE);
}

/** Seam putInFlight: never the last reference, since who removes the device waits for it (3f77316de0ec). */
export function putInFlight(md: MappedDevice): Kernel<void> {
  return md.holders.drop(HERE);
}

/** Takes back what prep has made; gives the original, which can be prepared again. Any context. */
export function* dmUnprepRequest(clone: Request): Kernel<Request> {
  const original = Request.at(tioOf(clone).orig);
  original.special = 0;
  original.cmdFlags &= ~REQ_DONTPREP;
  yield* freeRqClone(clone);
  return original;
}

/** Seam dmRequeueUnmappedRequest: the original goes back to the queue, and is cloned again some day. Always legal: a stopped queue is where it waits. */
export function* dmRequeueUnmappedRequest(clone: Request): Kernel<void> {
  if (blkBarrierRq(clone)) {
    yield* seams.dmEndRequest(clone, DM_ENDIO_REQUEUE);
    return;
  }
  const tio = tioOf(clone);
  const md = MappedDevice.at(tio.md);
  const original = yield* dmUnprepRequest(clone);
  const q = RequestQueue.at(original.queue);
  const saved = yield* spinLockIrqsave(q.queueLock, HERE);
  if (elvQueueEmpty(q)) yield* blkPlugDevice(q);
  yield* blkRequeueRequest(q, original);
  yield* spinUnlockIrqrestore(q.queueLock, saved, HERE);
  yield* seams.rqCompleted(md, false);
}

/** Seam dmKillUnmappedRequest: the clone fails without having been its target's. Any context. */
export function* dmKillUnmappedRequest(clone: Request, error: number): Kernel<void> {
  if (blkBarrierRq(clone)) {
    bugOn(error > 0, 'a flush is killed with a positive number');
    yield* seams.dmEndRequest(clone, error);
    return;
  }
  Request.at(tioOf(clone).orig).cmdFlags |= REQ_FAILED;
  yield* seams.dmCompleteRequest(clone, error);
}
