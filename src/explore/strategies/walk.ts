/**
 * The seeded walk: at each step it stays on its CPU with a probability drawn anew for each run from 1/2, 3/4, … 63/64, and
 * else takes one of the possible moves, all equally likely.
 *
 * Why not uniform: the window of nf-check-then-queue-unlocked is about 20 steps of another CPU long; a uniform walk over
 * three CPUs stays away for so long with a probability of 3^-20 (measured: 0 of 200,000 runs).
 */
import type { ChoiceKind } from '../../machine/kernel.ts';
import { deriveSeed, Random } from '../../shared/random.ts';
import { type Moves, type Strategy, TURN_MADE, TURN_NONE, type Turn } from '../strategy.ts';

export class Walk implements Strategy {
  readonly #seed: number;
  #random = new Random(0);
  /** Stay when a 32-bit number is below this. */
  #stayBelow = 0;
  #cpu = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  begin(run: number): void {
    this.#random = new Random(deriveSeed(this.#seed, run));
    this.#stayBelow = 4294967296 * (1 - 1 / (2 << this.#random.below(6)));
    this.#cpu = 0;
  }

  next(moves: Moves): Turn {
    if (this.#random.next() < this.#stayBelow && moves.canStep(this.#cpu)) {
      moves.step(this.#cpu);
      return TURN_MADE;
    }
    const count = moves.collect();
    if (count === 0) return TURN_NONE;
    const index = count === 1 ? 0 : this.#random.below(count);
    this.#cpu = moves.mover(index).cpu;
    moves.take(index);
    return TURN_MADE;
  }

  choose(_kind: ChoiceKind, count: number): number {
    return this.#random.below(count);
  }
}
