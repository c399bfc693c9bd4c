/**
 * Freezing the file system of a mapped device for a suspend, and what comes before and after it.
 *
 * Models lock_fs and unlock_fs of dm.c, and the steps of dm_suspend between presuspend and the gate (2.6.20, 2.6.33).
 *
 * Freezing writes what is dirty and waits for it, so it comes before the gate shuts. Under noflush it never comes: the writes
 * would be pushed back, and nobody re-issues them before the resume.
 */

import { freezeBdev, thawBdev } from '../block/file-system.ts';
import { Inode } from '../block/inode.ts';
import { EV_FREEZE, EV_THAW, emit, listening } from '../machine/events.ts';
import { bugOn } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { assertMutexHeld } from '../shared/mutex.ts';
import { downWrite, upWrite } from '../shared/rw-semaphore.ts';
import { DMF_FROZEN, DMF_QUEUE_IO_TO_THREAD, type MappedDevice } from './mapped-device.ts';
import { seams } from './seams.ts';

/** Freezes the device; 0, or the error of the file system's freeze, after which nothing is frozen. With suspend_lock held. */
export function* lockFs(md: MappedDevice): Kernel<number> {
  assertMutexHeld(md.suspendLock, HERE);
  bugOn(md.suspendedBdev === 0, 'a device is frozen whose inode is not held');
  if (listening !== 0) emit(EV_FREEZE, md.address, 0, HERE);
  const frozen = yield* freezeBdev(Inode.at(md.suspendedBdev));
  if (frozen < 0) return frozen;
  md.frozenSb = frozen;
  // Also without a file system: the device counts as frozen, and nobody can mount one.
  yield* md.flags.set(DMF_FROZEN, HERE);
  return 0;
}

/** Thaws what lockFs froze. With suspend_lock held, or when nobody else refers to the device: seam thawAtRemoval. */
export function* unlockFs(md: MappedDevice): Kernel<void> {
  if (((yield* md.flags.read(HERE)) & DMF_FROZEN) !== 0) yield* thaw(md);
}

/** The device is frozen, and its inode held. */
export function* thaw(md: MappedDevice): Kernel<void> {
  if (listening !== 0) emit(EV_THAW, md.address, 0, HERE);
  yield* thawBdev(Inode.at(md.suspendedBdev), md.frozenSb);
  md.frozenSb = 0;
  yield* md.flags.clear(DMF_FROZEN, HERE);
}

/** Seam mayFreeze: noflush supersedes lockfs. */
export function freezeUnlessNoflush(lockfs: boolean, noflush: boolean): boolean {
  return lockfs && !noflush;
}

/**
 * After presuspend and before the gate shuts: takes the inode as the policy says, and freezes. 0, −ENOMEM, or the error of the
 * freeze; then I/O flows as before.
 */
export function* prepareSuspend(md: MappedDevice, lockfs: boolean, noflush: boolean): Kernel<number> {
  let result = yield* seams.bdevPolicy.suspend(md, noflush);
  if (result === 0 && seams.mayFreeze(lockfs, noflush)) result = yield* lockFs(md);
  if (result === 0) return 0;
  if (noflush) yield* seams.flushAndOut(md);
  yield* seams.bdevPolicy.release(md);
  return result;
}

/** After a resume, or a suspend that was interrupted: I/O flows again. With suspend_lock held. */
export function* endSuspend(md: MappedDevice): Kernel<void> {
  yield* unlockFs(md);
  yield* seams.bdevPolicy.release(md);
}

/**
 * Seam flushAndOut, with kdmflush: a noflush suspend fails before the gate shuts, when targets may already have handed bios
 * back. They go first, so later bios join them in the queue.
 */
export function* flushAndOut(md: MappedDevice): Kernel<void> {
  yield* downWrite(md.ioLock, HERE);
  yield* seams.mergePushback(md);
  yield* md.flags.set(DMF_QUEUE_IO_TO_THREAD, HERE);
  yield* upWrite(md.ioLock, HERE);
  yield* seams.dispatchDeferred(md);
}
