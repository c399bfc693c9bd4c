/**
 * Planted violations by those who use the kernel: targets, drivers and callers that do what they must not.
 */
import { BIO_PART, type Bio, Bio as Bios, bioAlloc, bioEndio, endIos, REQ_WRITE } from '../../src/block/bio.ts';
import { genericMakeRequest } from '../../src/block/submit.ts';
import { dmQueueFlush } from '../../src/core/deferred.ts';
import { DM_ENDIO_REQUEUE } from '../../src/core/device-mapper.ts';
import type { DmTable } from '../../src/core/dm-table.ts';
import { dmTablePut } from '../../src/core/dm-table.ts';
import { dmTableBindEvents, dmTableEvent } from '../../src/core/event.ts';
import { doResume, doSuspend } from '../../src/core/ioctl.ts';
import { dmGetTable, splitAndProcess } from '../../src/core/submit.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../src/core/suspend.ts';
import { initWork, queueWork, Workqueue, workFunctions } from '../../src/irq/workqueue.ts';
import { EV_BIO_SPLIT, emit } from '../../src/machine/events.ts';
import { type Kernel, resolved } from '../../src/machine/kernel.ts';
import {
  downRead,
  mutexLock,
  mutexUnlock,
  spinLock,
  spinLockIrq,
  spinLockIrqsave,
  spinUnlock,
  spinUnlockIrq,
  spinUnlockIrqrestore,
  upRead,
  writeLock,
  writeUnlock,
} from '../../src/shared/atomics-lock.ts';
import { remap } from '../../src/targets/scripted.ts';
import { type Bench, type Planted, plant, writeAndWait } from './held.ts';

/** Its bio outlives its end, so that a second end is no use after free. */
const KEPT_ENDIO = endIos.define('planted_kept', () => resolved(undefined));

function keptBio(bench: Bench, sector: number, size = 1): Bio {
  const bio = bioAlloc() as Bio;
  bio.sector = sector;
  bio.size = size;
  bio.bioFlags = REQ_WRITE;
  bio.bdev = bench.device.bdev.handle;
  bio.endIo = KEPT_ENDIO;
  return bio;
}

const NO_WORK = workFunctions.define('planted_work', () => resolved(undefined));

/** kdmflush has this CPU, so it does not come in between. */
function* queuedTwice(bench: Bench): Kernel<void> {
  const wq = Workqueue.at(bench.md.wq);
  const work = initWork(NO_WORK, 0);
  yield* queueWork(wq, work, HERE);
  yield* work.pending.set(0, HERE);
  yield* queueWork(wq, work, HERE);
}

function* mapUnlocked(bench: Bench): Kernel<void> {
  yield* splitAndProcess(bench.md, keptBio(bench, 0));
}

/** One task takes a, then b, when the other has its first too. */
function* bothMutexes(bench: Bench, order: 'suspend first' | 'suspend last'): Kernel<void> {
  const { suspendLock } = bench.md;
  const other = bench.mutex;
  const [first, second] = order === 'suspend first' ? [suspendLock, other] : [other, suspendLock];
  yield* mutexLock(first, HERE);
  yield* bench.meet(2);
  yield* mutexLock(second, HERE);
  yield* mutexUnlock(second, HERE);
  yield* mutexUnlock(first, HERE);
}

