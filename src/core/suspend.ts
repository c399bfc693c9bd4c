/**
 * Suspend and resume.
 *
 * Models dm_suspend, dm_wait_for_completion and dm_resume of dm.c (2.6.33), with the pushback list of 2.6.20 spliced in front
 * of what was deferred at the end of the wait.
 *
 * Promises:
 *   If dmSuspend returns 0, no I/O is in flight, no target will be asked to map until resume, NOFLUSH is clear.
 *   If it returns −EINTR, the device is active as before, and every bio that was pushed back is on its way again; presuspend
 *   is not undone (spec B8).
 *   If dmResume returns 0, I/O flows, pushed-back bios first.
 */
import type { BioList } from '../block/bio-list.ts';
import { EINVAL } from '../machine/errno.ts';
import {
  EV_BLOCK_SET,
  EV_GATE_SHUT,
  EV_NOFLUSH_SET,
  EV_PUSHBACK_MERGE,
  EV_RESUME_RETURN,
  EV_RESUME_TARGETS,
  EV_SUSPEND_PHASE,
  EV_SUSPEND_RETURN,
  emit,
  listening,
} from '../machine/events.ts';
import type { Kernel } from '../machine/kernel.ts';
import { mutexLock, mutexUnlock } from '../shared/mutex.ts';
import { assertHeldWrite, downWrite, upWrite } from '../shared/rw-semaphore.ts';
import { spinLock, spinLockIrqsave, spinUnlock, spinUnlockIrqrestore } from '../shared/spinlock.ts';
import { TASK_INTERRUPTIBLE } from '../shared/task.ts';
import { waitEvent } from '../shared/wait-queue.ts';
import {
  type DmTable,
  dmTablePostsuspendTargets,
  dmTablePresuspendTargets,
  dmTablePut,
  dmTableResumeTargets,
  dmTableSize,
} from './dm-table.ts';
import { endSuspend, prepareSuspend } from './lock-fs.ts';
import {
  DMF_BLOCK_IO_FOR_SUSPEND,
  DMF_NOFLUSH_SUSPENDING,
  DMF_QUEUE_IO_TO_THREAD,
  DMF_SUSPENDED,
  type MappedDevice,
  SUSPEND_PHASES,
  type SuspendPhase,
} from './mapped-device.ts';
import { startQueue } from './rq-queue.ts';
import { seams } from './seams.ts';
import { dmGetTable } from './submit.ts';

/** Freezes the file system first; superseded by noflush. */
export const DM_SUSPEND_LOCKFS_FLAG = 1 << 0;
export const DM_SUSPEND_NOFLUSH_FLAG = 1 << 1;

/** For statistics and oracles. */
export function enterPhase(md: MappedDevice, phase: SuspendPhase): void {
  md.phase.value = SUSPEND_PHASES.indexOf(phase);
  if (listening !== 0) emit(EV_SUSPEND_PHASE, md.address, md.phase.value, HERE);
}

/** Suspends the device; 0, −EINVAL when it is suspended already, −EINTR after a signal, −ENOMEM, the error of a freeze. Process context. */
export function* dmSuspend(md: MappedDevice, suspendFlags: number): Kernel<number> {
  yield* mutexLock(md.suspendLock, HERE);
  let result = -EINVAL;
  if (((yield* md.flags.read(HERE)) & DMF_SUSPENDED) === 0) {
    const table = yield* dmGetTable(md);
    result = yield* suspendLocked(md, table, suspendFlags);
    if (table !== null) yield* dmTablePut(table);
  }
  enterPhase(md, 'idle');
  if (listening !== 0) emit(EV_SUSPEND_RETURN, md.address, result, HERE);
  yield* mutexUnlock(md.suspendLock, HERE);
  return result;
}

/** With suspend_lock held. */
function* suspendLocked(md: MappedDevice, table: DmTable | null, suspendFlags: number): Kernel<number> {
  const noflush = (suspendFlags & DM_SUSPEND_NOFLUSH_FLAG) !== 0;
  const prepared = yield* seams.beforeGate(md, table, (suspendFlags & DM_SUSPEND_LOCKFS_FLAG) !== 0, noflush);
  if (prepared !== 0) return prepared;
  const result = yield* seams.quiesce(md, noflush);
  if (result === 0) yield* seams.markSuspended(md, table);
  else yield* endSuspend(md);
  return result;
}

/** Seam beforeGate: the targets are told first, so that none of them keeps what the freeze writes. */
export function* presuspendThenFreeze(
  md: MappedDevice,
  table: DmTable | null,
  lockfs: boolean,
  noflush: boolean,
): Kernel<number> {
  enterPhase(md, 'presuspend');
  yield* seams.presuspend(md, table, noflush);
  enterPhase(md, 'freeze');
  return yield* prepareSuspend(md, lockfs, noflush);
}

/** Seam presuspend: the flag is set before any target is told, so that whatever a target flushes it may hand back. */
export function* presuspend(md: MappedDevice, table: DmTable | null, noflush: boolean): Kernel<void> {
  // Without pushback_lock: nobody looks at the flag before presuspend has made it visible through the target's own lock.
  if (noflush) yield* setNoflush(md);
  if (table !== null) yield* dmTablePresuspendTargets(table);
}

