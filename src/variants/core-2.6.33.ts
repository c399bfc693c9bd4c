/**
 * The mechanisms of 2.6.33 where they differ from the unified core's: no pushback list.
 *
 * Models dec_pending and dm_suspend of dm.c (2.6.33). What a target wants back goes to the head of the deferred list, so bios that
 * are pushed back come back in the reverse order.
 */
import { Bio } from '../block/bio.ts';
import type { DmIo } from '../core/dm-io.ts';
import { __noflushSuspending, refusePushback } from '../core/end-io.ts';
import { DMF_NOFLUSH_SUSPENDING, type MappedDevice } from '../core/mapped-device.ts';
import { EV_BIO_PUSHED_HEAD, emit, listening } from '../machine/events.ts';
import type { Kernel } from '../machine/kernel.ts';
import { assertHeldWrite } from '../shared/rw-semaphore.ts';
import { spinLockIrqsave, spinUnlockIrqrestore } from '../shared/spinlock.ts';

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
  } else refusePushback(md, io);
  yield* spinUnlockIrqrestore(md.deferredLock, saved, HERE);
}

/** Seam mergePushback: there is nothing to merge. With io_lock held for writing. */
export function* clearNoflush(md: MappedDevice): Kernel<void> {
  assertHeldWrite(md.ioLock, HERE);
  yield* md.flags.clear(DMF_NOFLUSH_SUSPENDING, HERE);
}
