/**
 * The tests that the noflush patch lists for multipath: what was so before (regression), and what is new (normal path).
 *
 * Two paths lead to one storage. Both have failed before I/O comes, unless a case says otherwise. Where a case says that I/O does
 * not end, the machine has come to rest in between: nothing is under way that could still end it.
 */

import { DmTable, dmTableTarget } from '../../src/core/dm-table.ts';
import { dmTableStatus, doResume, doSuspend } from '../../src/core/ioctl.ts';
import { DMF_NOFLUSH_SUSPENDING, DMF_SUSPENDED, type MappedDevice } from '../../src/core/mapped-device.ts';
import { DM_SUSPEND_NOFLUSH_FLAG, dmSuspended, presuspend } from '../../src/core/suspend.ts';
import { errnoText } from '../../src/machine/errno.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import type { Actor } from '../../src/machine/machine.ts';
import { Multipath } from '../../src/targets/multipath/multipath.ts';
import { actor, type Bench, expect, Moment } from './bench.ts';
import type { AcceptanceCase } from './case.ts';
import { errorsForgotten, failedAtGate, flagTooLate } from './mistakes.ts';

const PRESETS = ['unified', '2.6.20'];
const PATHS = '1 1 round-robin 0 2 1 disk0 1 disk1 1';
const QUEUEING = `0 8 multipath 1 queue_if_no_path 0 ${PATHS}`;
const FAILING = `0 8 multipath 0 0 ${PATHS}`;
const OLD_PATH = '1 queue_if_no_path 0 1 1 round-robin 0 1 0 disk0';
/** What sector 5 holds before anybody writes. */
const STORED = 9;
/** Two targets; a bio of the sectors 3 and 4 spans both. */
const TWO_TARGETS = `0 4 multipath ${OLD_PATH}\n4 4 multipath ${OLD_PATH}`;
const NEW_PATH = '0 8 multipath 0 0 1 1 round-robin 0 1 0 disk1';

/** Every suspend takes I/O back. */
const alwaysNoflush = (md: MappedDevice, table: DmTable | null): Kernel<void> => presuspend(md, table, true);

const multipath = (bench: Bench, target = 0): Multipath =>
  Multipath.at(dmTableTarget(DmTable.at(bench.md.map), target).private);

/** A table over two paths to one storage. */
function* plugIn(bench: Bench, table: string): Kernel<void> {
  yield* bench.disk(0);
  yield* bench.disk(1, {}, 0);
  bench.store(0, 5, STORED);
  yield* bench.device(table);
}

/** The same, and both paths have failed. */
function* withoutPath(bench: Bench, table: string): Kernel<void> {
  yield* plugIn(bench, table);
  for (const disk of [0, 1]) yield* bench.tell(`fail_path disk${disk}`);
}

/** A table over one path that has failed, and another disk that a new table can be loaded for. */
function* oldPathFailed(bench: Bench, table: string): Kernel<void> {
  yield* bench.disk(0);
  yield* bench.disk(1);
  bench.store(1, 5, STORED);
  yield* bench.device(table);
  for (const sector of table === TWO_TARGETS ? [0, 4] : [0]) yield* bench.tell('fail_path disk0', sector);
}

/** Two users, one of whom writes the sectors 1 and 2, the other reads sector 5; `submitted` comes for each. */
function users(bench: Bench, submitted: Moment): Actor[] {
  return [
    actor('writer', 0, function* write(): Kernel<void> {
      yield* bench.write(0, 1, 2, 50);
      yield* submitted.come();
    }),
    actor('reader', 2, function* read(): Kernel<void> {
      yield* bench.read(1, 5);
      yield* submitted.come();
    }),
  ];
}

/** The administrator acts when what the users have submitted is queued in the target. */
function whenQueued(bench: Bench, submitted: Moment, act: () => Kernel<void>): Actor {
  return actor('administrator', 1, function* administrate(): Kernel<void> {
    for (let i = 0; i < 2; i++) yield* submitted.wait();
    expect('I/O in the queue of the target', multipath(bench).queueSize, 2);
    expect('I/O that has ended before the suspend', bench.ended(0, 1), [false, false]);
    yield* act();
  });
}

function* suspend(bench: Bench, flags: number): Kernel<void> {
  expect('suspend', errnoText(yield* doSuspend(bench.md, flags)), '0');
}

function* resume(bench: Bench, flags = 0): Kernel<void> {
  expect('resume', errnoText(yield* doResume(bench.md, flags)), '0');
  expect('suspended after the resume', yield* dmSuspended(bench.md), false);
}

