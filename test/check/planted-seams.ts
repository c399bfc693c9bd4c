/**
 * Planted violations of the kernel: one seam is swapped for one that makes the mistake. Without the swap each is clean.
 */
import { Bio, bioEndio } from '../../src/block/bio.ts';
import { dmQueueFlush } from '../../src/core/deferred.ts';
import type { DmIo } from '../../src/core/dm-io.ts';
import { appendPushback, endIoAcct, freeIo, refusePushback } from '../../src/core/end-io.ts';
import { doResume, doSuspend } from '../../src/core/ioctl.ts';
import {
  DMF_BLOCK_IO_FOR_SUSPEND,
  DMF_NOFLUSH_SUSPENDING,
  type MappedDevice,
  SUSPEND_PHASES,
} from '../../src/core/mapped-device.ts';
import { seams } from '../../src/core/seams.ts';
import { splitAndProcess } from '../../src/core/submit.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../src/core/suspend.ts';
import { EIO } from '../../src/machine/errno.ts';
import {
  EV_BIO_DEFERRED,
  EV_BIO_PUSHED_BACK,
  EV_BLOCK_CLEAR,
  EV_PUSHBACK_MERGE,
  emit,
  listening,
} from '../../src/machine/events.ts';
import { type Kernel, resolved } from '../../src/machine/kernel.ts';
import { ops } from '../../src/machine/operations.ts';
import { waitIo } from '../../src/scenarios/user-io.ts';
import {
  downRead,
  spinLock,
  spinLockIrq,
  spinLockIrqsave,
  spinUnlock,
  spinUnlockIrq,
  spinUnlockIrqrestore,
  upRead,
} from '../../src/shared/atomics-lock.ts';
import { current, sendSignal } from '../../src/shared/task.ts';
import { type Bench, type Planted, plant, writeAndWait } from './held.ts';

/** A bio is kept by the target, a noflush suspend gets it back, resume lets it through. */
function* pushBackAndResume(bench: Bench): Kernel<void> {
  const io = yield* bench.write(0);
  yield* doSuspend(bench.md, DM_SUSPEND_NOFLUSH_FLAG);
  yield* doResume(bench.md, 0);
  yield* waitIo(io);
}

/** The same with two bios. */
function* pushBackTwo(bench: Bench): Kernel<void> {
  const first = yield* bench.write(0);
  const second = yield* bench.write(1);
  yield* doSuspend(bench.md, DM_SUSPEND_NOFLUSH_FLAG);
  yield* doResume(bench.md, 0);
  yield* waitIo(first);
  yield* waitIo(second);
}

/** Two bios come while the device is suspended. */
function* deferTwo(bench: Bench): Kernel<void> {
  yield* doSuspend(bench.md, 0);
  const first = yield* bench.write(0);
  const second = yield* bench.write(1);
  yield* doResume(bench.md, 0);
  yield* waitIo(first);
  yield* waitIo(second);
}

/** A suspend that a signal interrupts while the target keeps a bio. */
function* interrupted(bench: Bench): Kernel<void> {
  const io = yield* bench.write(0);
  yield* bench.suspender.open();
  yield* sendSignal(current(), HERE);
  yield* doSuspend(bench.md, 0);
  yield* bench.suspender.close();
  yield* bench.release();
  yield* waitIo(io);
}

/** A bio comes while a suspend waits for the one that the target keeps, which then comes back. */
function* deferAndRelease(bench: Bench): Kernel<void> {
  while (((yield* bench.md.flags.read(HERE)) & DMF_BLOCK_IO_FOR_SUSPEND) === 0) yield* ops.relax(HERE);
  const io = yield* bench.write(1);
  yield* bench.release();
  yield* waitIo(io);
}

function* suspendAndResume(bench: Bench): Kernel<void> {
  yield* doSuspend(bench.md, 0);
  yield* doResume(bench.md, 0);
}

/** The target gives back what it keeps as soon as a suspend begins. */
const givingBack = (bench: Bench) => ({ ...bench.holding(), presuspend: () => bench.release() });
const keeping = (bench: Bench) => bench.holding();

/** finishIo in the right order, with another end of the bio. */
function finishing(end: (bio: Bio, error: number) => Kernel<void>) {
  return function* finishIo(md: MappedDevice, io: DmIo): Kernel<void> {
    const bio = Bio.at(io.bio);
    const error = io.error;
    yield* endIoAcct(md);
    yield* freeIo(md, io);
    yield* end(bio, error);
  };
}

