/**
 * A uniform walk in which now and then one CPU stands still for a while: the others get as far ahead as they can. A delay of one
 * CPU at the wrong place is what most windows need, and the longer ones are never met by chance.
 */
import type { ChoiceKind } from '../../machine/kernel.ts';
import { deriveSeed, Random } from '../../shared/random.ts';
import { type Moves, type Strategy, TURN_MADE, TURN_NONE, type Turn } from '../strategy.ts';

/** Of so many steps without a victim, one begins to starve somebody; how long, as a power of two. */
const RARELY = 40;
const LONGEST = 12;

export class Starvation implements Strategy {
  readonly #seed: number;
  #random = new Random(0);
  #victim = -1;
  #left = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  begin(run: number): void {
    this.#random = new Random(deriveSeed(this.#seed, run));
    this.#victim = -1;
    this.#left = 0;
  }

  next(moves: Moves): Turn {
    const count = moves.collect();
    if (count === 0) return TURN_NONE;
    if (count > 1 && this.#left === 0 && this.#random.below(RARELY) === 0) {
      this.#victim = moves.mover(this.#random.below(count)).cpu;
      this.#left = this.#random.below(1 << this.#random.below(LONGEST));
    } else if (this.#left > 0) this.#left--;
    moves.take(this.#pick(moves, count));
    return TURN_MADE;
  }

  /** Anybody but the victim, if there is anybody else. */
  #pick(moves: Moves, count: number): number {
    if (count === 1) return 0;
    let others = 0;
    if (this.#left > 0) for (let i = 0; i < count; i++) if (moves.mover(i).cpu !== this.#victim) others++;
    if (others === 0) return this.#random.below(count);
    let at = this.#random.below(others);
    for (let i = 0; i < count; i++) if (moves.mover(i).cpu !== this.#victim && at-- === 0) return i;
    return 0;
  }

  choose(_kind: ChoiceKind, count: number): number {
    return this.#random.below(count);
  }
}
