/**
 * DMF_NOFLUSH_SUSPENDING as targets see it: from presuspend to the end of the wait, and never after the suspend has returned.
 */
import type { Bio } from '../../src/block/bio.ts';
import { type DmTarget, type DmTargetIo, dmNoflushSuspending } from '../../src/core/device-mapper.ts';
import { doResume, doSuspend } from '../../src/core/ioctl.ts';
import { DMF_NOFLUSH_SUSPENDING, SUSPEND_PHASES, type SuspendPhase } from '../../src/core/mapped-device.ts';
import { DM_SUSPEND_NOFLUSH_FLAG, dmSuspend } from '../../src/core/suspend.ts';
import { usleep } from '../../src/irq/timer.ts';
import { errnoText } from '../../src/machine/errno.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { bindScripts } from '../../src/targets/scripted.ts';
import { actor, type Bench, expect, Moment } from './bench.ts';
import type { AcceptanceCase } from './case.ts';
import { expectActive } from './interrupted.ts';
import { Keeper, REQUEUE, WELL } from './keeper.ts';
import { alwaysNoflush, flagTooLate } from './mistakes.ts';
import { Journal } from './parts.ts';

const PLACES = ['presuspend 0', 'presuspend 1', 'end of a clone', 'postsuspend 0', 'postsuspend 1', 'return', 'resume'];
const STATES = ['set', 'clear'];
const isPhaseFrom = (phase: number, first: SuspendPhase, last: SuspendPhase): boolean =>
  phase >= SUSPEND_PHASES.indexOf(first) && phase <= SUSPEND_PHASES.indexOf(last);

/** A keeper that notes what it sees of the flag. */
class Watcher extends Keeper {
  readonly #number: number;
  readonly #note: (place: string, ti: DmTarget) => Kernel<void>;
  /** What it ends in presuspend, as a target does that gives up what it holds. */
  readonly #flushes: boolean;

  constructor(number: number, note: (place: string, ti: DmTarget) => Kernel<void>, flushes: boolean) {
    super();
    this.#number = number;
    this.#note = note;
    this.#flushes = flushes;
  }

  override *endIo(ti: DmTarget, clone: Bio, error: number, tio: DmTargetIo): Kernel<number> {
    yield* this.#note('end of a clone', ti);
    return yield* super.endIo(ti, clone, error, tio);
  }

  *presuspend(ti: DmTarget): Kernel<void> {
    yield* this.#note(`presuspend ${this.#number}`, ti);
    if (this.#flushes) yield* this.end(REQUEUE);
  }

  postsuspend(ti: DmTarget): Kernel<void> {
    return this.#note(`postsuspend ${this.#number}`, ti);
  }

  resume(ti: DmTarget): Kernel<void> {
    return this.#note('resume', ti);
  }
}

/** Two watchers side by side, and a bio in each: I/O number 0 and 1. */
class Watched {
  readonly bench: Bench;
  readonly keepers: readonly [Watcher, Watcher];
  readonly #journal = new Journal(PLACES.flatMap((place) => STATES.map((state) => `${place}: ${state}`)));

  constructor(bench: Bench, firstFlushes = false) {
    this.bench = bench;
    const note = (place: string, ti: DmTarget): Kernel<void> => this.#note(place, ti);
    this.keepers = [new Watcher(0, note, firstFlushes), new Watcher(1, note, false)];
    bindScripts(this.keepers);
  }

  *#note(place: string, ti: DmTarget): Kernel<void> {
    yield* this.#journal.note(`${place}: ${(yield* dmNoflushSuspending(ti)) ? 'set' : 'clear'}`);
  }

  *create(): Kernel<void> {
    const { bench } = this;
    yield* bench.disk(0);
    yield* bench.device('0 4 scripted disk0 0 0\n4 4 scripted disk0 4 1');
    for (const io of [0, 1]) yield* bench.write(io, 4 * io, 1, 10 + io);
    yield* this.#journal.forget();
  }

