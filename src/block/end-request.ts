/**
 * The end of a request: its bios first, in order, the request itself last (I26).
 *
 * Models blk_update_request, blk_finish_request, blk_end_request_all and __blk_put_request of blk-core.c (2.6.33).
 */
import { CAUSE_DEVICE, EV_BIO_ERROR, EV_RQ_BIO, EV_RQ_END, emit, listening } from '../machine/events.ts';
import { bugOn } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { lockdepAssertHeld, spinLockIrqsave, spinUnlockIrqrestore } from '../shared/spinlock.ts';
import { wakeUp } from '../shared/wait-queue.ts';
import { Bio, bioEndio } from './bio.ts';
import { elvCompletedRequest } from './elevator.ts';
import { REQ_ALLOCED, Request, requestEndIos } from './request.ts';
import { RequestQueue } from './request-queue.ts';

/**
 * Ends the first bios of a request, as far as `sectors` reach; a bio without data ends with what ends the request. Any context,
 * with queue_lock or without. The bios of the barrier that barRq stands for are not its own to end.
 */
export function* blkUpdateRequest(q: RequestQueue, rq: Request, error: number, sectors: number): Kernel<void> {
  if (rq.handle === q.barRq) return;
  let left = sectors;
  while (rq.bioHead !== 0) {
    const bio = Bio.at(rq.bioHead);
    if (bio.size > left) return;
    left -= bio.size;
    rq.sector += bio.size;
    rq.sectors -= bio.size;
    rq.bioHead = bio.next;
    bio.next = 0;
    if (listening !== 0) {
      emit(EV_RQ_BIO, rq.address, bio.address, HERE);
      if (error !== 0) emit(EV_BIO_ERROR, bio.address, CAUSE_DEVICE, HERE);
    }
    yield* bioEndio(bio, error);
  }
}

/** The request itself ends: to its owner's end_io, or back to the pool. queue_lock is held. */
function* blkFinishRequest(q: RequestQueue, rq: Request, error: number): Kernel<void> {
  lockdepAssertHeld(q.queueLock, HERE);
  if (listening !== 0) emit(EV_RQ_END, rq.address, error, HERE);
  bugOn(rq.queued !== 0, 'a request ends while it is on its queue');
  if (rq.endIo !== 0) yield* requestEndIos.at(rq.endIo)(rq, error);
  else yield* __blkPutRequest(q, rq);
}

/** Models __blk_put_request: a request that is not the pool's only stops counting. queue_lock is held. */
export function* __blkPutRequest(q: RequestQueue, rq: Request): Kernel<void> {
  yield* elvCompletedRequest(q, rq);
  if ((rq.cmdFlags & REQ_ALLOCED) === 0) return;
  Request.free(rq);
  q.rqCount--;
  yield* wakeUp(q.rqWait, HERE);
}

/** Ends a started request, all of it. queue_lock is held, also while its bios end. */
export function* __blkEndRequestAll(q: RequestQueue, rq: Request, error: number): Kernel<void> {
  yield* blkUpdateRequest(q, rq, error, rq.sectors);
  yield* blkFinishRequest(q, rq, error);
}

/** The same without queue_lock, which is taken only for the request itself. Any context. */
export function* blkEndRequestAll(rq: Request, error: number): Kernel<void> {
  const q = RequestQueue.at(rq.queue);
  yield* blkUpdateRequest(q, rq, error, rq.sectors);
  const saved = yield* spinLockIrqsave(q.queueLock, HERE);
  yield* blkFinishRequest(q, rq, error);
  yield* spinUnlockIrqrestore(q.queueLock, saved, HERE);
}
