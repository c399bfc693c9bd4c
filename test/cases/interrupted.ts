/**
 * A noflush suspend that a signal interrupts: what had been pushed back, and what comes back too late.
 */
import { DM_ENDIO_DONE, DM_ENDIO_REQUEUE, dmNoflushSuspending } from '../../src/core/device-mapper.ts';
import { doResume, doSuspend } from '../../src/core/ioctl.ts';
import { DMF_BLOCK_IO_FOR_SUSPEND, DMF_NOFLUSH_SUSPENDING, DMF_SUSPENDED } from '../../src/core/mapped-device.ts';
import type { Seams } from '../../src/core/seams.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../src/core/suspend.ts';
import { usleep } from '../../src/irq/timer.ts';
import { errnoText } from '../../src/machine/errno.ts';
import { CHOICE_SCENARIO, type Kernel, resolved } from '../../src/machine/kernel.ts';
import { ops } from '../../src/machine/operations.ts';
import { bindScripts } from '../../src/targets/scripted.ts';
import { actor, type Bench, expect, Moment } from './bench.ts';
import type { AcceptanceCase } from './case.ts';
import { Keeper, REQUEUE } from './keeper.ts';
import { alwaysParked, neverMerged } from './mistakes.ts';

/** I/O flows, and no noflush suspend has left anything behind. */
export function* expectActive(bench: Bench): Kernel<void> {
  const flags = DMF_BLOCK_IO_FOR_SUSPEND | DMF_SUSPENDED | DMF_NOFLUSH_SUSPENDING;
  expect('flags', (yield* bench.md.flags.read(HERE)) & flags, 0);
  expect('whether nothing is on the pushback list', bench.md.pushback.empty, true);
}

/** Of three bios two are pushed back before the signal; the third one comes back when the suspend has returned. */
function interruptedCase(
  sentence: string,
  preset: string,
  planted: Partial<Seams>,
  mapped: (bench: Bench) => Kernel<void>,
): AcceptanceCase {
  return {
    of: 'dmsetup 63',
    sentence,
    presets: [preset],
    planted,
    build(bench) {
      const keeper = new Keeper();
      const [kept, returned] = [new Moment('kept'), new Moment('returned')];
      bindScripts([keeper]);
      return {
        *setup(): Kernel<void> {
          yield* bench.disk(0);
          yield* bench.device('0 8 scripted disk0 0 0');
        },
        actors: [
          actor('user', 2, function* use(): Kernel<void> {
            for (const io of [0, 1, 2]) yield* bench.write(io, io, 1, 10 + io);
            yield* kept.come();
            yield* bench.untilPhase('wait');
            for (let i = 0; i < 2; i++) yield* keeper.end(REQUEUE);
            yield* bench.suspender.send();
            yield* returned.wait();
            yield* keeper.end(REQUEUE);
            expect('end of the bio that came too late', yield* bench.ends(2), ['-EIO']);
          }),
          actor('administrator', 1, function* administrate(): Kernel<void> {
            yield* kept.wait();
            yield* bench.suspender.open();
            expect('suspend', errnoText(yield* doSuspend(bench.md, DM_SUSPEND_NOFLUSH_FLAG)), '-EINTR');
            yield* expectActive(bench);
            yield* mapped(bench);
            expect('maps of each bio', keeper.maps(0, 1, 2), [2, 2, 1]);
            expect('bios that have ended', bench.ended(0, 1, 2), [false, false, false]);
            yield* bench.suspender.close();
            yield* returned.come();
          }),
        ],
        *verify(): Kernel<void> {
          yield* expectActive(bench);
          expect('maps of each bio', keeper.maps(0, 1, 2), [2, 2, 1]);
          expect('bios that were pushed back', bench.md.pushedBack.value, 2);
          for (let i = 0; i < 2; i++) yield* keeper.sendOn();
          expect('ends of what was pushed back', yield* bench.ends(0, 1), ['0', '0']);
          expect('what was written', bench.stored(0, 0, 1, 2), [10, 11, 0]);
        },
      };
    },
  };
}

