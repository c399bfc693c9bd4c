/**
 * What a suspended device does with I/O that comes meanwhile.
 */
import { doResume, doSuspend } from '../../src/core/ioctl.ts';
import { errnoText } from '../../src/machine/errno.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { actor, type Bench, expect } from './bench.ts';
import type { AcceptanceCase } from './case.ts';

const PRESETS = ['unified', '2.6.20'];

/** A device of eight sectors over `disk0` that is suspended. */
function* suspended(bench: Bench, flags = 0): Kernel<void> {
  yield* bench.disk(0);
  yield* bench.disk(1);
  yield* bench.device('0 8 linear disk0 0');
  expect('suspend', errnoText(yield* doSuspend(bench.md, flags)), '0');
}

function* resume(bench: Bench, flags = 0): Kernel<void> {
  expect('resume', errnoText(yield* doResume(bench.md, flags)), '0');
}

const deferred: AcceptanceCase = {
  of: 'dmsetup 31',
  sentence: 'a write and a read to a suspended device end only after the resume, and then well',
  presets: PRESETS,
  build: (bench) => ({
    *setup(): Kernel<void> {
      yield* suspended(bench);
    },
    actors: [
      actor('writer', 0, function* write(): Kernel<void> {
        yield* bench.write(0, 1, 2, 40);
        yield* bench.read(1, 2);
      }),
      actor('reader', 2, () => bench.read(2, 5)),
    ],
    *verify(): Kernel<void> {
      expect('I/O that has ended', bench.ended(0, 1, 2), [false, false, false]);
      expect('what is stored', bench.stored(0, 1, 2), [0, 0]);
      yield* resume(bench);
      expect('ends', yield* bench.ends(0, 1, 2), ['0', '0', '0']);
      expect('what is stored', bench.stored(0, 1, 2), [40, 41]);
    },
  }),
};

export const deferredCases: readonly AcceptanceCase[] = [deferred];