/** mergePushback with something else in place of the splice and the clearing of the flag. */
function merging(change: (md: MappedDevice) => Kernel<void>) {
  return function* merge(md: MappedDevice): Kernel<void> {
    const saved = yield* spinLockIrqsave(md.pushbackLock, HERE);
    yield* spinLock(md.deferredLock, HERE);
    if (listening !== 0) emit(EV_PUSHBACK_MERGE, md.address, 0, HERE);
    yield* change(md);
    yield* spinUnlock(md.deferredLock, HERE);
    yield* spinUnlockIrqrestore(md.pushbackLock, saved, HERE);
  };
}

function underPushbackLock(append: (md: MappedDevice, io: DmIo) => void) {
  return function* parkPushback(md: MappedDevice, io: DmIo): Kernel<void> {
    const saved = yield* spinLockIrqsave(md.pushbackLock, HERE);
    append(md, io);
    yield* spinUnlockIrqrestore(md.pushbackLock, saved, HERE);
  };
}

export const plantedSeams: readonly Planted[] = [
  plant('I2', 'wrong-error', 'REQUEUE reaches the submitter', {
    tasks: [writeAndWait],
    swaps: { finishIo: finishing((bio) => bioEndio(bio, 2)) },
  }),
  plant('I3', 'lost-bio', 'a pushed-back bio is put on no list', {
    script: givingBack,
    tasks: [pushBackAndResume],
    swaps: {
      parkPushback: underPushbackLock((md, io) => emit(EV_BIO_PUSHED_BACK, Bio.at(io.bio).address, md.address, HERE)),
    },
  }),
  plant('I3', 'assertion', 'a bio is deferred without the lock of the list', {
    tasks: [deferTwo],
    swaps: {
      queueIo(md, bio): Kernel<boolean> {
        if (listening !== 0) emit(EV_BIO_DEFERRED, bio.address, md.address, HERE);
        md.deferred.add(bio);
        return resolved(true);
      },
    },
  }),
  plant('I4', 'assertion', 'the accounting of an I/O ends twice', {
    tasks: [writeAndWait],
    swaps: {
      *endIoAcct(md): Kernel<void> {
        yield* endIoAcct(md);
        yield* endIoAcct(md);
      },
    },
  }),
  plant('I4', 'assertion', 'the accounting of an I/O never ends', {
    tasks: [writeAndWait],
    swaps: { endIoAcct: () => resolved(undefined) },
  }),
  plant('I5', 'assertion', 'a dm_io is freed while it is counted', {
    tasks: [writeAndWait],
    swaps: {
      *finishIo(md, io): Kernel<void> {
        yield* io.ioCount.add(1, HERE);
        yield* seams.endIoAcct(md);
        yield* freeIo(md, io);
      },
    },
  }),
  plant('I6', 'assertion', 'a bio is pushed back without the lock', {
    script: givingBack,
    tasks: [pushBackAndResume],
    swaps: {
      parkPushback(md, io): Kernel<void> {
        appendPushback(md, io);
        return resolved(undefined);
      },
    },
  }),
  plant('I7', 'assertion', 'suspend leaves NOFLUSH set', {
    script: givingBack,
    tasks: [pushBackAndResume],
    swaps: {
      mergePushback: merging((md) => {
        md.deferred.mergeHead(md.pushback);
        return resolved(undefined);
      }),
    },
  }),
  plant('I8', 'lost-bio', 'suspend leaves the pushback list as it is', {
    script: givingBack,
    tasks: [pushBackAndResume],
    swaps: {
      *mergePushback(md): Kernel<void> {
        yield* md.flags.clear(DMF_NOFLUSH_SUSPENDING, HERE);
      },
    },
  }),
  plant('I8', 'assertion', 'suspend takes the pushback list without its lock', {
    script: givingBack,
    tasks: [pushBackAndResume],
    swaps: {
      *mergePushback(md): Kernel<void> {
        yield* md.flags.clear(DMF_NOFLUSH_SUSPENDING, HERE);
        yield* spinLockIrq(md.deferredLock, HERE);
        if (listening !== 0) emit(EV_PUSHBACK_MERGE, md.address, 0, HERE);
        md.deferred.mergeHead(md.pushback);
        yield* spinUnlockIrq(md.deferredLock, HERE);
      },
    },
  }),
  plant('I3', 'assertion', 'suspend merges the pushback list without the lock of the other', {
    script: givingBack,
    tasks: [pushBackAndResume],
    swaps: {
      *mergePushback(md): Kernel<void> {
        yield* spinLockIrq(md.pushbackLock, HERE);
        yield* md.flags.clear(DMF_NOFLUSH_SUSPENDING, HERE);
        if (listening !== 0) emit(EV_PUSHBACK_MERGE, md.address, 0, HERE);
        md.deferred.mergeHead(md.pushback);
        yield* spinUnlockIrq(md.pushbackLock, HERE);
      },
    },
  }),
  plant('I9', 'assertion', 'a submitter maps although I/O is blocked', {
    script: keeping,
    tasks: [
      function* suspend(bench): Kernel<void> {
        const io = yield* bench.write(0);
        yield* suspendAndResume(bench);
        yield* waitIo(io);
      },
      function* submit(bench): Kernel<void> {
        const io = yield* bench.write(1);
        yield* bench.release();
        yield* waitIo(io);
      },
    ],
    swaps: {
      *queueIo(md, bio): Kernel<boolean> {
        yield* downRead(md.ioLock, HERE);
        yield* splitAndProcess(md, bio);
        yield* upRead(md.ioLock, HERE);
        return true;
      },
    },
  }),
  plant('I29', 'leak', 'a dm_io is never freed', {
    tasks: [writeAndWait],
    swaps: {
      *finishIo(md, io): Kernel<void> {
        yield* endIoAcct(md);
        yield* bioEndio(Bio.at(io.bio), io.error);
      },
    },
  }),
  plant('I35', 'reorder', 'pushed-back bios go behind what was deferred', {
    script: keeping,
    tasks: [pushBackAndResume, deferAndRelease],
    swaps: {
      mergePushback: merging(function* behind(md): Kernel<void> {
        yield* md.flags.clear(DMF_NOFLUSH_SUSPENDING, HERE);
        md.deferred.mergeTail(md.pushback);
      }),
    },
  }),
  plant('I36', 'reorder', 'pushed-back bios are turned round', {
    script: givingBack,
    tasks: [pushBackTwo],
    swaps: {
      parkPushback: underPushbackLock((md, io) => {
        const bio = Bio.at(io.bio);
        if (listening !== 0) emit(EV_BIO_PUSHED_BACK, bio.address, md.address, HERE);
        md.pushback.addHead(bio);
      }),
    },
  }),
  plant('I37', 'reorder', 'deferred bios are turned round', {
    tasks: [deferTwo],
    swaps: {
      *queueIo(md, bio): Kernel<boolean> {
        yield* spinLockIrq(md.deferredLock, HERE);
        if (listening !== 0) emit(EV_BIO_DEFERRED, bio.address, md.address, HERE);
        md.deferred.addHead(bio);
        yield* spinUnlockIrq(md.deferredLock, HERE);
        return true;
      },
    },
  }),
  plant('I45', 'lost-bio', 'nobody is told to map what was deferred', {
    tasks: [deferTwo],
    swaps: {
      *dispatchDeferred(md): Kernel<void> {
        if (md.deferred.empty) return yield* dmQueueFlush(md);
        yield* md.flags.clear(DMF_BLOCK_IO_FOR_SUSPEND, HERE);
        if (listening !== 0) emit(EV_BLOCK_CLEAR, md.address, 0, HERE);
      },
    },
  }),
  plant('I46', 'assertion', 'suspend does not wait', {
    script: keeping,
    tasks: [
      function* suspend(bench): Kernel<void> {
        const io = yield* bench.write(0);
        yield* suspendAndResume(bench);
        yield* waitIo(io);
      },
      (bench) => bench.release(),
    ],
    swaps: { waitForCompletion: () => resolved(0) },
  }),
  plant('I47', 'lost-wakeup', 'nobody wakes the suspender', {
    script: keeping,
    tasks: [
      function* suspend(bench): Kernel<void> {
        const io = yield* bench.write(0);
        yield* suspendAndResume(bench);
        yield* waitIo(io);
      },
      (bench) => bench.release(),
    ],
    swaps: {
      *endIoAcct(md): Kernel<void> {
        yield* md.pending.add(-1, HERE);
      },
    },
  }),
  plant('I50', 'assertion', 'an interrupted suspend leaves I/O blocked', {
    script: keeping,
    tasks: [interrupted],
    swaps: {
      dispatchDeferred: (md) => (SUSPEND_PHASES[md.phase.value] === 'finish' ? resolved(undefined) : dmQueueFlush(md)),
    },
  }),
  plant('I53', 'wrong-error', 'a bio fails although a noflush suspend covers it', {
    script: givingBack,
    tasks: [pushBackAndResume],
    swaps: { parkPushback: underPushbackLock(refusePushback) },
  }),
  plant('I53', 'wrong-error', 'a bio fails and nothing says why', {
    tasks: [writeAndWait],
    swaps: { finishIo: finishing((bio) => bioEndio(bio, -EIO)) },
  }),
  plant('I8', 'lost-bio', 'a bio is pushed back after the flag was cleared', {
    script: givingBack,
    tasks: [pushBackAndResume],
    swaps: {
      *parkPushback(md, io): Kernel<void> {
        yield* md.flags.clear(DMF_NOFLUSH_SUSPENDING, HERE);
        yield* underPushbackLock(appendPushback)(md, io);
      },
    },
  }),
];