/** On either machine; ATTEMPTS of them in each run. */
const ATTEMPTS_ALL = 10_000;
const ATTEMPTS = 10;
const PAUSE_US = 15;

/** Its disk ends two bios while the noflush suspend and the signal come; what ends in the suspend is handed back. */
class Race {
  readonly #bench: Bench;
  readonly #submitted = new Moment('submitted');
  readonly #suspending = new Moment('suspending');
  readonly #over = new Moment('over');
  readonly #ended = new Moment('ended');

  constructor(bench: Bench) {
    this.#bench = bench;
    bindScripts([
      {
        *endIo(ti): Kernel<number> {
          return (yield* dmNoflushSuspending(ti)) ? DM_ENDIO_REQUEUE : DM_ENDIO_DONE;
        },
      },
    ]);
  }

  *use(): Kernel<void> {
    const bench = this.#bench;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      for (const io of [0, 1]) yield* bench.write(io, io, 1, 1 + attempt);
      yield* this.#submitted.come();
      yield* this.#over.wait();
      const suspend = bench.said(0);
      const ends = yield* bench.ends(0, 1);
      const allowed = suspend === '0' ? ['0'] : ['0', '-EIO'];
      if (!ends.every((end) => allowed.includes(end))) expect(`ends after a suspend with ${suspend}`, ends, allowed);
      yield* this.#ended.come();
    }
  }

  *suspend(): Kernel<void> {
    const { md, suspender } = this.#bench;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      yield* this.#submitted.wait();
      yield* suspender.open();
      yield* this.#suspending.come();
      const result = yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG);
      yield* suspender.close();
      expect('whether nothing is on the pushback list', md.pushback.empty, true);
      if (result === 0) yield* this.#resume();
      else expect('suspend', errnoText(result), '-EINTR');
      this.#bench.say(0, result);
      yield* this.#over.come();
      yield* this.#ended.wait();
      yield* expectActive(this.#bench);
    }
  }

  /** Nothing is in flight: each bio is deferred or has ended; its end_io may still be on its way on another CPU. */
  *#resume(): Kernel<void> {
    const { md } = this.#bench;
    const deferred = [...md.deferred.handles()].length;
    yield* this.#bench.until(() => this.#bench.ended(0, 1).filter((each) => each).length >= 2 - deferred);
    expect('bios that have ended', this.#bench.ended(0, 1).filter((each) => each).length, 2 - deferred);
    expect('resume', errnoText(yield* doResume(md, 0)), '0');
  }

  *signal(): Kernel<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      yield* this.#suspending.wait();
      yield* usleep(PAUSE_US * (yield* ops.choice(CHOICE_SCENARIO, 10, HERE)), HERE);
      yield* this.#bench.suspender.send();
    }
  }
}

const race: AcceptanceCase = {
  of: 'dmsetup 70',
  sentence:
    'bios that come back while a noflush suspend is interrupted end once each, and none is left on the pushback list',
  presets: ['unified'],
  bugs: ['nf-check-then-queue-unlocked'],
  slow: { file: 'src/variants/bugs/nf-check-then-queue-unlocked.ts', func: 'parkPushback' },
  times: { schedules: ATTEMPTS_ALL / ATTEMPTS, rounds: ATTEMPTS_ALL / ATTEMPTS },
  build(bench) {
    const all = new Race(bench);
    return {
      *setup(): Kernel<void> {
        yield* bench.disk(0);
        yield* bench.device('0 8 scripted disk0 0 0');
      },
      actors: [
        actor('user', 2, () => all.use()),
        actor('administrator', 1, () => all.suspend()),
        actor('signaller', 0, () => all.signal()),
      ],
    };
  },
};

export const interruptedCases: readonly AcceptanceCase[] = [
  interruptedCase(
    'what was pushed back before a noflush suspend is interrupted is mapped again once, and what comes back later fails',
    'unified',
    alwaysParked,
    (bench) => bench.settle(),
  ),
  interruptedCase(
    'in 2.6.20 what was pushed back before a noflush suspend is interrupted is mapped again before the suspend returns',
    '2.6.20',
    neverMerged,
    () => resolved(undefined),
  ),
  race,
];
