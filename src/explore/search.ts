/**
 * A search: slices in the order of their numbers, up to the first finding.
 *
 * Orders are handed out ahead; reports may come back in any order and are merged in the order of their numbers. So the result
 * is the same for any number of workers.
 */
import type { FindingKind } from '../machine/finding.ts';
import { addTo } from '../shared/counts.ts';
import { LockGraph } from '../shared/lockdep/lock-graph.ts';
import { lockReport } from '../shared/lockdep/lock-report.ts';
import { COVERED, type Covered, type Novelty, Tally } from './coverage.ts';
import { Guides } from './epochs.ts';
import { earlierRuns } from './explore.ts';
import { Portfolio, SLICE_RUNS } from './portfolio.ts';
import { type FoundInRun, isSought, type Lesson, type SliceOrder, type SliceReport } from './slices.ts';
import type { StrategyName } from './strategies/all.ts';
import type { Guarantee } from './strategies/pct.ts';

export interface StrategyUse {
  readonly strategy: string;
  readonly executions: number;
}

export interface Coverage extends Readonly<Record<Covered, Novelty>> {
  /** How many runs each strategy has made. */
  readonly strategies: readonly StrategyUse[];
  /** For bugs of depth 1 to 3: the most that the probability of having missed one can be; null without runs of PCT. */
  readonly missed: readonly { readonly depth: number; readonly probability: number }[] | null;
}

export interface SearchResult {
  readonly finding: FoundInRun | null;
  readonly executions: number;
  readonly steps: number;
  /** Folds the trace hashes of all runs. */
  readonly traceHash: number;
  readonly outcomes: ReadonlyMap<string, number>;
  /** What the programs have counted, summed over all runs that have come to their end. */
  readonly counts: ReadonlyMap<string, number>;
  /** Findings that were not looked for: how many, by kind. */
  readonly passedOver: ReadonlyMap<FindingKind, number>;
  readonly coverage: Coverage;
}

const DEPTHS = [1, 2, 3];

export class SlicedSearch {
  readonly #strategy: StrategyName;
  readonly #seed: number;
  readonly #most: number;
  readonly #kind: FindingKind | null;
  readonly #portfolio = new Portfolio();
  readonly #guides = new Guides();
  readonly #tallies: Record<Covered, Tally> = { classes: new Tally(), handOvers: new Tally(), states: new Tally() };
  readonly #outcomes = new Map<string, number>();
  readonly #counts = new Map<string, number>();
  readonly #passedOver = new Map<FindingKind, number>();
  readonly #uses = new Map<string, number>();
  /** What the lock validator has learned in all runs, and what those chose that taught it. */
  readonly #locks = new LockGraph();
  readonly #teachers = new Map<number, Int32Array>();
  readonly #waiting = new Map<number, SliceReport>();
  /** For each depth the sum of log(1 − promise) over all runs. */
  readonly #doubts = DEPTHS.map(() => 0);
  #promised = false;
  #ordered = 0;
  #merged = 0;
  #finding: FoundInRun | null = null;
  #executions = 0;
  #steps = 0;
  #traceHash = 0;

  /** `most`: runs at most. `kind`: what is looked for; other findings are passed over. Null: any. */
  constructor(strategy: StrategyName, seed: number, most: number, kind: FindingKind | null = null) {
    this.#kind = kind;
    this.#strategy = strategy;
    this.#seed = seed;
    this.#most = most;
  }

  get executions(): number {
    return this.#executions;
  }

  /** Something was found, or all runs have been made. */
  get over(): boolean {
    return this.#finding !== null || this.#executions >= this.#most;
  }