/** The write and the read of the users end well: the write is on the disk, and the read has what is on it. */
function* endWell(bench: Bench, disk: number): Kernel<void> {
  expect('end of the write', yield* bench.ends(0), ['0']);
  expect('what was read', yield* bench.readEnd(1), ['0', STORED]);
  expect('what was written', bench.stored(disk, 1, 2), [50, 51]);
}

/** Neither has ended, and the queue of the target has so many. */
function expectQueued(bench: Bench, count: number): void {
  expect('I/O that has ended', bench.ended(0, 1), [false, false]);
  expect('I/O in the queue of the target', multipath(bench).queueSize, count);
}

/** After `act`, which begins with two I/Os in the queue of a target without a path. */
function queuedCase(
  of: string,
  sentence: string,
  act: (bench: Bench) => Kernel<void>,
  verify: (bench: Bench) => Kernel<void>,
): AcceptanceCase {
  return {
    of,
    sentence,
    presets: PRESETS,
    ...flagTooLate,
    build(bench) {
      const submitted = new Moment('submitted');
      return {
        setup: () => withoutPath(bench, QUEUEING),
        actors: [...users(bench, submitted), whenQueued(bench, submitted, () => act(bench))],
        verify: () => verify(bench),
      };
    },
  };
}

const validPath: AcceptanceCase = {
  of: 'patch 1, dmsetup 49',
  sentence: 'I/O to a multipath device succeeds while there is a valid path',
  presets: PRESETS,
  planted: failedAtGate,
  build: (bench) => ({
    setup: () => plugIn(bench, FAILING),
    actors: [
      actor('writer', 0, function* write(): Kernel<void> {
        yield* bench.write(0, 1, 2, 50);
        expect('end of the first write', yield* bench.ends(0), ['0']);
        yield* bench.read(0, 2);
        expect('what was read', yield* bench.readEnd(0), ['0', 51]);
      }),
      actor('other writer', 2, function* write(): Kernel<void> {
        for (const round of [1, 2, 3]) {
          yield* bench.write(1, 5, 1, 60 + round);
          expect('end of a write', yield* bench.ends(1), ['0']);
        }
      }),
      actor('administrator', 1, () => bench.tell('fail_path disk0')),
    ],
    *verify(): Kernel<void> {
      expect('what was written', bench.stored(0, 1, 2, 5), [50, 51, 63]);
      expect('valid paths', multipath(bench).nrValidPaths, 1);
    },
  }),
};

const noPath: AcceptanceCase = {
  of: 'patch 2, dmsetup 50',
  sentence: 'I/O fails when there is no valid path and queue_if_no_path is not set',
  presets: PRESETS,
  planted: errorsForgotten,
  build: (bench) => ({
    setup: () => withoutPath(bench, FAILING),
    actors: users(bench, new Moment('submitted')),
    *verify(): Kernel<void> {
      expect('ends', yield* bench.ends(0, 1), ['-EIO', '-EIO']);
      expect('what was written', bench.stored(0, 1, 2), [0, 0]);
    },
  }),
};

const queued: AcceptanceCase = {
  of: 'patch 3, dmsetup 51',
  sentence: 'I/O is queued in the target when there is no valid path and queue_if_no_path is set',
  presets: PRESETS,
  planted: failedAtGate,
  build: (bench) => ({
    setup: () => withoutPath(bench, QUEUEING),
    actors: users(bench, new Moment('submitted')),
    *verify(): Kernel<void> {
      expectQueued(bench, 2);
      expect('status', yield* dmTableStatus(bench.md, true), '0 8 multipath 2 0 0 0 1 1 E 0 2 0 1:0 F 1 1:1 F 1 ');
      yield* bench.tell('reinstate_path disk1');
      yield* endWell(bench, 0);
    },
  }),
};

const flushed: AcceptanceCase = {
  ...queuedCase(
    'patch 4, dmsetup 52',
    'queued I/O fails when the device is suspended without noflush',
    function* act(bench): Kernel<void> {
      yield* suspend(bench, 0);
      expect('ends', yield* bench.ends(0, 1), ['-EIO', '-EIO']);
      expect('table', /multipath 0 0 1 1 /.test(yield* dmTableStatus(bench.md, false)), true);
    },
    function* verify(bench): Kernel<void> {
      yield* resume(bench);
      expect('table', /multipath 1 queue_if_no_path 0 1 1 /.test(yield* dmTableStatus(bench.md, false)), true);
      expect('what was written', bench.stored(0, 1, 2), [0, 0]);
    },
  ),
  bugs: [],
  planted: { presuspend: alwaysNoflush },
};

