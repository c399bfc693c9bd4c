/**
 * The way back: a clone ends, the I/O that it belongs to ends when all clones have, the bio ends or is pushed back.
 *
 * Models clone_endio, dec_pending and end_io_acct of dm.c (2.6.33 with the pushback list of 2.6.20).
 */
import { BIO_RW_BARRIER, Bio, bioEndio, bioPut, endIos } from '../block/bio.ts';
import { EIO, EOPNOTSUPP } from '../machine/errno.ts';
import {
  CAUSE_DEVICE,
  CAUSE_TARGET,
  EV_BARRIER_ERROR,
  EV_BIO_PUSHED_BACK,
  EV_BIO_REFUSED,
  EV_CLONE_ENDIO,
  EV_CLONE_FREE,
  EV_CLONE_REQUEUE,
  EV_IO_END,
  EV_IO_ERROR,
  EV_IO_FREE,
  EV_IO_LAST,
  emit,
  listening,
} from '../machine/events.ts';
import { bugOn } from '../machine/finding.ts';
import { type Kernel, resolved } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import type { Site } from '../machine/site.ts';
import { complete } from '../shared/completion.ts';
import { lockdepAssertHeld, spinLockIrqsave, spinUnlockIrqrestore } from '../shared/spinlock.ts';
import { wakeUp } from '../shared/wait-queue.ts';
import { DmIo, DmTargetIo, freeDmIo, freeDmTargetIo } from './dm-io.ts';
import { typeOf } from './dm-table.ts';
import { DM_ENDIO_INCOMPLETE, DM_ENDIO_REQUEUE, DmTarget } from './dm-target.ts';
import { DMF_NOFLUSH_SUSPENDING, MappedDevice } from './mapped-device.ts';
import { seams } from './seams.ts';

/** Whether a noflush suspend is under way. Without pushback_lock the answer is only a hint. */
export function* __noflushSuspending(md: MappedDevice): Kernel<boolean> {
  return ((yield* md.flags.read(HERE)) & DMF_NOFLUSH_SUSPENDING) !== 0;
}

/** The end of a clone. Any context. */
export const CLONE_ENDIO = endIos.define('clone_endio', (clone, result) => seams.cloneEndio(clone, result));

/** Seam cloneEndio: what belongs to pools of the device goes back before dec_pending; after that the device may be gone. */
export function* cloneEndio(clone: Bio, result: number): Kernel<void> {
  const tio = DmTargetIo.at(clone.private);
  const error = cloneEndIsHeard(tio) ? yield* askTarget(tio, clone, result) : result;
  if (error === DM_ENDIO_INCOMPLETE) return;
  const io = DmIo.at(tio.io);
  if (error !== 0 && listening !== 0) sayWhy(tio, io, error, result);
  // As freeTio does; this path is hot.
  if (listening !== 0) emit(EV_CLONE_FREE, tio.address, clone.address, HERE);
  yield* freeDmTargetIo(tio, HERE);
  yield* bioPut(clone, HERE);
  yield* decPending(io, error);
}

/** Whether the clone's target wants to hear of its end. */
export function cloneEndIsHeard(tio: DmTargetIo): boolean {
  const ti = DmTarget.at(tio.target);
  if (listening !== 0) emit(EV_CLONE_ENDIO, tio.address, ti.address, HERE);
  return typeOf(ti).endIo !== undefined;
}

/** What the clone ends with: what its target says, or `result`; DM_ENDIO_INCOMPLETE: the target keeps it. */
export function* askTarget(tio: DmTargetIo, clone: Bio, result: number): Kernel<number> {
  const ti = DmTarget.at(tio.target);
  const said = yield* typeOf(ti).endIo?.(ti, clone, result, tio) ?? resolved(0);
  bugOn(said > DM_ENDIO_REQUEUE, `unimplemented target endio return value: ${said}`);
  return said === 0 ? result : said;
}

/** Says why a clone ends with an error or REQUEUE. */
export function sayWhy(tio: DmTargetIo, io: DmIo, error: number, result: number): void {
  if (error > 0) emit(EV_CLONE_REQUEUE, tio.address, MappedDevice.at(io.md).address, HERE);
  else emit(EV_IO_ERROR, io.address, error === result ? CAUSE_DEVICE : CAUSE_TARGET, HERE);
}

/** Gives a clone and its record back to their pools. Before dec_pending: after it the pools may be gone. */
export function* freeTio(tio: DmTargetIo, clone: Bio): Kernel<void> {
  if (listening !== 0) emit(EV_CLONE_FREE, tio.address, clone.address, HERE);
  yield* freeDmTargetIo(tio, HERE);
  yield* bioPut(clone, HERE);
}

/** One clone less, or the splitter is done; the last one finishes the I/O. Any context. */
export function decPending(io: DmIo, error: number): Kernel<void> {
  if (error !== 0) return decPendingError(io, error);
  return ops.addThen(io.ioCount.word, -1, -1, 0, finishLast, io, HERE);
}

function* decPendingError(io: DmIo, error: number): Kernel<void> {
  yield* seams.storeError(io, error);
  yield* decPending(io, 0);
}