  /** What is to be made next; null: nothing, or nothing before more reports have come. */
  order(): SliceOrder | null {
    const number = this.#ordered;
    const first = number * SLICE_RUNS;
    const runs = Math.min(SLICE_RUNS, this.#most - first);
    if (this.#finding !== null || runs <= 0) return null;
    const strategy = this.#strategy === 'portfolio' ? this.#portfolio.strategyOf(number) : this.#strategy;
    if (strategy === null) return null;
    const guide = strategy === 'guided' ? this.#guides.of(number) : null;
    if (strategy === 'guided' && guide === null) return null;
    this.#ordered++;
    return { number, strategy, seed: this.#seed, first, runs, guide, kind: this.#kind };
  }

  /** No more slices are made: those that wait for one before them count all the same. */
  end(): void {
    const waiting = [...this.#waiting.values()].sort((one, other) => one.number - other.number);
    this.#waiting.clear();
    for (const report of waiting) if (this.#finding === null) this.#merge(report);
  }

  /** A slice has been made. */
  report(report: SliceReport): void {
    this.#waiting.set(report.number, report);
    for (let next = this.#waiting.get(this.#merged); next !== undefined; next = this.#waiting.get(this.#merged)) {
      this.#waiting.delete(this.#merged++);
      if (this.#finding === null) this.#merge(next);
    }
  }

  #merge(report: SliceReport): void {
    this.#executions += report.executions;
    this.#steps += report.steps;
    for (const hash of report.hashes) this.#traceHash = Math.imul(this.#traceHash ^ hash, 0x01000193);
    for (const [outcome, count] of report.outcomes) addTo(this.#outcomes, outcome, count);
    for (const [what, count] of report.counts) addTo(this.#counts, what, count);
    for (const [kind, count] of report.passedOver) addTo(this.#passedOver, kind, count);
    for (const kind of COVERED) this.#tallies[kind].add(report.coverage[kind]);
    addTo(this.#uses, report.strategy, report.executions);
    for (const guarantee of report.guarantees) this.#promise(guarantee);
    this.#guides.merged(report.number, report.learned);
    if (this.#strategy === 'portfolio') this.#portfolio.merged(report.number, report.executions, this.#tallies);
    this.#finding = this.#learn(report) ?? report.finding;
  }

  /** Two runs of different slices may have taken locks in orders that do not go together. */
  #learn({ lessons, finding }: SliceReport): FoundInRun | null {
    for (const lesson of lessons) {
      // What the run itself has found comes first.
      if (lesson.run === finding?.run) return null;
      const found = this.#learnFrom(lesson);
      if (found === null) continue;
      if (isSought(found, this.#kind)) return found;
      addTo(this.#passedOver, found.kind);
    }
    return null;
  }

  #learnFrom({ run, traceHash, choices, facts }: Lesson): FoundInRun | null {
    for (const fact of facts) {
      if (this.#locks.knows(fact)) continue;
      this.#teachers.set(run, choices);
      // The run that is made again ends at the first one too.
      const [conflict] = this.#locks.add(fact);
      if (conflict === undefined) continue;
      const report = lockReport(this.#locks, conflict);
      const { kind, invariant, message, lines } = report;
      const earlier = earlierRuns(report, run, this.#teachers);
      // Where everybody stood is not known here: the run is made again for that.
      return { kind, invariant, message, site: '', places: [], report: lines, run, traceHash, choices, earlier };
    }
    return null;
  }

  /** A run of PCT for depth D finds a bug of depth d ≤ D with a probability of at least 1 / (n k^(D−1)). */
  #promise({ depth, processes, choices, runs }: Guarantee): void {
    const promise = 1 / (processes * choices ** (depth - 1));
    this.#promised = true;
    for (const [i, least] of DEPTHS.entries())
      if (depth >= least) this.#doubts[i] = (this.#doubts[i] as number) + runs * Math.log1p(-Math.min(promise, 0.999));
  }

  result(): SearchResult {
    const novelty = (kind: Covered): Novelty => this.#tallies[kind].novelty(this.#executions);
    return {
      finding: this.#finding,
      executions: this.#executions,
      steps: this.#steps,
      traceHash: this.#traceHash,
      outcomes: this.#outcomes,
      counts: this.#counts,
      passedOver: this.#passedOver,
      coverage: {
        classes: novelty('classes'),
        handOvers: novelty('handOvers'),
        states: novelty('states'),
        strategies: [...this.#uses].map(([strategy, executions]) => ({ strategy, executions })),
        missed: this.#promised
          ? DEPTHS.map((depth, i) => ({ depth, probability: Math.exp(this.#doubts[i] as number) }))
          : null,
      },
    };
  }
}
