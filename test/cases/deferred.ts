/**
 * What a suspended device does with I/O that comes meanwhile: it waits, and the resume maps it as the table then says.
 */
import type { Bio } from '../../src/block/bio.ts';
import { BlockDevice } from '../../src/block/block-device.ts';
import { type BdevPolicy, bdgetAlways, bdgetUnlessNoflush } from '../../src/core/bdev-policy.ts';
import { doResume, doSuspend } from '../../src/core/ioctl.ts';
import type { MappedDevice } from '../../src/core/mapped-device.ts';
import { splitAndProcess } from '../../src/core/submit.ts';
import { DM_SUSPEND_NOFLUSH_FLAG, dmSuspended } from '../../src/core/suspend.ts';
import { errnoText } from '../../src/machine/errno.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { downRead, upRead } from '../../src/shared/rw-semaphore.ts';
import { actor, type Bench, expect } from './bench.ts';
import type { AcceptanceCase } from './case.ts';

const PRESETS = ['unified', '2.6.20'];

/** What sector 5 holds. */
const STORED = 9;

/** Maps what comes to a suspended device too. */
function* openGate(md: MappedDevice, bio: Bio): Kernel<void> {
  yield* downRead(md.ioLock, HERE);
  yield* splitAndProcess(md, bio);
  yield* upRead(md.ioLock, HERE);
}

/** A suspended device of eight sectors over `disk0`, and another disk. */
function* suspended(bench: Bench, flags = 0): Kernel<void> {
  yield* bench.disk(0);
  yield* bench.disk(1);
  yield* bench.device('0 8 linear disk0 0');
  yield* bench.write(0, 5, 1, STORED);
  expect('end of the first write', yield* bench.ends(0), ['0']);
  expect('suspend', errnoText(yield* doSuspend(bench.md, flags)), '0');
}

function* resume(bench: Bench, flags = 0): Kernel<void> {
  expect('resume', errnoText(yield* doResume(bench.md, flags)), '0');
}

const deferred: AcceptanceCase = {
  of: 'dmsetup 31',
  sentence: 'a write and a read to a suspended device end only after the resume, and then well',
  presets: PRESETS,
  planted: { gate: openGate },
  build: (bench) => ({
    setup: () => suspended(bench),
    actors: [actor('writer', 0, () => bench.write(0, 1, 2, 40)), actor('reader', 2, () => bench.read(1, 5))],
    *verify(): Kernel<void> {
      expect('I/O that has ended', bench.ended(0, 1), [false, false]);
      expect('what is stored', bench.stored(0, 1, 2), [0, 0]);
      yield* resume(bench);
      expect('end of the write', yield* bench.ends(0), ['0']);
      expect('what is stored', bench.stored(0, 1, 2), [40, 41]);
      expect('what was read', yield* bench.readEnd(1), ['0', STORED]);
    },
  }),
};

/** Two writers, while an administrator loads a table; nothing has ended when the device is resumed. */
function reloaded(
  of: string,
  sentence: string,
  table: string,
  sectors: readonly [number, number],
  verify: (bench: Bench) => Kernel<void>,
  flags = 0,
): AcceptanceCase {
  return {
    of,
    sentence,
    // A noflush suspend of 2.6.20 takes no table of another size.
    presets: flags === 0 ? PRESETS : ['unified'],
    planted: { gate: openGate },
    build: (bench) => ({
      setup: () => suspended(bench, flags),
      actors: [
        actor('writer', 0, () => bench.write(0, sectors[0], 2, 40)),
        actor('other writer', 2, () => bench.write(1, sectors[1], 1, 60)),
        actor('administrator', 1, () => bench.load(table)),
      ],
      *verify(): Kernel<void> {
        expect('I/O that has ended', bench.ended(0, 1), [false, false]);
        yield* resume(bench, flags);
        yield* verify(bench);
      },
    }),
  };
}

const elsewhere = reloaded(
  'dmsetup 33',
  'deferred writes go only to the device of the table that was loaded meanwhile',
  '0 8 linear disk1 0',
  [1, 4],
  function* verify(bench): Kernel<void> {
    expect('ends', yield* bench.ends(0, 1), ['0', '0']);
    expect('on the old disk', bench.stored(0, 1, 2, 4), [0, 0, 0]);
    expect('on the new disk', bench.stored(1, 1, 2, 4), [40, 41, 60]);
    const opened = [0, 1].map((disk) => BlockDevice.at(bench.diskAt(disk).bdev).openCount);
    expect('how often the disks are open', opened, [0, 1]);
  },
);