export function* setNoflush(md: MappedDevice): Kernel<void> {
  if (listening !== 0) emit(EV_NOFLUSH_SET, md.address, 0, HERE);
  yield* md.flags.set(DMF_NOFLUSH_SUSPENDING, HERE);
}

/** Seam quiesce, with kdmflush. Models the middle of dm_suspend of 2.6.33. */
export function* quiesce(md: MappedDevice, noflush: boolean): Kernel<number> {
  enterPhase(md, 'block');
  // When the write lock is had, every submitter that passed the gate has left it and is counted in pending.
  yield* downWrite(md.ioLock, HERE);
  yield* md.flags.set(DMF_BLOCK_IO_FOR_SUSPEND, HERE);
  yield* md.flags.set(DMF_QUEUE_IO_TO_THREAD, HERE);
  if (listening !== 0) emit(EV_BLOCK_SET, md.address, 0, HERE);
  yield* upWrite(md.ioLock, HERE);

  enterPhase(md, 'flush');
  // kdmflush maps without io_lock, so it is waited for.
  yield* seams.stopAndFlush(md);
  if (listening !== 0) emit(EV_GATE_SHUT, md.address, 0, HERE);

  enterPhase(md, 'wait');
  const result = yield* seams.waitForCompletion(md, TASK_INTERRUPTIBLE);

  enterPhase(md, 'finish');
  yield* downWrite(md.ioLock, HERE);
  if (noflush) yield* seams.mergePushback(md);
  yield* upWrite(md.ioLock, HERE);
  if (result !== 0) {
    yield* seams.dispatchDeferred(md);
    yield* startQueue(md);
  }
  return result;
}

/** Seam markSuspended, in the order of 2.6.33. */
export function* markSuspended(md: MappedDevice, table: DmTable | null): Kernel<void> {
  yield* md.flags.set(DMF_SUSPENDED, HERE);
  if (table !== null) yield* dmTablePostsuspendTargets(table);
}

/** Seam waitForCompletion: in-flight is tested before the signal, so a signal that comes when all is drained does not abort. */
export function* dmWaitForCompletion(md: MappedDevice, state: number): Kernel<number> {
  return yield* waitEvent(
    md.wait,
    function* drained(): Kernel<number> {
      return (yield* md.pending.read(HERE)) === 0 ? 1 : 0;
    },
    state,
    HERE,
  );
}

/** Seam mergePushback: with io_lock held for writing. Clear and splice are one section of pushback_lock (see parkPushback). */
export function* mergePushback(md: MappedDevice): Kernel<void> {
  assertHeldWrite(md.ioLock, HERE);
  const saved = yield* spinLockIrqsave(md.pushbackLock, HERE);
  yield* md.flags.clear(DMF_NOFLUSH_SUSPENDING, HERE);
  yield* spinLock(md.deferredLock, HERE);
  if (listening !== 0) emit(EV_PUSHBACK_MERGE, md.address, 0, HERE);
  seams.joinPushback(md.deferred, md.pushback);
  yield* spinUnlock(md.deferredLock, HERE);
  yield* spinUnlockIrqrestore(md.pushbackLock, saved, HERE);
}

/** Seam joinPushback: what was pushed back had been mapped before anything that is deferred came. */
export function pushbackFirst(deferred: BioList, pushback: BioList): void {
  deferred.mergeHead(pushback);
}

/** Resumes the device; 0, −EINVAL when it is not suspended or has no table, or a target's preresume error. Process context. */
export function* dmResume(md: MappedDevice): Kernel<number> {
  yield* mutexLock(md.suspendLock, HERE);
  let result = -EINVAL;
  if (((yield* md.flags.read(HERE)) & DMF_SUSPENDED) !== 0) {
    const table = yield* dmGetTable(md);
    if (table !== null) {
      if (dmTableSize(table) > 0) result = yield* resumeLocked(md, table);
      yield* dmTablePut(table);
    }
  }
  if (listening !== 0) emit(EV_RESUME_RETURN, md.address, result, HERE);
  yield* mutexUnlock(md.suspendLock, HERE);
  return result;
}

/** With suspend_lock held: targets before I/O. */
function* resumeLocked(md: MappedDevice, table: DmTable): Kernel<number> {
  const result = yield* dmTableResumeTargets(table);
  if (result !== 0) return result;
  if (listening !== 0) emit(EV_RESUME_TARGETS, md.address, 0, HERE);
  yield* seams.dispatchDeferred(md);
  yield* startQueue(md);
  // After I/O flows: whoever waits for the thaw will write.
  yield* endSuspend(md);
  yield* md.flags.clear(DMF_SUSPENDED, HERE);
  return 0;
}

/** Whether the device is suspended, right now. */
export function* dmSuspended(md: MappedDevice): Kernel<boolean> {
  return ((yield* md.flags.read(HERE)) & DMF_SUSPENDED) !== 0;
}