  *returned(): Kernel<void> {
    const set = ((yield* this.bench.md.flags.read(HERE)) & DMF_NOFLUSH_SUSPENDING) !== 0;
    yield* this.#journal.note(`return: ${set ? 'set' : 'clear'}`);
  }

  *expectSeen(...seen: string[]): Kernel<void> {
    expect('what was seen of NOFLUSH', yield* this.#journal.all(), seen);
  }

  /** Looks at the flag from outside until the suspend is over, which `looking` tells that it may be. */
  *watch(looking: Moment): Kernel<void> {
    const { md } = this.bench;
    yield* this.bench.until(() => md.phase.value !== 0);
    yield* looking.come();
    for (;;) {
      const before = md.phase.value;
      const set = ((yield* md.flags.read(HERE)) & DMF_NOFLUSH_SUSPENDING) !== 0;
      const after = md.phase.value;
      if (isPhaseFrom(before, 'freeze', 'wait') && isPhaseFrom(after, 'freeze', 'wait'))
        expect(`NOFLUSH between ${SUSPEND_PHASES[before]} and ${SUSPEND_PHASES[after]}`, set, true);
      if (before === 0) {
        expect('NOFLUSH after the suspend', set, false);
        return;
      }
      yield* usleep(10, HERE);
    }
  }
}

const succeeds: AcceptanceCase = {
  of: 'dmsetup 69',
  sentence:
    'targets see NOFLUSH from presuspend to the end of the wait, and not when the suspend has succeeded or is refused',
  presets: ['unified'],
  ...flagTooLate,
  build(bench) {
    const watched = new Watched(bench);
    const looking = new Moment('looking');
    return {
      setup: () => watched.create(),
      actors: [
        actor('ender', 0, function* end(): Kernel<void> {
          yield* looking.wait();
          yield* bench.untilPhase('wait');
          yield* watched.keepers[0].end(REQUEUE);
          yield* watched.keepers[1].end(WELL);
        }),
        actor('onlooker', 2, () => watched.watch(looking)),
        actor('administrator', 1, function* administrate(): Kernel<void> {
          expect('suspend', errnoText(yield* doSuspend(bench.md, DM_SUSPEND_NOFLUSH_FLAG)), '0');
          yield* watched.returned();
        }),
      ],
      *verify(): Kernel<void> {
        expect('second suspend', errnoText(yield* dmSuspend(bench.md, DM_SUSPEND_NOFLUSH_FLAG)), '-EINVAL');
        yield* watched.returned();
        expect('resume', errnoText(yield* doResume(bench.md, 0)), '0');
        yield* watched.expectSeen(
          ...['presuspend 0: set', 'presuspend 1: set', 'end of a clone: set', 'end of a clone: set'],
          ...['postsuspend 0: clear', 'postsuspend 1: clear', 'return: clear', 'return: clear'],
          ...['resume: clear', 'resume: clear'],
        );
        yield* bench.settle();
        yield* watched.keepers[0].sendOn();
        expect('ends', yield* bench.ends(0, 1), ['0', '0']);
      },
    };
  },
};

const isInterrupted: AcceptanceCase = {
  of: 'dmsetup 69',
  sentence: 'targets see NOFLUSH until a signal ends the wait, and not when the suspend has returned',
  presets: ['unified'],
  ...flagTooLate,
  build(bench) {
    const watched = new Watched(bench);
    const looking = new Moment('looking');
    const returned = new Moment('returned');
    return {
      setup: () => watched.create(),
      actors: [
        actor('ender', 0, function* end(): Kernel<void> {
          yield* looking.wait();
          yield* bench.untilPhase('wait');
          yield* watched.keepers[0].end(WELL);
          yield* bench.suspender.send();
          yield* returned.wait();
          yield* watched.keepers[1].end(REQUEUE);
        }),
        actor('onlooker', 2, () => watched.watch(looking)),
        actor('administrator', 1, function* administrate(): Kernel<void> {
          yield* bench.suspender.open();
          expect('suspend', errnoText(yield* doSuspend(bench.md, DM_SUSPEND_NOFLUSH_FLAG)), '-EINTR');
          yield* watched.returned();
          yield* bench.suspender.close();
          yield* returned.come();
        }),
      ],
      *verify(): Kernel<void> {
        yield* watched.expectSeen(
          ...[
            'presuspend 0: set',
            'presuspend 1: set',
            'end of a clone: set',
            'return: clear',
            'end of a clone: clear',
          ],
        );
        expect('ends', yield* bench.ends(0, 1), ['0', '-EIO']);
      },
    };
  },
};

const flushing: AcceptanceCase = {
  of: 'dmsetup 69',
  sentence: 'targets never see NOFLUSH in a flushing suspend',
  presets: ['unified'],
  planted: alwaysNoflush,
  build(bench) {
    const watched = new Watched(bench);
    return {
      setup: () => watched.create(),
      actors: [
        actor('ender', 0, function* end(): Kernel<void> {
          yield* bench.untilPhase('wait');
          for (const keeper of watched.keepers) yield* keeper.end(WELL);
        }),
        actor('administrator', 1, function* administrate(): Kernel<void> {
          expect('suspend', errnoText(yield* doSuspend(bench.md, 0)), '0');
          yield* watched.returned();
        }),
      ],
      *verify(): Kernel<void> {
        expect('resume', errnoText(yield* doResume(bench.md, 0)), '0');
        yield* watched.expectSeen(
          ...['presuspend 0: clear', 'presuspend 1: clear', 'end of a clone: clear', 'end of a clone: clear'],
          ...['postsuspend 0: clear', 'postsuspend 1: clear', 'return: clear', 'resume: clear', 'resume: clear'],
        );
        expect('ends', yield* bench.ends(0, 1), ['0', '0']);
      },
    };
  },
};

/** The first target hands its bio back in presuspend, the second keeps its own. A third bio comes when the device is active again. */
const withoutInode: AcceptanceCase = {
  of: 'dmsetup 68, dmsetup 69',
  sentence:
    'a noflush suspend that gets no inode clears NOFLUSH, maps again what was pushed back, and leaves the device active',
  presets: ['seed-000'],
  bugs: ['nf-error-exit-skips-flush', ...flagTooLate.bugs],
  slow: flagTooLate.slow,
  build(bench) {
    const watched = new Watched(bench, true);
    const [first, second] = watched.keepers;
    return {
      *setup(): Kernel<void> {
        yield* watched.create();
        bench.bdev.failBdget.init(1);
      },
      actors: [
        actor('administrator', 0, function* administrate(): Kernel<void> {
          expect('suspend', errnoText(yield* doSuspend(bench.md, DM_SUSPEND_NOFLUSH_FLAG)), '-ENOMEM');
          yield* watched.returned();
          yield* expectActive(bench);
          expect('bios that were pushed back', bench.md.pushedBack.value, 1);
          expect('maps of each bio', [...first.maps(0), ...second.maps(4)], [2, 1]);
          expect('bios that have ended', bench.ended(0, 1), [false, false]);
        }),
        actor('user', 1, function* use(): Kernel<void> {
          yield* bench.write(2, 6, 1, 12);
        }),
      ],
      *verify(): Kernel<void> {
        expect('maps of a bio that came meanwhile', second.maps(6), [1]);
        yield* first.sendOn();
        for (let i = 0; i < 2; i++) yield* second.sendOn();
        expect('ends', yield* bench.ends(0, 1, 2), ['0', '0', '0']);
        expect('what was written', bench.stored(0, 0, 4, 6), [10, 11, 12]);
        yield* watched.expectSeen(
          ...['presuspend 0: set', 'end of a clone: set', 'presuspend 1: set', 'return: clear'],
          ...['end of a clone: clear', 'end of a clone: clear', 'end of a clone: clear'],
        );
      },
    };
  },
};

export const noflushFlagCases: readonly AcceptanceCase[] = [succeeds, isInterrupted, flushing, withoutInode];
