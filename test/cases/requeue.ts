/**
 * A bio of two clones, and what becomes of what they say: one target's REQUEUE, another's error.
 *
 * kdmflush, or in 2.6.20 the resume, maps the bio, so that in both presets the two clones belong to one dm_io.
 */
import { doResume, doSuspend } from '../../src/core/ioctl.ts';
import type { Seams } from '../../src/core/seams.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../src/core/suspend.ts';
import { errnoText } from '../../src/machine/errno.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import type { Actor } from '../../src/machine/machine.ts';
import { bindScripts } from '../../src/targets/scripted.ts';
import { actor, type Bench, expect, Moment } from './bench.ts';
import type { AcceptanceCase } from './case.ts';
import { type CloneEnd, Keeper, REQUEUE, WELL, WITH_EIO, WITH_ENXIO, WITH_EOPNOTSUPP } from './keeper.ts';
import { alwaysParked, firstErrorCounts, lastErrorCounts, requeueAlwaysCounts } from './mistakes.ts';

const PRESETS = ['unified', '2.6.20'];

/** Two targets of four sectors; a bio of the sectors 3 and 4 has a clone in each. */
class Halves {
  readonly #bench: Bench;
  readonly #keepers = [new Keeper(), new Keeper()] as const;

  constructor(bench: Bench) {
    this.#bench = bench;
    bindScripts(this.#keepers);
  }

  /** In `setup`: the bio is I/O number 0, and each target keeps its clone. */
  *create(): Kernel<void> {
    const bench = this.#bench;
    yield* bench.disk(0);
    yield* bench.device('0 4 scripted disk0 0 0\n4 4 scripted disk0 4 1');
    expect('suspend', errnoText(yield* doSuspend(bench.md, 0)), '0');
    yield* bench.write(0, 3, 2, 80);
    yield* this.resume();
    this.expectMaps(1);
  }

  /** And everything that was deferred is mapped. */
  *resume(): Kernel<void> {
    expect('resume', errnoText(yield* doResume(this.#bench.md, 0)), '0');
    yield* this.#bench.settle();
  }

  expectMaps(times: number): void {
    const maps = this.#keepers.map((keeper, half) => keeper.maps(3 + half)[0]);
    expect('maps of the two halves', maps, [times, times]);
  }

  /** The clone in the first or second target ends. */
  end(half: 0 | 1, how: CloneEnd): Kernel<void> {
    return this.#keepers[half].end(how);
  }

  *sendOn(): Kernel<void> {
    for (const keeper of this.#keepers) yield* keeper.sendOn();
  }
}

/** `enders` act while a noflush suspend waits for the bio, which must come back whole and succeed after the resume. */
function pushedBack(
  sentence: string,
  planted: Partial<Seams>,
  enders: (halves: Halves, bench: Bench) => Actor[],
): AcceptanceCase {
  return {
    of: 'dmsetup 61',
    sentence,
    presets: PRESETS,
    planted,
    build(bench) {
      const halves = new Halves(bench);
      return {
        setup: () => halves.create(),
        actors: [
          ...enders(halves, bench),
          actor('administrator', 1, function* administrate(): Kernel<void> {
            expect('suspend', errnoText(yield* doSuspend(bench.md, DM_SUSPEND_NOFLUSH_FLAG)), '0');
            expect('bios that were pushed back', bench.md.pushedBack.value, 1);
            expect('whether the bio has ended', bench.ended(0), [false]);
            yield* halves.resume();
            halves.expectMaps(2);
            yield* halves.sendOn();
          }),
        ],
        *verify(): Kernel<void> {
          expect('end', yield* bench.ends(0), ['0']);
          expect('what was written', bench.stored(0, 3, 4), [80, 81]);
        },
      };
    },
  };
}

/** Both clones end on one CPU, one after the other. */
const inOrder = (first: CloneEnd, second: CloneEnd) => (halves: Halves, bench: Bench) => [
  actor('ender', 2, function* endBoth(): Kernel<void> {
    yield* bench.untilPhase('wait');
    yield* halves.end(0, first);
    yield* halves.end(1, second);
  }),
];

const atOnce = (halves: Halves, bench: Bench) =>
  ([REQUEUE, WITH_EIO] as const).map((how, half) =>
    actor(`ender of ${how.name}`, 2 * half, function* end(): Kernel<void> {
      yield* bench.untilPhase('wait');
      yield* halves.end(half as 0 | 1, how);
    }),
  );

/** The clones end while a flushing suspend waits. The target knows of a noflush suspend that was interrupted before. */
function refused(
  sentence: string,
  planted: Partial<Seams>,
  [first, second]: readonly [CloneEnd, CloneEnd],
  end: string,
): AcceptanceCase {
  return {
    of: 'dmsetup 62',
    sentence,
    presets: PRESETS,
    planted,
    build(bench) {
      const halves = new Halves(bench);
      const interrupted = new Moment('interrupted');
      return {
        setup: () => halves.create(),
        actors: [
          actor('ender', 2, function* endBoth(): Kernel<void> {
            yield* bench.untilPhase('wait');
            yield* bench.suspender.send();
            yield* interrupted.wait();
            yield* bench.untilPhase('wait');
            yield* halves.end(0, first);
            yield* halves.end(1, second);
            expect('end', yield* bench.ends(0), [end]);
          }),
          actor('administrator', 1, function* administrate(): Kernel<void> {
            yield* bench.suspender.open();
            expect('noflush suspend', errnoText(yield* doSuspend(bench.md, DM_SUSPEND_NOFLUSH_FLAG)), '-EINTR');
            yield* bench.suspender.close();
            yield* interrupted.come();
            expect('suspend', errnoText(yield* doSuspend(bench.md, 0)), '0');
            yield* halves.resume();
            halves.expectMaps(1);
          }),
        ],
        *verify(): Kernel<void> {
          expect('bios that were pushed back', bench.md.pushedBack.value, 0);
        },
      };
    },
  };
}

export const requeueCases: readonly AcceptanceCase[] = [
  pushedBack(
    'in a noflush suspend an error that comes after a REQUEUE does not fail the bio',
    lastErrorCounts,
    inOrder(REQUEUE, WITH_EIO),
  ),
  pushedBack(
    'in a noflush suspend a REQUEUE that comes after an error takes the bio back',
    firstErrorCounts,
    inOrder(WITH_EIO, REQUEUE),
  ),
  {
    ...pushedBack(
      'in a noflush suspend a REQUEUE and an error at the same time take the bio back',
      lastErrorCounts,
      atOnce,
    ),
    bugs: ['dec-pending-error-rmw'],
    slow: { file: 'src/variants/bugs/dec-pending-error-rmw.ts', func: 'storeError' },
  },
  refused('without a noflush suspend a REQUEUE alone fails the bio with -EIO', alwaysParked, [REQUEUE, WELL], '-EIO'),
  refused(
    'without a noflush suspend a REQUEUE after an error fails the bio with -EIO',
    firstErrorCounts,
    [WITH_ENXIO, REQUEUE],
    '-EIO',
  ),
  refused(
    'without a noflush suspend the error that comes after a REQUEUE counts',
    requeueAlwaysCounts,
    [REQUEUE, WITH_ENXIO],
    '-ENXIO',
  ),
  refused(
    'of two errors of one bio the last one counts',
    firstErrorCounts,
    [WITH_ENXIO, WITH_EOPNOTSUPP],
    '-EOPNOTSUPP',
  ),
  refused(
    'of the same two errors in the other order the last one counts',
    firstErrorCounts,
    [WITH_EOPNOTSUPP, WITH_ENXIO],
    '-ENXIO',
  ),
];
