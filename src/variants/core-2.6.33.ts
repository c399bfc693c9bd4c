/**
 * The mechanisms of 2.6.33 where they differ from the unified core's: no pushback list.
 *
 * Models dec_pending and dm_suspend of dm.c (2.6.33). What a target wants back goes to the head of the deferred list, so bios that
 * are pushed back come back in the reverse order. Repaired: a barrier does not overtake them, and kdmflush (core/deferred.ts) does not
 * map them again and again.
 */
import { Bio } from '../block/bio.ts';
import type { DmIo } from '../core/dm-io.ts';
import { __noflushSuspending, refusePushback } from '../core/end-io.ts';
import { DMF_NOFLUSH_SUSPENDING, type MappedDevice } from '../core/mapped-device.ts';
import { EV_BARRIER_BEHIND, EV_BIO_PUSHED_HEAD, emit, listening } from '../machine/events.ts';
import type { Kernel } from '../machine/kernel.ts';
import { assertHeldWrite } from '../shared/rw-semaphore.ts';
import { spinLockIrq, spinLockIrqsave, spinUnlockIrq, spinUnlockIrqrestore } from '../shared/spinlock.ts';

/**
 * Seam parkPushback. The flag is cleared without deferred_lock, but before kdmflush is let go: whoever still finds it set puts the
 * bio where kdmflush, which takes the lock for each bio, will find it.
 */
export function* parkAtHead(md: MappedDevice, io: DmIo): Kernel<void> {
  const saved = yield* spinLockIrqsave(md.deferredLock, HERE);
  if (yield* __noflushSuspending(md)) {
    const bio = Bio.at(io.bio);
    if (listening !== 0) emit(EV_BIO_PUSHED_HEAD, bio.address, md.address, HERE);
    md.deferred.addHead(bio);
    md.pushedBack.value++;
    md.pushedAhead++;
  } else refusePushback(md, io);
  yield* spinUnlockIrqrestore(md.deferredLock, saved, HERE);
}

/** Seam mergePushback: there is nothing to merge. With io_lock held for writing. */
export function* clearNoflush(md: MappedDevice): Kernel<void> {
  assertHeldWrite(md.ioLock, HERE);
  yield* md.flags.clear(DMF_NOFLUSH_SUSPENDING, HERE);
}

/**
 * Seam barrierMayGoOn (see waitBehindPushback): what was pushed back while the barrier waited lies at the head already, and the
 * barrier goes behind it. As released, it went on, and to the very head when one of its own parts came back.
 */
export function* waitBehindHead(md: MappedDevice, bio: Bio): Kernel<boolean> {
  yield* spinLockIrq(md.deferredLock, HERE);
  const ahead = md.pushedAhead;
  if (ahead > 0) {
    if (listening !== 0) emit(EV_BARRIER_BEHIND, md.address, bio.address, HERE);
    md.deferred.addBehind(bio, ahead);
  }
  yield* spinUnlockIrq(md.deferredLock, HERE);
  return ahead === 0;
}
