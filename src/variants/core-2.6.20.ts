/**
 * The mechanisms of 2.6.20: no thread, one list that io_lock guards, deferred bios mapped by who lets them go.
 *
 * Models dm_request, queue_io, dm_suspend, __flush_deferred_io and dm_resume of dm.c (2.6.20). `md.deferred` is guarded by
 * io_lock held for writing, so no spinlock is taken for it; kdmflush exists here too, and has nothing to do.
 *
 * Not repaired, because it is this mechanism's shape: io_lock is held for writing while deferred bios are mapped, so a target
 * whose map sleeps until another task has submitted to the same device never wakes (bugs/deferred-flush-under-io-lock.ts).
 */
import { BIO_RW_BARRIER, type Bio, REQ_READA } from '../block/bio.ts';
import type { DmTable } from '../core/dm-table.ts';
import { dmTablePostsuspendTargets } from '../core/dm-table.ts';
import {
  DMF_BLOCK_IO_FOR_SUSPEND,
  DMF_NOFLUSH_SUSPENDING,
  DMF_SUSPENDED,
  type MappedDevice,
} from '../core/mapped-device.ts';
import { seams } from '../core/seams.ts';
import { failReada, refuseBarrier, splitAndProcess } from '../core/submit.ts';
import { enterPhase } from '../core/suspend.ts';
import { EINTR } from '../machine/errno.ts';
import {
  EV_BIO_DEFERRED,
  EV_BLOCK_CLEAR,
  EV_BLOCK_SET,
  EV_DISPATCH,
  EV_GATE_SHUT,
  EV_PUSHBACK_MERGE,
  emit,
  listening,
} from '../machine/events.ts';
import type { Kernel } from '../machine/kernel.ts';
import { downRead, downWrite, upRead, upWrite } from '../shared/rw-semaphore.ts';
import { spinLockIrqsave, spinUnlockIrqrestore } from '../shared/spinlock.ts';
import { current, setCurrentState, signalPending, TASK_INTERRUPTIBLE, TASK_RUNNING } from '../shared/task.ts';
import { defineWait, finishWait, freeWait, prepareToWait, scheduleOn } from '../shared/wait-queue.ts';

function* isBlocked(md: MappedDevice): Kernel<boolean> {
  return ((yield* md.flags.read(HERE)) & DMF_BLOCK_IO_FOR_SUSPEND) !== 0;
}

/** Seam gate: only BLOCK_IO shuts it. Between the two locks it may have opened, so it is tested under each. Barriers came with the thread. */
export function* gateByBlockIo(md: MappedDevice, bio: Bio): Kernel<void> {
  if ((bio.bioFlags & BIO_RW_BARRIER) !== 0) {
    yield* refuseBarrier(bio);
    return;
  }
  yield* downRead(md.ioLock, HERE);
  while (yield* isBlocked(md)) {
    yield* upRead(md.ioLock, HERE);
    if ((bio.bioFlags & REQ_READA) !== 0) {
      yield* failReada(bio);
      return;
    }
    if (yield* seams.queueIo(md, bio)) return;
    yield* downRead(md.ioLock, HERE);
  }
  yield* splitAndProcess(md, bio);
  yield* upRead(md.ioLock, HERE);
}

/** Seam queueIo: under io_lock held for writing, if the gate is still shut. */
export function* queueIoIfBlocked(md: MappedDevice, bio: Bio): Kernel<boolean> {
  yield* downWrite(md.ioLock, HERE);
  const blocked = yield* isBlocked(md);
  if (blocked) {
    if (listening !== 0) emit(EV_BIO_DEFERRED, bio.address, md.address, HERE);
    md.deferred.add(bio);
  }
  yield* upWrite(md.ioLock, HERE);
  return blocked;
}

/** With io_lock held for writing. */
export function* openGate(md: MappedDevice): Kernel<void> {
  yield* md.flags.clear(DMF_BLOCK_IO_FOR_SUSPEND, HERE);
  if (listening !== 0) emit(EV_BLOCK_CLEAR, md.address, 0, HERE);
}

/**
 * Opens the gate and maps what was deferred, with io_lock held for writing. The kernel takes the whole list first; nobody else
 * can touch the list, so taking it bio by bio is the same.
 */
export function* __flushDeferredIo(md: MappedDevice): Kernel<void> {
  yield* openGate(md);
  for (let bio = md.deferred.pop(); bio !== null; bio = md.deferred.pop()) {
    if (listening !== 0) emit(EV_DISPATCH, bio.address, md.address, HERE);
    yield* splitAndProcess(md, bio);
  }
}

/** Seam dispatchDeferred: when it returns, everything is mapped. */
export function* flushDeferredIo(md: MappedDevice): Kernel<void> {
  yield* downWrite(md.ioLock, HERE);
  yield* __flushDeferredIo(md);
  yield* upWrite(md.ioLock, HERE);
}

