/**
 * Which step of a run decides: of random continuations the share that ends with the same finding, before the step and after it.
 */
import { deriveSeed, Random } from '../shared/random.ts';
import { ListThenChance } from './deciders.ts';
import type { RunRecorder } from './recorded-run.ts';
import { identityOf } from './shrink.ts';

export interface Decisive {
  /** From 1. */
  readonly step: number;
  /** Shares of `CONTINUATIONS` random continuations that fail. */
  readonly before: number;
  readonly after: number;
}

export const CONTINUATIONS = 200;
/** Enough to choose a half. */
const FEW_CONTINUATIONS = 40;

export interface DecidedRun {
  /** What it chose (ChoiceList). */
  readonly choices: Int32Array;
  readonly steps: number;
  /** identityOf its finding. */
  readonly identity: string;
}

/** The run is first cut into so many stretches. */
const STRETCHES = 12;
/** So few steps are looked at one by one: a half that was chosen by few continuations may be the wrong one. */
const STEPS_EACH = 8;

/** A number of steps and the share of continuations from there. */
interface Measured {
  readonly steps: number;
  readonly share: number;
}

/** Runs on the way to a result; gives control back after each. */
type Steps<T> = Generator<void, T, void>;

/**
 * Measures where each of some stretches begins, halves the one over which the share grows most until few steps are left, and takes
 * the one of these at which it grows most.
 */
export function* decisiveStep(recorder: RunRecorder, run: DecidedRun, seed: number): Steps<Decisive> {
  function* share(steps: number, continuations: number): Steps<number> {
    if (steps >= run.steps) return 1;
    const decider = new ListThenChance(run.choices, steps, new Random(deriveSeed(seed, steps)));
    let same = 0;
    for (let i = 0; i < continuations; i++) {
      const { found } = recorder.run(decider);
      if (found !== null && identityOf(found) === run.identity) same++;
      yield;
    }
    return same / continuations;
  }
  function* measure(steps: number): Steps<Measured> {
    return { steps, share: yield* share(steps, FEW_CONTINUATIONS) };
  }
  let low = yield* measure(0);
  let high: Measured = { steps: run.steps, share: 1 };
  let left = low;
  let growth = -1;
  for (let i = 1; i <= STRETCHES; i++) {
    const right = yield* measure(Math.ceil((run.steps * i) / STRETCHES));
    if (right.share - left.share > growth) {
      growth = right.share - left.share;
      low = left;
      high = right;
    }
    left = right;
  }
  while (high.steps - low.steps > STEPS_EACH) {
    const half = yield* measure((low.steps + high.steps) >> 1);
    if (half.share - low.share > high.share - half.share) high = half;
    else low = half;
  }
  let before = yield* share(low.steps, CONTINUATIONS);
  let decisive: Decisive = { step: low.steps, before, after: before };
  for (let step = low.steps + 1; step <= high.steps; step++) {
    const after = yield* share(step, CONTINUATIONS);
    if (after - before > decisive.after - decisive.before) decisive = { step, before, after };
    before = after;
  }
  return decisive;
}
