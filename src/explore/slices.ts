/**
 * A slice is a numbered stretch of runs under one strategy. What it gives depends on its order alone, so slices can be made by any
 * number of workers and merged in the order of their numbers.
 */
import type { FindingKind } from '../machine/finding.ts';
import type { FindingReport, RunOutcome } from '../machine/machine.ts';
import { addTo } from '../shared/counts.ts';
import type { LockFact } from '../shared/lockdep/lock-facts.ts';
import { CoverageWatch, type Covered, type Sightings } from './coverage.ts';
import type { ModelMachine } from './explore.ts';
import { SLICED, type SlicedName, type StrategyName } from './strategies/all.ts';
import { type Guide, Guided, NO_GUIDE } from './strategies/guided.ts';
import { type Guarantee, Pct } from './strategies/pct.ts';
import type { Strategy } from './strategy.ts';
import { toEnd } from './to-end.ts';

export interface SliceOrder {
  readonly number: number;
  readonly strategy: StrategyName;
  readonly seed: number;
  /** The first run, and how many. */
  readonly first: number;
  readonly runs: number;
  /** What a guided slice begins with; default: nothing. */
  readonly guide?: Guide | null;
  /** What is looked for; other findings are passed over. Default: any. */
  readonly kind?: FindingKind | null;
}

export interface FoundInRun extends FindingReport {
  readonly run: number;
  readonly traceHash: number;
  /** What the run chose (ChoiceList), and what those before it did that the finding depends on. */
  readonly choices: Int32Array;
  readonly earlier: readonly Int32Array[];
}

/** What the lock validator has learned in a run that taught it something. */
export interface Lesson {
  readonly run: number;
  readonly traceHash: number;
  readonly choices: Int32Array;
  readonly facts: readonly LockFact[];
}

export interface SliceReport {
  readonly number: number;
  readonly strategy: StrategyName;
  /** Runs that were made: fewer than ordered when one has found something, or time was over. */
  readonly executions: number;
  readonly steps: number;
  readonly hashes: Int32Array;
  readonly finding: FoundInRun | null;
  /** Findings that were not looked for: how many, by kind. */
  readonly passedOver: ReadonlyMap<FindingKind, number>;
  readonly outcomes: ReadonlyMap<string, number>;
  /** What the programs have counted, summed over the runs that have come to their end. */
  readonly counts: ReadonlyMap<string, number>;
  readonly coverage: Readonly<Record<Covered, Sightings>>;
  /** What PCT promises for its runs; empty for others. */
  readonly guarantees: readonly Guarantee[];
  /** What a guided slice has learned; null for others. */
  readonly learned: Guide | null;
  /** In the order of their runs. */
  readonly lessons: readonly Lesson[];
}

/** Whether this is what is looked for; null, undefined: anything is. */
export const isSought = (finding: FindingReport, kind: FindingKind | null | undefined): boolean =>
  (kind ?? finding.kind) === finding.kind;

type IsLast = () => boolean;
const goesOn: IsLast = () => false;

/** Makes slices on one machine. */
export class SliceMaker {
  readonly #machine: ModelMachine;
  readonly #watch: CoverageWatch;
  readonly #stateOf: (() => number) | null;

  constructor(machine: ModelMachine, stateOf: (() => number) | null) {
    this.#machine = machine;
    this.#stateOf = stateOf;
    this.#watch = new CoverageWatch(stateOf);
    machine.listen(this.#watch);
  }

  /** At one go. */
  make(order: SliceOrder): SliceReport {
    return toEnd(this.begin(order));
  }

  /**
   * Gives way after each run. `isLast` is asked between runs: whether this one was the last. With a strategy that is under way the slice
   * ends when that is finished.
   */
  *begin(
    order: SliceOrder,
    isLast: IsLast = goesOn,
    strategy: Strategy = SLICED[order.strategy as SlicedName](order.seed),
  ): Generator<void, SliceReport, void> {
    const { execution } = this.#machine;
    if (strategy instanceof Guided) strategy.follow(order.guide ?? NO_GUIDE, this.#stateOf);
    this.#machine.follow(strategy);
    // What a slice gives must not depend on those that this machine has made before.
    this.#machine.forgetLocks();
    const lessons: Lesson[] = [];
    const hashes = new Int32Array(order.runs);
    const outcomes = new Map<string, number>();
    const counts = new Map<string, number>();
    const passedOver = new Map<FindingKind, number>();
    let finding: FoundInRun | null = null;
    let steps = 0;
    let made = 0;
    while (made < order.runs && finding === null && strategy.finished?.() !== true && !(made > 0 && isLast())) {
      const run = order.first + made;
      this.#watch.expect(run);
      const result = this.#machine.run(run);
      hashes[made++] = execution.hash;
      steps += result.steps;
      if (!execution.gaveUp) this.#watch.endRun();
      const found = this.#findingOf(run, result);
      if (found === null || isSought(found, order.kind)) finding = found;
      else addTo(passedOver, found.kind);
      const { lockdep } = this.#machine;
      if (lockdep !== null && lockdep.fresh.length > 0)
        lessons.push({ run, traceHash: execution.hash, choices: execution.choices.pairs(), facts: lockdep.fresh });
      if (result.outcome !== null) addTo(outcomes, result.outcome);
      for (const what in result.counts) addTo(counts, what, result.counts[what]);
      yield;
    }
    return {
      number: order.number,
      strategy: order.strategy,
      executions: made,
      steps,
      hashes: hashes.slice(0, made),
      finding,
      passedOver,
      outcomes,
      counts,
      coverage: this.#watch.take(),
      guarantees: strategy instanceof Pct ? strategy.guarantees() : [],
      learned: strategy instanceof Guided ? strategy.learned() : null,
      lessons,
    };
  }

  #findingOf(run: number, result: RunOutcome): FoundInRun | null {
    if (result.finding === null) return null;
    const { hash, choices } = this.#machine.execution;
    return { ...result.finding, run, traceHash: hash, choices: choices.pairs(), earlier: result.earlier ?? [] };
  }
}