/** Seam flushAndOut: in one section of io_lock, so that nobody gets in front of what was pushed back. */
export function* flushAndOutInline(md: MappedDevice): Kernel<void> {
  yield* downWrite(md.ioLock, HERE);
  yield* seams.mergePushback(md);
  yield* __flushDeferredIo(md);
  yield* upWrite(md.ioLock, HERE);
}

/** Seam mergePushback: with io_lock held for writing, which is all that the deferred list needs. */
export function* mergeUnderIoLock(md: MappedDevice): Kernel<void> {
  const saved = yield* spinLockIrqsave(md.pushbackLock, HERE);
  yield* md.flags.clear(DMF_NOFLUSH_SUSPENDING, HERE);
  if (listening !== 0) emit(EV_PUSHBACK_MERGE, md.address, 0, HERE);
  seams.joinPushback(md.deferred, md.pushback);
  yield* spinUnlockIrqrestore(md.pushbackLock, saved, HERE);
}

/** Seam waitForCompletion: the caller is on md.wait already. The state is set before pending is read (see wait-queue.ts). */
export function* sleepUntilDrained(md: MappedDevice, state: number): Kernel<number> {
  const task = current();
  let result = 0;
  for (;;) {
    yield* setCurrentState(state, HERE);
    if ((yield* md.pending.read(HERE)) === 0) break;
    if (state === TASK_INTERRUPTIBLE && (yield* signalPending(task, HERE)) !== 0) {
      result = -EINTR;
      break;
    }
    yield* scheduleOn(md.wait, HERE);
  }
  yield* setCurrentState(TASK_RUNNING, HERE);
  return result;
}

/** What is in flight when the wait is over: the seam between two orders of one test. */
type Finish = (md: MappedDevice, noflush: boolean) => Kernel<boolean>;

/**
 * Seam quiesce: there is no thread to wait for, and the suspend was interrupted exactly if something is still in flight. Then `reopen`
 * opens the gate again, with io_lock held for writing.
 */
export function quiesceAnd(finish: Finish, reopen: (md: MappedDevice) => Kernel<void> = __flushDeferredIo) {
  return function* quiesceWithoutThread(md: MappedDevice, noflush: boolean): Kernel<number> {
    enterPhase(md, 'block');
    const entry = defineWait(0);
    yield* downWrite(md.ioLock, HERE);
    yield* md.flags.set(DMF_BLOCK_IO_FOR_SUSPEND, HERE);
    if (listening !== 0) {
      emit(EV_BLOCK_SET, md.address, 0, HERE);
      emit(EV_GATE_SHUT, md.address, 0, HERE);
    }
    // add_wait_queue: on the queue, not yet asleep.
    yield* prepareToWait(md.wait, entry, TASK_RUNNING, HERE);
    yield* upWrite(md.ioLock, HERE);

    enterPhase(md, 'wait');
    yield* seams.waitForCompletion(md, TASK_INTERRUPTIBLE);

    enterPhase(md, 'finish');
    yield* downWrite(md.ioLock, HERE);
    yield* finishWait(md.wait, entry, HERE);
    freeWait(entry);
    const interrupted = yield* finish(md, noflush);
    if (interrupted) yield* reopen(md);
    yield* upWrite(md.ioLock, HERE);
    return interrupted ? -EINTR : 0;
  };
}

/**
 * Repaired: asks before it merges. A bio that comes back between a merge and a later question is refused, and leaves a suspend
 * that succeeds although I/O that it covered has failed:
 *
 *   CPU0 dmSuspend, after a signal            CPU1 decPending of the last bio, REQUEUE
 *   clear NOFLUSH, splice pushback
 *                                             NOFLUSH is clear: −EIO; pending := 0
 *   pending is 0: not interrupted, return 0
 */
export function* askFirst(md: MappedDevice, noflush: boolean): Kernel<boolean> {
  const interrupted = (yield* md.pending.read(HERE)) !== 0;
  if (noflush) yield* seams.mergePushback(md);
  return interrupted;
}
export const quiesceAskingFirst = quiesceAnd(askFirst);

/** As it was posted and released: merges, then asks. */
export const quiesceAskingLast = quiesceAnd(function* askLast(md, noflush): Kernel<boolean> {
  if (noflush) yield* seams.mergePushback(md);
  return (yield* md.pending.read(HERE)) !== 0;
});

/** Seam markSuspended: the targets are told before anybody can see SUSPENDED. */
export function* postsuspendFirst(md: MappedDevice, table: DmTable | null): Kernel<void> {
  if (table !== null) yield* dmTablePostsuspendTargets(table);
  yield* md.flags.set(DMF_SUSPENDED, HERE);
}
