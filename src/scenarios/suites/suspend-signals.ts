/**
 * Suspends, counted, and the signals that interrupt them: which phase of a suspend a signal met.
 */
import { doSuspend } from '../../core/ioctl.ts';
import { type MappedDevice, SUSPEND_PHASES } from '../../core/mapped-device.ts';
import { usleep } from '../../irq/timer.ts';
import { EINTR } from '../../machine/errno.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { ops } from '../../machine/operations.ts';
import { LINE_WORDS, memory, staticWords } from '../../shared/memory.ts';
import type { Random } from '../../shared/random.ts';
import { SIGNAL_TARGET_WORDS, SignalTarget } from '../signal-target.ts';
import type { SignallerPlan } from './round-plan.ts';

/** A phase of a suspend at which a signaller may aim. */
export type AimedPhase = 'presuspend' | 'freeze' | 'block' | 'flush' | 'wait';

/** Up to `most` signals, each aimed at one of these phases or sent at any moment. */
export function planSignaller(random: Random, cpu: number, most: number, phases: readonly AimedPhase[]): SignallerPlan {
  const count = 1 + random.below(most);
  const signals = Array.from({ length: count }, () => {
    const aimed = phases[random.below(phases.length)] as AimedPhase;
    return {
      pauseUs: random.chance(1, 2) ? 0 : random.below(120),
      phase: SUSPEND_PHASES.indexOf(aimed),
      looks: random.chance(1, 4) ? 0 : 24,
    };
  });
  return { cpu, signals };
}

/** Counters of one suspender: suspends that were done, interrupted, refused, and interrupted by phase. */
const DONE = 0;
const INTERRUPTED = 1;
const FAILED = 2;
const BY_PHASE = 3;

export class SuspendCounts {
  readonly #word: number;

  constructor() {
    this.#word = staticWords(LINE_WORDS);
  }

  /** doSuspend, counted; nobody signals. */
  *suspend(md: MappedDevice, flags: number): Kernel<number> {
    const result = yield* doSuspend(md, flags);
    this.count(result, 0);
    return result;
  }

  count(result: number, phase: number): void {
    const w = memory.words;
    const what = result === 0 ? DONE : result === -EINTR ? INTERRUPTED : FAILED;
    (w[this.#word + what] as number)++;
    if (result === -EINTR) (w[this.#word + BY_PHASE + phase] as number)++;
  }

  get #words(): Int32Array {
    return memory.words.subarray(this.#word, this.#word + LINE_WORDS);
  }

  /** As they are called in a run's counts, summed over some suspenders. */
  static total(all: readonly SuspendCounts[]): Record<string, number> {
    const total = (what: number): number => all.reduce((sum, each) => sum + (each.#words[what] as number), 0);
    const byPhase = SUSPEND_PHASES.map((name, phase) => [`interrupted.${name}`, total(BY_PHASE + phase)]);
    return {
      'suspends.done': total(DONE),
      'suspends.interrupted': total(INTERRUPTED),
      'suspends.failed': total(FAILED),
      ...Object.fromEntries(byPhase),
    };
  }
}

/** Words that SuspendSignals declares. */
export const SUSPEND_SIGNALS_WORDS = SIGNAL_TARGET_WORDS + 1;

/** The way from a signaller to one suspender. */
export class SuspendSignals {
  readonly #target = new SignalTarget();
  /** The phase of the suspend at which its first signal was sent, + 1; guarded by the target's lock. */
  readonly #phase = staticWords(1);

  /** doSuspend by a task that may be signalled meanwhile. */
  *suspend(md: MappedDevice, flags: number, counts: SuspendCounts): Kernel<number> {
    yield* this.#target.open();
    const result = yield* doSuspend(md, flags);
    yield* this.#target.close();
    counts.count(result, (memory.words[this.#phase] as number) - 1);
    memory.words[this.#phase] = 0;
    return result;
  }

  /** Sends the signals of a plan, each when the suspend has come to its phase, or after so many looks. */
  *send(md: MappedDevice, plan: SignallerPlan, cpus: number): Kernel<void> {
    for (const signal of plan.signals) {
      if (signal.pauseUs > 0) yield* usleep(signal.pauseUs, HERE);
      for (let look = 0; look < signal.looks && md.phase.value !== signal.phase; look++) {
        // A CPU does not leave a task that relaxes, so with one CPU nobody else would get any further.
        if (cpus === 1) yield* usleep(10, HERE);
        else yield* ops.relax(HERE);
      }
      yield* this.signal(md);
    }
  }

  /** Signals the suspender if it is in a suspend now. */
  *signal(md: MappedDevice): Kernel<void> {
    const w = memory.words;
    yield* this.#target.send(() => {
      if (w[this.#phase] === 0) w[this.#phase] = 1 + (md.phase.value % SUSPEND_PHASES.length);
    });
  }
}
