/**
 * The uniform walk: any possible move, all equally likely. The plain baseline, and the canary of all others.
 */
import type { ChoiceKind } from '../../machine/kernel.ts';
import { deriveSeed, Random } from '../../shared/random.ts';
import { type Moves, type Strategy, TURN_MADE, TURN_NONE, type Turn } from '../strategy.ts';

export class Uniform implements Strategy {
  readonly #seed: number;
  #random = new Random(0);

  constructor(seed: number) {
    this.#seed = seed;
  }

  begin(run: number): void {
    this.#random = new Random(deriveSeed(this.#seed, run));
  }

  next(moves: Moves): Turn {
    const count = moves.collect();
    if (count === 0) return TURN_NONE;
    moves.take(count === 1 ? 0 : this.#random.below(count));
    return TURN_MADE;
  }

  choose(_kind: ChoiceKind, count: number): number {
    return this.#random.below(count);
  }
}
