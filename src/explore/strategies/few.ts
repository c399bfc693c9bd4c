/**
 * Random runs with up to three preemptions, for programs that are too long for all such runs. An interrupt that enters counts as one.
 */
import { CHOICE_LATE, type ChoiceKind } from '../../machine/kernel.ts';
import { deriveSeed, Random } from '../../shared/random.ts';
import type { Context } from '../context.ts';
import { type Moves, type Strategy, TURN_MADE, TURN_NONE, type Turn } from '../strategy.ts';
import { FairTail } from './fair-tail.ts';
import { couldGoOn } from './turns.ts';

/** Puts the last mover first, which has made so many steps in a row; gives whether it goes on. */
function sortMovers(moves: Moves, count: number, last: number, steps: number, into: number[]): boolean {
  into.length = 0;
  let goesOn = false;
  let waits = -1;
  for (let i = 0; i < count; i++) {
    const mover = moves.mover(i);
    if (mover.process !== last) into.push(i);
    else if (couldGoOn(mover, steps)) {
      into.unshift(i);
      goesOn = true;
    } else waits = i;
  }
  // Leaving somebody who waits in a loop is no preemption.
  if (waits !== -1) into.push(waits);
  return goesOn;
}

export class FewPreemptions implements Strategy {
  readonly #seed: number;
  #random = new Random(0);
  #mover = -1;
  #streak = 0;
  #steps = 0;
  /** Steps of the longest run so far: where preemptions are placed. */
  #length = 1;
  readonly #points: number[] = [];
  readonly #tail = new FairTail();
  readonly #order: number[] = [];

  constructor(seed: number) {
    this.#seed = seed;
  }

  begin(run: number): void {
    this.#random = new Random(deriveSeed(this.#seed, run));
    this.#mover = -1;
    this.#streak = 0;
    this.#steps = 0;
    this.#tail.begin();
    this.#points.length = 0;
    for (let left = this.#random.below(4); left > 0; left--) this.#points.push(this.#random.below(this.#length));
  }

  next(moves: Moves): Turn {
    const found = moves.collect();
    if (found === 0) return TURN_NONE;
    const goesOn = sortMovers(moves, found, this.#mover, this.#streak, this.#order);
    if (this.#tail.step()) {
      moves.take(this.#random.below(found));
      return TURN_MADE;
    }
    const preempts = this.#points.includes(this.#steps) && found > 1;
    const chosen = !goesOn ? this.#random.below(found) : preempts ? 1 + this.#random.below(found - 1) : 0;
    moves.take(this.#order[chosen] as number);
    return TURN_MADE;
  }

  choose(kind: ChoiceKind, count: number): number {
    return kind === CHOICE_LATE ? 0 : this.#random.below(count);
  }

  moving(context: Context): void {
    this.#streak = context.process === this.#mover ? this.#streak + 1 : 1;
    this.#mover = context.process;
    this.#steps++;
  }

  end(): void {
    this.#tail.end();
    this.#length = Math.max(this.#length, this.#steps);
  }
}
