/**
 * Every schedule with at most c preemptions (turns.ts), for c = 0, 1, 2, …: most bugs need one or two. A bound is searched depth first,
 * without reduction, and the next one contains it. Musuvathi, Qadeer: Iterative context bounding for systematic testing of
 * multithreaded programs. PLDI 2007.
 */
import { type ChoiceKind, isAboutBudget } from '../../machine/kernel.ts';
import type { Context } from '../context.ts';
import { type Moves, type Strategy, TURN_MADE, TURN_NONE, type Turn } from '../strategy.ts';
import { entersNow, preemptionsText, Turns } from './turns.ts';

/** A choice point on the path: how many alternatives it has and which is being tried. */
interface Fork {
  count: number;
  tried: number;
}

export class Bounded implements Strategy {
  /** The bound that is searched, and the last one. */
  #bound: number;
  readonly #last: number;
  readonly #path: Fork[] = [];
  #depth = 0;
  #preemptions = 0;
  readonly #turns = new Turns();
  #goesOn = -1;
  #cut = false;
  /** The first bound with a run that had to be brought to its end in a fair way; null: there was none. */
  #longFrom: number | null = null;
  #finished = false;
  readonly #order: number[] = [];

  /** All bounds from `first` up to `last`; Infinity for both: every schedule there is. */
  constructor(first: number, last: number) {
    this.#bound = first;
    this.#last = last;
  }

  /** What has been seen in full, as a sentence; null: not even the first bound. */
  exhausted(): string | null {
    if (this.#finished && !this.#cut && this.#longFrom === null) return 'exhaustive: every schedule';
    const done = this.#finished ? this.#bound : this.#bound - 1;
    const seen = this.#longFrom === null ? done : Math.min(done, this.#longFrom - 1);
    return seen < 0 || !Number.isFinite(seen) ? null : `exhaustive up to ${preemptionsText(seen)}`;
  }

  begin(_run: number): void {
    this.#depth = 0;
    this.#preemptions = 0;
    this.#turns.begin();
  }

  next(moves: Moves): Turn {
    const found = moves.collect();
    if (found === 0) return TURN_NONE;
    const free = this.#sort(moves, found);
    const mayPreempt = this.#preemptions < this.#bound;
    if (!mayPreempt && found > free) this.#cut = true;
    const chosen = this.#fork(mayPreempt ? found : free);
    if (chosen >= free) this.#preemptions++;
    moves.take(this.#order[chosen] as number);
    return TURN_MADE;
  }

  /** Puts first whose turn it is, then interrupts, and last who waits in a loop; gives how many of them preempt nobody. */
  #sort(moves: Moves, count: number): number {
    const { last } = this.#turns;
    this.#goesOn = this.#turns.goesOn(moves, count);
    const rank = (i: number): number => {
      const mover = moves.mover(i);
      if (mover.process === this.#goesOn) return 0;
      if (this.#goesOn !== -1 && entersNow(mover)) return 1;
      return mover.process === last ? 3 : 2;
    };
    this.#order.length = 0;
    for (let i = 0; i < count; i++) this.#order.push(i);
    this.#order.sort((one, other) => rank(one) - rank(other));
    return this.#goesOn === -1 ? count : this.#order.filter((i) => rank(i) < 2).length;
  }

  choose(kind: ChoiceKind, count: number): number {
    // A run that may have all of the budget may do without.
    return isAboutBudget(kind) ? 0 : this.#fork(count);
  }

  #fork(count: number): number {
    if (count === 1) return 0;
    const depth = this.#depth++;
    const fork = this.#path[depth];
    if (fork !== undefined) return fork.tried;
    this.#path.push({ count, tried: 0 });
    return 0;
  }

  moving(context: Context): void {
    this.#turns.moving(context, this.#goesOn);
  }

  tookTooLong(): void {
    this.#longFrom ??= this.#bound;
  }

  /** Goes back to the last choice point that has an alternative left. */
  end(): void {
    const path = this.#path;
    for (let fork = path.at(-1); fork !== undefined; fork = path.at(-1)) {
      if (++fork.tried < fork.count) return;
      path.pop();
    }
    // Nothing was cut off: higher bounds hold no more than this one.
    this.#finished = !this.#cut || this.#bound >= this.#last;
    if (this.#finished) return;
    this.#bound++;
    this.#cut = false;
  }

  finished(): boolean {
    return this.#finished;
  }
}
