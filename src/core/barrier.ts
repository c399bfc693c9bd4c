/**
 * Barriers of a bio-based device: kdmflush flushes all targets, sends the data, and flushes again.
 *
 * Models process_barrier and dm_flush of dm.c (2.6.33). While kdmflush serves a barrier everything newer lies on the deferred
 * list (QUEUE_IO_TO_THREAD), so "pending is 0" says that all older I/O of the device has ended, and stays true. Errors do not
 * shorten the sequence: after a failed flush the data is written all the same, and flushed.
 *
 * Here the wait for a part is for a completion beside `pending` (see endBarrierPart).
 */
import { BIO_PART, BIO_RW_BARRIER, BIO_RW_UNPLUG, Bio, bioEndio, REQ_WRITE } from '../block/bio.ts';
import {
  EV_BARRIER_BEGIN,
  EV_BARRIER_END,
  EV_BARRIER_FLUSH,
  EV_BARRIER_FLUSHED,
  EV_BIO_PUSHED_HEAD,
  emit,
  listening,
} from '../machine/events.ts';
import type { Kernel } from '../machine/kernel.ts';
import { waitForCompletion } from '../shared/completion.ts';
import {
  lockdepAssertHeld,
  spinLock,
  spinLockIrq,
  spinLockIrqsave,
  spinUnlock,
  spinUnlockIrq,
  spinUnlockIrqrestore,
} from '../shared/spinlock.ts';
import { TASK_UNINTERRUPTIBLE } from '../shared/task.ts';
import { DM_ENDIO_REQUEUE } from './dm-target.ts';
import type { MappedDevice } from './mapped-device.ts';
import { seams } from './seams.ts';
import { splitAndProcess } from './submit.ts';

/** Seam processBarrier. */
export function* processBarrier(md: MappedDevice, bio: Bio): Kernel<boolean> {
  const error = yield* makeBarrier(md, bio);
  if (error === null) return false;
  if (error === DM_ENDIO_REQUEUE) {
    yield* spinLockIrq(md.deferredLock, HERE);
    __putBarrierBack(md, bio);
    yield* spinUnlockIrq(md.deferredLock, HERE);
    return false;
  }
  yield* bioEndio(bio, error);
  return true;
}

/** The sequence of a barrier; 0, an error or REQUEUE; null: its turn has not come. */
export function* makeBarrier(md: MappedDevice, bio: Bio): Kernel<number | null> {
  md.barrierError = 0;
  if (listening !== 0) emit(EV_BARRIER_BEGIN, md.address, bio.address, HERE);
  yield* seams.waitForCompletion(md, TASK_UNINTERRUPTIBLE);
  if (!(yield* seams.barrierMayGoOn(md, bio))) return null;
  yield* dmFlush(md);
  if (bio.size > 0) {
    yield* sendPart(md, bio);
    yield* dmFlush(md);
  }
  const error = md.barrierError;
  if (listening !== 0) emit(EV_BARRIER_END, md.address, error, HERE);
  return error;
}

/** Flushes all targets. */
export function* dmFlush(md: MappedDevice): Kernel<void> {
  const flush = Bio.at(md.barrierBio);
  flush.sector = 0;
  flush.size = 0;
  flush.bdev = md.bdev;
  flush.bioFlags = REQ_WRITE | BIO_RW_BARRIER | BIO_RW_UNPLUG | BIO_PART;
  if (listening !== 0) emit(EV_BARRIER_FLUSH, md.address, flush.address, HERE);
  yield* sendPart(md, flush);
  if (listening !== 0) emit(EV_BARRIER_FLUSHED, md.address, flush.address, HERE);
}

/** Maps a part, and waits for its end. */
export function* sendPart(md: MappedDevice, part: Bio): Kernel<void> {
  yield* splitAndProcess(md, part);
  yield* waitForCompletion(md.barrierPart, HERE);
}

/** With deferred_lock held: first of all that is deferred, as it was. */
export function __putBarrierBack(md: MappedDevice, bio: Bio): void {
  lockdepAssertHeld(md.deferredLock, HERE);
  if (listening !== 0) emit(EV_BIO_PUSHED_HEAD, bio.address, md.address, HERE);
  md.deferred.addHead(bio);
}

/**
 * Seam barrierMayGoOn: what is pushed back goes in front of the deferred list when the suspend is over, and so in front of the
 * barrier, if that waits there.
 *
 *   CPU0 kdmflush                            CPU1 decPending of an older bio, during a noflush suspend
 *   takes a barrier, waits for pending
 *                                            parks the bio; pending := 0
 *   flushes, and ends the barrier            the bio is mapped after the resume: behind the barrier
 */
export function* waitBehindPushback(md: MappedDevice, bio: Bio): Kernel<boolean> {
  const saved = yield* spinLockIrqsave(md.pushbackLock, HERE);
  const inTurn = md.pushback.empty;
  if (!inTurn) {
    yield* spinLock(md.deferredLock, HERE);
    if (listening !== 0) emit(EV_BARRIER_END, md.address, DM_ENDIO_REQUEUE, HERE);
    __putBarrierBack(md, bio);
    yield* spinUnlock(md.deferredLock, HERE);
  }
  yield* spinUnlockIrqrestore(md.pushbackLock, saved, HERE);
  return inTurn;
}
