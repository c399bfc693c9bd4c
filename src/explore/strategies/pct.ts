/**
 * Probabilistic concurrency testing: each process has a priority, the highest one that can move does, and at d − 1 moments the
 * one whose turn it is falls below all others. A bug of depth d, among n processes in runs of k choices, is found by a run with
 * a probability of at least 1 / (n k^(d−1)). Burckhardt, Kothari, Musuvathi, Nagarakatte: A randomized scheduler with
 * probabilistic guarantees of finding bugs. ASPLOS 2010.
 *
 * Choices are counted where two or more can move. A run that lasts four times as long as others goes on as a uniform walk,
 * since strict priorities may starve whom the rest waits for. Who spins (relax) falls below all others.
 */
import { CHOICE_LIMIT, type ChoiceKind, OP_RELAX } from '../../machine/kernel.ts';
import { addTo } from '../../shared/counts.ts';
import { deriveSeed, Random } from '../../shared/random.ts';
import { isLimit } from '../choices.ts';
import type { Context } from '../context.ts';
import { type Moves, type Strategy, TURN_MADE, TURN_NONE, type Turn } from '../strategy.ts';

/** One run of so many is a uniform walk, by which the length of runs is known: strict priorities may make them longer. */
const MEASURED = 32;
const FAIR_AFTER = 4;

/** What so many runs promise: a bug of this depth is found by each with a probability of at least 1 / (processes · choices^(depth−1)). */
export interface Guarantee {
  readonly depth: number;
  readonly processes: number;
  readonly choices: number;
  readonly runs: number;
}

export class Pct implements Strategy {
  readonly #seed: number;
  readonly #depths: readonly number[];
  #random = new Random(0);
  /** Choices of a run: the most of the last uniform walks. */
  #length = 1;
  #runs = 0;
  readonly #priorities = new Map<number, number>();
  /** Numbers of the choices at which a priority falls, and how far the next one does. */
  readonly #falls = new Set<number>();
  #lowest = 0;
  #choices = 0;
  #depth = 0;
  /** The run has drawn that interrupts or timers come late: what it promises is not about all bugs. */
  #limited = false;
  /** Most processes and choices of a run; runs of each depth. */
  #processes = 1;
  #most = 1;
  readonly #made = new Map<number, number>();

  /** `depths`: each run draws one of them. */
  constructor(seed: number, depths: readonly number[]) {
    this.#seed = seed;
    this.#depths = depths;
  }

  begin(run: number): void {
    const random = new Random(deriveSeed(this.#seed, run));
    this.#random = random;
    this.#priorities.clear();
    this.#falls.clear();
    this.#lowest = 0;
    this.#choices = 0;
    const depth = this.#depths[random.below(this.#depths.length)] as number;
    this.#depth = depth;
    this.#limited = false;
    for (let i = 1; i < depth; i++) this.#falls.add(random.below(this.#length));
  }

  next(moves: Moves): Turn {
    const count = moves.collect();
    if (count === 0) return TURN_NONE;
    const index = count === 1 ? 0 : this.#pick(moves, count);
    const mover = moves.mover(index);
    if (mover.cell.kind === OP_RELAX) this.#fall(mover);
    moves.take(index);
    return TURN_MADE;
  }

  #pick(moves: Moves, count: number): number {
    const choice = this.#choices++;
    if (this.#runs % MEASURED === 0 || choice >= FAIR_AFTER * this.#length) return this.#random.below(count);
    let best = this.#highest(moves, count);
    if (this.#falls.has(choice)) {
      this.#fall(moves.mover(best));
      best = this.#highest(moves, count);
    }
    return best;
  }

  #highest(moves: Moves, count: number): number {
    let best = 0;
    let highest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      const { process } = moves.mover(i);
      let priority = this.#priorities.get(process);
      if (priority === undefined) {
        priority = 1 + this.#random.next();
        this.#priorities.set(process, priority);
      }
      if (priority <= highest) continue;
      highest = priority;
      best = i;
    }
    return best;
  }

  #fall(mover: Context): void {
    this.#priorities.set(mover.process, --this.#lowest);
  }

  choose(kind: ChoiceKind, count: number): number {
    const value = this.#random.below(count);
    if (kind === CHOICE_LIMIT && isLimit(value)) this.#limited = true;
    return value;
  }

  end(): void {
    // The length of long ago fades.
    const measured = this.#runs % MEASURED === 0;
    if (measured) this.#length = Math.max(1, this.#choices, Math.floor(0.9 * this.#length));
    else if (this.#choices <= this.#length && !this.#limited) {
      addTo(this.#made, this.#depth);
      this.#processes = Math.max(this.#processes, this.#priorities.size);
      this.#most = Math.max(this.#most, this.#length);
    }
    this.#runs++;
  }

  /** What the runs so far promise; those that were longer than known, and uniform ones, promise nothing. */
  guarantees(): Guarantee[] {
    const [processes, choices] = [this.#processes, this.#most];
    return [...this.#made].map(([depth, runs]) => ({ depth, processes, choices, runs }));
  }
}