function finishLast(io: DmIo): Kernel<void> {
  if (listening !== 0) emit(EV_IO_LAST, io.address, 0, HERE);
  const md = MappedDevice.at(io.md);
  const barrier = (Bio.at(io.bio).bioFlags & BIO_RW_BARRIER) !== 0;
  return barrier ? seams.finishBarrierIo(md, io) : seams.finishIo(md, io);
}

/** Seam storeError. */
export function* storeError(io: DmIo, error: number): Kernel<void> {
  const saved = yield* spinLockIrqsave(io.endioLock, HERE);
  yield* __storeError(io, error);
  yield* spinUnlockIrqrestore(io.endioLock, saved, HERE);
}

/**
 * Ordinary errors overwrite each other; REQUEUE is sticky while a noflush suspend is under way. Without endio_lock it is not:
 *
 *   CPU0 a clone failed                 CPU1 a clone is to be pushed back
 *   io.error is 0
 *                                       io.error := REQUEUE
 *   io.error := -EIO                    the bio fails although the suspend covers it
 */
export function* __storeError(io: DmIo, error: number): Kernel<void> {
  lockdepAssertHeld(io.endioLock, HERE);
  if (!(io.error > 0 && (yield* __noflushSuspending(MappedDevice.at(io.md))))) io.error = error;
}

/** Seam finishIo: park first, so that the suspender who sees pending at 0 finds the bio on the list; free before the end, which may take md away. */
export function* finishIo(md: MappedDevice, io: DmIo): Kernel<void> {
  // Before it is parked: from then on the bio is the suspender's, who may map it again and see its end before this goes on.
  const bio = Bio.at(io.bio);
  if (io.error === DM_ENDIO_REQUEUE) yield* seams.parkPushback(md, io);
  const error = io.error;
  yield* seams.endIoAcct(md);
  yield* freeIo(md, io);
  if (error !== DM_ENDIO_REQUEUE) yield* bioEndio(bio, error);
}

/**
 * Seam finishBarrierIo: a part of a barrier is over. Nothing is parked and nothing ends here: kdmflush waits, and does either
 * when it knows what all parts have come to. So the answer about the flag need not be binding.
 */
export function* finishBarrierIo(md: MappedDevice, io: DmIo): Kernel<void> {
  if (io.error === DM_ENDIO_REQUEUE && !(yield* __noflushSuspending(md))) refusePushback(md, io);
  const error = io.error;
  yield* freeIo(md, io);
  yield* seams.endIoAcct(md);
  yield* endBarrierPart(md, error);
}

/**
 * The completion is the last touch of the device. If kdmflush went by `pending` alone, it could end the barrier, and whoever has waited
 * for that remove the device, while this still wakes md.wait.
 */
export function* endBarrierPart(md: MappedDevice, error: number): Kernel<void> {
  if (error !== 0 && listening !== 0) emit(EV_BARRIER_ERROR, md.address, error, HERE);
  seams.noteBarrierError(md, error);
  yield* complete(md.barrierPart, HERE);
}

/** Seam noteBarrierError: the first error stays, be it REQUEUE or another; that a device cannot flush is no error. */
export function noteBarrierError(md: MappedDevice, error: number): void {
  if (md.barrierError === 0 && error !== -EOPNOTSUPP) md.barrierError = error;
}

export function freeIo(md: MappedDevice, io: DmIo): Kernel<void> {
  if (listening !== 0) emit(EV_IO_FREE, io.address, md.address, HERE);
  return freeDmIo(io, HERE);
}

/**
 * Seam parkPushback: the test of the flag and the append are one section of pushback_lock, against clear and splice.
 *
 *   CPU0 decPending                     CPU1 dmSuspend, interrupted
 *   NOFLUSH is set?  yes
 *                                       clear NOFLUSH, splice pushback, dispatch
 *   append to pushback                  nobody looks at the list again
 */
export function* parkPushback(md: MappedDevice, io: DmIo): Kernel<void> {
  const saved = yield* spinLockIrqsave(md.pushbackLock, HERE);
  if (yield* __noflushSuspending(md)) appendPushback(md, io);
  else refusePushback(md, io);
  yield* spinUnlockIrqrestore(md.pushbackLock, saved, HERE);
}

/** With pushback_lock held. */
export function appendPushback(md: MappedDevice, io: DmIo): void {
  const bio = Bio.at(io.bio);
  if (listening !== 0) emit(EV_BIO_PUSHED_BACK, bio.address, md.address, HERE);
  md.pushback.add(bio);
  md.pushedBack.value++;
}

/** No noflush suspend is under way: the bio that a target wanted back fails. */
export function refusePushback(md: MappedDevice, io: DmIo): void {
  if (listening !== 0) emit(EV_BIO_REFUSED, Bio.at(io.bio).address, md.address, HERE);
  io.error = -EIO;
}

/** Seam endIoAcct. Pairs with prepareToWait in waitForCompletion: pending is 0 before anybody is woken. */
export function endIoAcct(md: MappedDevice): Kernel<void> {
  if (listening !== 0) emit(EV_IO_END, md.address, 0, HERE);
  return ops.addThen(md.pending.word, -1, -1, 0, wakeSuspender, md, HERE);
}

const wakeSuspender = (md: MappedDevice, site: Site): Kernel<void> => wakeUp(md.wait, site);
