/**
 * Partial order sampling: each pending operation has a random priority and the highest one that can run does. What depends on it
 * then draws anew, so that the order of dependent operations is random each time they meet, and that of others does not matter.
 * Yuan, Yang, Gu: Partial order aware concurrency sampling. CAV 2018.
 *
 * Who spins (relax) falls below all others, and a run that is much too long goes on as a uniform walk.
 */
import { type ChoiceKind, OP_RELAX } from '../../machine/kernel.ts';
import { deriveSeed, Random } from '../../shared/random.ts';
import { Accesses } from '../dependency.ts';
import { type Moves, type Strategy, TURN_MADE, TURN_NONE, type Turn } from '../strategy.ts';
import { FairTail } from './fair-tail.ts';

export class Pos implements Strategy {
  readonly #seed: number;
  #random = new Random(0);
  #accesses: Accesses | null = null;
  readonly #priorities = new Map<number, number>();
  readonly #tail = new FairTail();
  /** What the last spinner drew: below all others. */
  #lowest = 0;
  /** The last step: its process, its CPU and what it touched. */
  #process = -1;
  #cpu = -1;
  #touched: readonly number[] = [];
  /** It was a relax. */
  #spins = false;

  constructor(seed: number) {
    this.#seed = seed;
  }

  begin(run: number): void {
    this.#random = new Random(deriveSeed(this.#seed, run));
    this.#accesses ??= new Accesses();
    this.#priorities.clear();
    this.#tail.begin();
    this.#lowest = 0;
    this.#process = -1;
    this.#cpu = -1;
    this.#touched = [];
  }

  next(moves: Moves): Turn {
    const count = moves.collect();
    if (count === 0) return TURN_NONE;
    const best = this.#tail.step() ? this.#random.below(count) : this.#highest(moves, count);
    const { process, cpu, cell } = moves.mover(best);
    const accesses = this.#accesses as Accesses;
    accesses.of(cell);
    this.#process = process;
    this.#cpu = cpu;
    this.#touched = accesses.copy();
    this.#spins = cell.kind === OP_RELAX;
    moves.take(best);
    return TURN_MADE;
  }

  #highest(moves: Moves, count: number): number {
    const accesses = this.#accesses as Accesses;
    let best = 0;
    let highest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      const { process, cpu, cell } = moves.mover(i);
      let priority = this.#priorities.get(process);
      let stale = priority === undefined || process === this.#process || cpu === this.#cpu;
      if (!stale && this.#touched.length > 0) {
        accesses.of(cell);
        stale = accesses.meets(this.#touched);
      }
      if (stale || priority === undefined) {
        priority = this.#spins && process === this.#process ? --this.#lowest : this.#random.next();
        this.#priorities.set(process, priority);
      }
      if (priority <= highest) continue;
      highest = priority;
      best = i;
    }
    return best;
  }

  choose(_kind: ChoiceKind, count: number): number {
    return this.#random.below(count);
  }

  end(): void {
    this.#tail.end();
  }
}