export const plantedMisuse: readonly Planted[] = [
  plant('I1', 'double-completion', 'a bio ends twice', {
    tasks: [
      function* endTwice(bench): Kernel<void> {
        const bio = keptBio(bench, 0);
        yield* genericMakeRequest(bio);
        yield* bioEndio(bio, 0);
      },
    ],
  }),
  plant('I1', 'double-completion', 'a bio ends before its clone has', {
    script: (bench) => bench.holding(),
    tasks: [
      function* endEarly(bench): Kernel<void> {
        const bio = keptBio(bench, 0);
        yield* genericMakeRequest(bio);
        yield* bioEndio(bio, 0);
      },
    ],
  }),
  plant('I10', 'assertion', 'a bio is mapped while the device is suspended', {
    tasks: [
      function* mapSuspended(bench): Kernel<void> {
        yield* doSuspend(bench.md, 0);
        yield* downRead(bench.md.ioLock, HERE);
        yield* mapUnlocked(bench);
        yield* upRead(bench.md.ioLock, HERE);
      },
    ],
  }),
  plant('I11', 'assertion', 'a bio is mapped without io_lock', { tasks: [mapUnlocked] }),
  plant('I20', 'assertion', 'an item of work is queued while it is on the list', { tasks: [queuedTwice] }),
  plant('I12', 'wrong-error', 'a target says REQUEUE without a noflush suspend', {
    script: () => ({ endIo: () => resolved(DM_ENDIO_REQUEUE) }),
    tasks: [writeAndWait],
  }),
  plant('I13', 'assertion', 'a target submits a clone itself and says REMAPPED', {
    script: () => ({
      *map(ti, clone): Kernel<number> {
        const said = remap(ti, clone);
        yield* genericMakeRequest(clone);
        return said;
      },
    }),
    tasks: [writeAndWait],
  }),
  plant('I14', 'use-after-free', 'a bio is read after it was freed', {
    tasks: [
      function* readFreed(bench): Kernel<void> {
        const bio = keptBio(bench, 0);
        yield* genericMakeRequest(bio);
        Bios.free(bio);
        yield* bench.note(bio.sector);
      },
    ],
  }),
  plant('I15', 'use-after-free', 'a reference to a table is given up twice too often', {
    tasks: [
      function* putTooOften(bench): Kernel<void> {
        const table = (yield* dmGetTable(bench.md)) as DmTable;
        for (let i = 0; i < 3; i++) yield* dmTablePut(table);
      },
    ],
  }),
  plant('I17', 'irq-unsafe', 'spin_lock_irq with interrupts off', {
    tasks: [
      function* nested({ md }): Kernel<void> {
        const saved = yield* spinLockIrqsave(md.pushbackLock, HERE);
        yield* spinLockIrq(md.deferredLock, HERE);
        yield* spinUnlockIrq(md.deferredLock, HERE);
        yield* spinUnlockIrqrestore(md.pushbackLock, saved, HERE);
      },
    ],
  }),
  plant('I18', 'sleep-in-atomic', 'a mutex is taken under a spinlock', {
    tasks: [
      function* sleepy({ md }): Kernel<void> {
        yield* spinLock(md.deferredLock, HERE);
        yield* mutexLock(md.suspendLock, HERE);
        yield* mutexUnlock(md.suspendLock, HERE);
        yield* spinUnlock(md.deferredLock, HERE);
      },
    ],
  }),
  plant('I18', 'leak', 'a task ends with a mutex', { tasks: [({ md }) => mutexLock(md.suspendLock, HERE)] }),
  plant('I34', 'assertion', 'event_nr skips a number', {
    tasks: [
      function* skip({ md }): Kernel<void> {
        yield* md.eventNr.add(1, HERE);
        const table = (yield* dmGetTable(md)) as DmTable;
        yield* dmTableEvent(table);
        yield* dmTablePut(table);
      },
    ],
  }),
  plant('I34', 'assertion', 'a table makes an event after its events were unbound', {
    tasks: [
      function* late({ md }): Kernel<void> {
        const table = (yield* dmGetTable(md)) as DmTable;
        yield* dmTableBindEvents(table, false);
        table.eventsBound = 1;
        yield* dmTableEvent(table);
        yield* dmTablePut(table);
      },
    ],
  }),
  plant('I34', 'assertion', 'a table whose events nobody has unbound makes one after a swap', {
    tasks: [
      function* swapped(bench): Kernel<void> {
        const { md } = bench;
        const old = (yield* dmGetTable(md)) as DmTable;
        yield* doSuspend(md, 0);
        yield* writeLock(md.mapLock, HERE);
        md.map = 0;
        yield* writeUnlock(md.mapLock, HERE);
        yield* dmTableEvent(old);
      },
    ],
  }),
  plant('I38', 'assertion', 'the mapped part of a split is not trimmed', {
    tasks: [
      function* untrimmed(bench): Kernel<void> {
        const part = keptBio(bench, 0, 4);
        part.bioFlags |= BIO_PART;
        emit(EV_BIO_SPLIT, keptBio(bench, 2, 2).address, part.address, HERE);
        yield* bench.note(0);
      },
    ],
  }),
  plant('I39', 'assertion', 'I/O flows before the targets have been resumed', {
    script: (bench) => ({
      *preresume(): Kernel<number> {
        yield* dmQueueFlush(bench.md);
        return 0;
      },
    }),
    tasks: [
      function* resume({ md }): Kernel<void> {
        yield* doSuspend(md, 0);
        yield* doResume(md, 0);
      },
    ],
  }),
  plant('I48', 'deadlock', 'two tasks take two mutexes in opposite order', {
    tasks: [(bench) => bothMutexes(bench, 'suspend first'), (bench) => bothMutexes(bench, 'suspend last')],
  }),
  plant('I48', 'self-deadlock', 'a task takes a mutex twice', {
    tasks: [
      function* twice({ md }): Kernel<void> {
        yield* mutexLock(md.suspendLock, HERE);
        yield* mutexLock(md.suspendLock, HERE);
      },
    ],
  }),
  plant('I49', 'deadlock', 'a target keeps its I/O through a noflush suspend', {
    script: (bench) => bench.holding(),
    tasks: [
      function* suspend(bench): Kernel<void> {
        yield* bench.write(0);
        yield* doSuspend(bench.md, DM_SUSPEND_NOFLUSH_FLAG);
      },
    ],
  }),
];
