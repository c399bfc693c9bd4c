/**
 * A multipath target whose paths have failed, as far as dmsetup.md asks for more than the list of the patch.
 */
import { fsFsync, fsWrite, umountBdev } from '../../src/block/file-system.ts';
import { DmTable, dmTableTarget } from '../../src/core/dm-table.ts';
import { dmTableStatus, doResume, doSuspend } from '../../src/core/ioctl.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../src/core/suspend.ts';
import { errnoText } from '../../src/machine/errno.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import type { Actor } from '../../src/machine/machine.ts';
import { memory } from '../../src/shared/memory.ts';
import { Multipath } from '../../src/targets/multipath/multipath.ts';
import { actor, type Bench, expect, Moment } from './bench.ts';
import type { AcceptanceCase } from './case.ts';
import { alwaysNoflush, errorsForgotten, failedAtGate, flagTooLate, neverNoflush } from './mistakes.ts';

const PRESETS = ['unified', '2.6.20'];
const BOTH_PATHS = '1 1 round-robin 0 2 1 disk0 1 disk1 1';
const FIRST_PATH = '1 1 round-robin 0 1 0 disk0';
const QUEUEING = '1 queue_if_no_path 0';
const NEW_PATH = '0 8 multipath 0 0 1 1 round-robin 0 1 0 disk1';
/** More failures than a case has I/Os. */
const FOR_EVER = 1000;

const queueSizes = (bench: Bench, ...targets: number[]): number[] =>
  targets.map((target) => Multipath.at(dmTableTarget(DmTable.at(bench.md.map), target).private).queueSize);

/** What sector 5 holds before the case begins. */
const OLD = 9;

function* plugIn(bench: Bench, mediaOfDisk1: number, table: string): Kernel<void> {
  yield* bench.disk(0);
  yield* bench.disk(1, {}, mediaOfDisk1);
  for (const disk of [0, 1]) memory.words[bench.diskAt(disk).media + 5] = OLD;
  yield* bench.device(table);
}

/** A writer of the sectors 1 and 2, and a reader of sector 5. */
const users = (bench: Bench, submitted: Moment): Actor[] => [
  actor('writer', 0, function* write(): Kernel<void> {
    yield* bench.write(0, 1, 2, 50);
    yield* submitted.come();
  }),
  actor('reader', 2, function* read(): Kernel<void> {
    yield* bench.read(1, 5);
    yield* submitted.come();
  }),
];

function* endWell(bench: Bench, disk: number): Kernel<void> {
  expect('end of the write', yield* bench.ends(0), ['0']);
  expect('end of the read', yield* bench.readEnd(1), ['0', OLD]);
  expect('what was written', bench.stored(disk, 1, 2), [50, 51]);
}

function expectQueued(bench: Bench, count: number): void {
  expect('I/O that has ended', bench.ended(0, 1), [false, false]);
  expect('I/O in the queue of the target', queueSizes(bench, 0), [count]);
}

const fsyncFails: AcceptanceCase = {
  of: 'dmsetup 50',
  sentence:
    'fsync fails when there is no valid path and queue_if_no_path is not set, and the suspend freezes all the same',
  presets: PRESETS,
  planted: errorsForgotten,
  build: (bench) => ({
    *setup(): Kernel<void> {
      yield* plugIn(bench, 0, `0 8 multipath 0 0 ${BOTH_PATHS}`);
      yield* bench.mount();
      for (const disk of [0, 1]) yield* bench.tell(`fail_path disk${disk}`);
    },
    actors: [
      actor('writer', 2, function* write(): Kernel<void> {
        yield* fsWrite(bench.sb, 1, 50);
        expect('fsync', errnoText(yield* fsFsync(bench.sb)), '-EIO');
      }),
    ],
    *verify(): Kernel<void> {
      expect('what was written', bench.stored(0, 1), [0]);
      expect('suspend', errnoText(yield* doSuspend(bench.md, 0)), '0');
      expect('resume', errnoText(yield* doResume(bench.md, 0)), '0');
      yield* bench.tell('reinstate_path disk1');
      yield* fsWrite(bench.sb, 1, 60);
      expect('fsync with a path', errnoText(yield* fsFsync(bench.sb)), '0');
      expect('what was written', bench.stored(0, 1), [60]);
      yield* umountBdev(bench.sb);
    },
  }),
};

const failingPaths: AcceptanceCase = {
  of: 'dmsetup 51',
  sentence: 'I/O under which the last path fails stays queued, and the status shows all paths failed',
  presets: PRESETS,
  planted: failedAtGate,
  build: (bench) => ({
    *setup(): Kernel<void> {
      yield* plugIn(bench, 0, `0 8 multipath ${QUEUEING} ${BOTH_PATHS}`);
      for (const disk of [0, 1]) bench.diskAt(disk).failNext.init(FOR_EVER);
    },
    actors: users(bench, new Moment('submitted')),
    *verify(): Kernel<void> {
      expectQueued(bench, 2);
      expect('status', yield* dmTableStatus(bench.md, true), '0 8 multipath 2 0 0 0 1 1 E 0 2 0 1:0 F 1 1:1 F 1 ');
      for (const disk of [0, 1]) bench.diskAt(disk).failNext.init(0);
      yield* bench.tell('reinstate_path disk1');
      yield* endWell(bench, 0);
    },
  }),
};