/** A bio over two targets that is queued in both, while somebody suspends, or resumes with a new table. */
function spanning(of: string, sentence: string, flags: number, act: (bench: Bench) => Kernel<void>): AcceptanceCase {
  const noflush = flags === DM_SUSPEND_NOFLUSH_FLAG;
  return {
    of,
    sentence,
    presets: PRESETS,
    ...(noflush ? flagTooLate : { planted: { presuspend: alwaysNoflush } }),
    build(bench) {
      const submitted = new Moment('submitted');
      return {
        setup: () => oldPathFailed(bench, TWO_TARGETS),
        actors: [
          actor('writer', 0, function* write(): Kernel<void> {
            yield* bench.write(0, 3, 2, 80);
            yield* submitted.come();
            expect('end', yield* bench.ends(0), [noflush ? '0' : '-EIO']);
          }),
          actor('administrator', 1, function* administrate(): Kernel<void> {
            yield* submitted.wait();
            expect(
              'parts that are queued',
              [0, 1].map((target) => multipath(bench, target).queueSize),
              [1, 1],
            );
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
  'patch 5',
  'I/O that spans two multipath targets, queued in both, fails when the device is suspended without noflush',
  0,
  (bench) => suspend(bench, 0),
);

const pushedBack = queuedCase(
  'patch 6, dmsetup 53',
  'queued I/O leaves the target in a noflush suspend and does not return',
  function* act(bench): Kernel<void> {
    yield* suspend(bench, DM_SUSPEND_NOFLUSH_FLAG);
    expect('in flight', yield* bench.md.pending.read(HERE), 0);
    expect('pushed back', bench.md.pushedBack.value, 2);
  },
  function* verify(bench): Kernel<void> {
    expectQueued(bench, 0);
    const flags = (yield* bench.md.flags.read(HERE)) & (DMF_SUSPENDED | DMF_NOFLUSH_SUSPENDING);
    expect('flags', flags, DMF_SUSPENDED);
    yield* bench.tell('reinstate_path disk0');
    yield* resume(bench);
    yield* endWell(bench, 0);
  },
);

const queuedAgain = queuedCase(
  'patch 7, dmsetup 54',
  'pushed-back I/O is queued in the target again when the device is resumed without path recovery',
  function* act(bench): Kernel<void> {
    yield* suspend(bench, DM_SUSPEND_NOFLUSH_FLAG);
    yield* resume(bench);
  },
  function* verify(bench): Kernel<void> {
    expectQueued(bench, 2);
    yield* bench.tell('reinstate_path disk1');
    yield* endWell(bench, 0);
  },
);

const recovered = queuedCase(
  'patch 8',
  'pushed-back I/O succeeds when the device is resumed after path recovery',
  function* act(bench): Kernel<void> {
    yield* suspend(bench, DM_SUSPEND_NOFLUSH_FLAG);
    yield* bench.tell('reinstate_path disk1');
    expect('I/O that has ended before the resume', bench.ended(0, 1), [false, false]);
    yield* resume(bench);
  },
  (bench) => endWell(bench, 0),
);

/** I/O that is queued for a path that has failed, and a table with another one. */
function newTable(of: string, sentence: string, act: (bench: Bench) => Kernel<void>): AcceptanceCase {
  return {
    of,
    sentence,
    presets: PRESETS,
    ...flagTooLate,
    build(bench) {
      const submitted = new Moment('submitted');
      return {
        setup: () => oldPathFailed(bench, `0 8 multipath ${OLD_PATH}`),
        actors: [...users(bench, submitted), whenQueued(bench, submitted, () => act(bench))],
        *verify(): Kernel<void> {
          yield* endWell(bench, 1);
          expect('on the old disk', bench.stored(0, 1, 2), [0, 0]);
        },
      };
    },
  };
}

const reloaded = newTable(
  'patch 8, dmsetup 56',
  'pushed-back I/O succeeds when the device is resumed after a table load',
  function* act(bench): Kernel<void> {
    yield* suspend(bench, DM_SUSPEND_NOFLUSH_FLAG);
    yield* bench.load(NEW_PATH);
    yield* resume(bench);
  },
);

function* loadAndResume(bench: Bench): Kernel<void> {
  yield* bench.load(NEW_PATH);
  yield* resume(bench, DM_SUSPEND_NOFLUSH_FLAG);
}

const resumedNoflush = newTable(
  'patch 9, dmsetup 57',
  'queued I/O succeeds when the device is resumed with noflush after a table load',
  loadAndResume,
);

const spanningReloaded = spanning(
  'patch 10',
  'I/O that spans two multipath targets, queued in both, succeeds after a table load and a resume with noflush',
  DM_SUSPEND_NOFLUSH_FLAG,
  loadAndResume,
);

export const multipathCases: readonly AcceptanceCase[] = [
  validPath,
  noPath,
  queued,
  flushed,
  spanningFlushed,
  pushedBack,
  queuedAgain,
  recovered,
  reloaded,
  resumedNoflush,
  spanningReloaded,
];