/** A write that begins before the new end and goes on behind it, and one behind it; then a write before it. */
function* shrunk(bench: Bench): Kernel<void> {
  expect('ends', yield* bench.ends(0, 1), ['-EIO', '-EIO']);
  expect('behind the end', bench.stored(0, 4, 6), [0, 0]);
  yield* bench.write(0, 2, 2, 70);
  expect('end before the end', yield* bench.ends(0), ['0']);
  expect('size', yield* bench.bdev.capacity.read(HERE), 4);
}

const beyond = reloaded(
  'dmsetup 34',
  'a deferred write beyond the end of a smaller table fails',
  '0 4 linear disk0 0',
  [3, 6],
  shrunk,
);

const beyondNoflush = reloaded(
  'dmsetup 34',
  'a write that was deferred by a noflush suspend fails beyond the end of a smaller table',
  '0 4 linear disk0 0',
  [3, 6],
  shrunk,
  DM_SUSPEND_NOFLUSH_FLAG,
);

const error = reloaded(
  'dmsetup 40',
  'deferred writes fail when the table that was loaded meanwhile is of error',
  '0 8 error',
  [1, 4],
  function* verify(bench): Kernel<void> {
    expect('ends', yield* bench.ends(0, 1), ['-EIO', '-EIO']);
    expect('on the disk', bench.stored(0, 1, 2, 4), [0, 0, 0]);
  },
);

/** I/O flows while the administrator loads a bigger table and suspends with noflush. */
function growing(
  sentence: string,
  preset: string,
  bdevPolicy: BdevPolicy,
  act: (bench: Bench) => Kernel<void>,
): AcceptanceCase {
  return {
    of: 'dmsetup 42',
    sentence,
    presets: [preset],
    planted: { bdevPolicy },
    build: (bench) => ({
      *setup(): Kernel<void> {
        yield* bench.disk(0);
        yield* bench.device('0 4 linear disk0 0');
        yield* bench.write(1, 6, 1, 1);
        expect('end of a write beyond the end', yield* bench.ends(1), ['-EIO']);
      },
      actors: [
        actor('writer', 0, function* write(): Kernel<void> {
          for (let stamp = 40; stamp < 46; stamp++) {
            yield* bench.write(0, stamp % 4, 1, stamp);
            expect('end of a write', yield* bench.ends(0), ['0']);
          }
        }),
        actor('administrator', 1, function* administrate(): Kernel<void> {
          yield* bench.load('0 8 linear disk0 0');
          expect('suspend', errnoText(yield* doSuspend(bench.md, DM_SUSPEND_NOFLUSH_FLAG)), '0');
          yield* act(bench);
        }),
      ],
      *verify(): Kernel<void> {
        expect('what is stored', bench.stored(0, 0, 1, 2, 3), [44, 45, 42, 43]);
        expect('suspended', yield* dmSuspended(bench.md), false);
      },
    }),
  };
}

const grown = growing(
  'a table that grows under I/O shows its new size after a noflush suspend and a resume',
  'unified',
  bdgetUnlessNoflush,
  function* act(bench): Kernel<void> {
    yield* resume(bench);
    expect('size', yield* bench.bdev.capacity.read(HERE), 8);
    yield* bench.write(1, 6, 1, 66);
    expect('end of a write to a new sector', yield* bench.ends(1), ['0']);
    expect('new sector', bench.stored(0, 6), [66]);
  },
);

const mayNotGrow = growing(
  'in 2.6.20 a noflush suspend takes no table of another size, and the device stays suspended with the old one',
  '2.6.20',
  bdgetAlways,
  function* act(bench): Kernel<void> {
    expect('resume', errnoText(yield* doResume(bench.md, 0)), '-EINVAL');
    expect('suspended', yield* dmSuspended(bench.md), true);
    expect('size', yield* bench.bdev.capacity.read(HERE), 4);
    yield* bench.load('0 4 linear disk0 0');
    yield* resume(bench);
    expect('size', yield* bench.bdev.capacity.read(HERE), 4);
  },
);

export const deferredCases: readonly AcceptanceCase[] = [
  deferred,
  elsewhere,
  beyond,
  beyondNoflush,
  error,
  grown,
  mayNotGrow,
];