const queuedAgain: AcceptanceCase = {
  of: 'dmsetup 55',
  sentence: 'I/O that was queued again after a noflush suspend has the right data when a path is reinstated, reads too',
  presets: PRESETS,
  ...flagTooLate,
  build(bench) {
    const submitted = new Moment('submitted');
    return {
      *setup(): Kernel<void> {
        yield* plugIn(bench, 0, `0 8 multipath ${QUEUEING} ${BOTH_PATHS}`);
        for (const disk of [0, 1]) yield* bench.tell(`fail_path disk${disk}`);
      },
      actors: [
        ...users(bench, submitted),
        actor('administrator', 1, function* administrate(): Kernel<void> {
          for (let i = 0; i < 2; i++) yield* submitted.wait();
          expect('suspend', errnoText(yield* doSuspend(bench.md, DM_SUSPEND_NOFLUSH_FLAG)), '0');
          yield* bench.write(2, 6, 1, 70);
          expectQueued(bench, 0);
          expect('resume', errnoText(yield* doResume(bench.md, 0)), '0');
          yield* bench.settle();
          expectQueued(bench, 3);
          yield* bench.tell('reinstate_path disk1');
          expect('end of the write that was deferred', yield* bench.ends(2), ['0']);
          expect('what it wrote', bench.stored(0, 6), [70]);
        }),
      ],
      verify: () => endWell(bench, 0),
    };
  },
};

const flushedByResume: AcceptanceCase = {
  of: 'dmsetup 58',
  sentence: 'queued I/O fails when the device is resumed with a new table and without noflush, and later I/O succeeds',
  presets: PRESETS,
  planted: alwaysNoflush,
  build(bench) {
    const submitted = new Moment('submitted');
    return {
      *setup(): Kernel<void> {
        yield* plugIn(bench, 1, `0 8 multipath ${QUEUEING} ${FIRST_PATH}`);
        yield* bench.tell('fail_path disk0');
      },
      actors: [
        ...users(bench, submitted),
        actor('administrator', 1, function* administrate(): Kernel<void> {
          for (let i = 0; i < 2; i++) yield* submitted.wait();
          yield* bench.load(NEW_PATH);
          expectQueued(bench, 2);
          expect('resume', errnoText(yield* doResume(bench.md, 0)), '0');
          expect('ends', yield* bench.ends(0, 1), ['-EIO', '-EIO']);
        }),
      ],
      *verify(): Kernel<void> {
        expect('what was written', [...bench.stored(0, 1, 2), ...bench.stored(1, 1, 2)], [0, 0, 0, 0]);
        yield* bench.write(0, 1, 2, 50);
        yield* bench.read(1, 5);
        yield* endWell(bench, 1);
      },
    };
  },
};

/**
 * A bio of the sectors 3 and 4, queued in two targets. Under seed-000 the administrator is on the CPU of kmultipathd: the wait of
 * its suspend loses a wake-up that comes from another one.
 */
function spanning(sentence: string, noflush: boolean, act: (bench: Bench) => Kernel<void>): AcceptanceCase {
  return {
    of: 'dmsetup 59',
    sentence,
    presets: ['seed-000'],
    planted: noflush ? neverNoflush : alwaysNoflush,
    build(bench) {
      const submitted = new Moment('submitted');
      return {
        *setup(): Kernel<void> {
          const half = `multipath ${QUEUEING} ${FIRST_PATH}`;
          yield* plugIn(bench, 1, `0 4 ${half}\n4 4 ${half}`);
          for (const sector of [0, 4]) yield* bench.tell('fail_path disk0', sector);
        },
        actors: [
          actor('writer', 2, function* write(): Kernel<void> {
            yield* bench.write(0, 3, 2, 80);
            yield* submitted.come();
            expect('end', yield* bench.ends(0), [noflush ? '0' : '-EIO']);
          }),
          actor('administrator', 0, function* administrate(): Kernel<void> {
            yield* submitted.wait();
            expect('parts in the queues of the targets', queueSizes(bench, 0, 1), [1, 1]);
            yield* act(bench);
          }),
        ],
        *verify(): Kernel<void> {
          expect('on the old disk', bench.stored(0, 3, 4), [0, 0]);
          expect('on the new disk', bench.stored(1, 3, 4), noflush ? [80, 81] : [0, 0]);
        },
      };
    },
  };
}

const spanningFlushed = spanning(
  'with the patch as posted a bio that is queued in two multipath targets fails in a flushing suspend',
  false,
  function* act(bench): Kernel<void> {
    expect('suspend', errnoText(yield* doSuspend(bench.md, 0)), '0');
  },
);

const spanningReloaded = spanning(
  'with the patch as posted a bio that is queued in two multipath targets succeeds after a noflush suspend and a new table',
  true,
  function* act(bench): Kernel<void> {
    expect('suspend', errnoText(yield* doSuspend(bench.md, DM_SUSPEND_NOFLUSH_FLAG)), '0');
    expect('bios that were pushed back', bench.md.pushedBack.value, 1);
    yield* bench.load(NEW_PATH);
    expect('resume', errnoText(yield* doResume(bench.md, 0)), '0');
  },
);

export const pathCases: readonly AcceptanceCase[] = [
  fsyncFails,
  failingPaths,
  queuedAgain,
  flushedByResume,
  spanningFlushed,
  spanningReloaded,
];
