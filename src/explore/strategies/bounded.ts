/**
 * Every schedule with at most c preemptions, for c = 0, 1, 2, …: most bugs need one or two.
 *
 * A preemption is a move by another than the last mover while that one could go on; an interrupt that enters is one too. A bound
 * is searched depth first, without reduction, and the next one contains it. Musuvathi, Qadeer: Iterative context bounding for
 * systematic testing of multithreaded programs. PLDI 2007.
 */
import { CHOICE_LATE, type ChoiceKind, isAboutBudget, OP_RELAX } from '../../machine/kernel.ts';
import { deriveSeed, Random } from '../../shared/random.ts';
import type { Context } from '../context.ts';
import { type Moves, type Strategy, TURN_MADE, TURN_NONE, type Turn } from '../strategy.ts';
import { FairTail } from './fair-tail.ts';

/** A choice point on the path: how many alternatives it has and which is being tried. */
interface Fork {
  count: number;
  tried: number;
}

/** Who makes so many steps in a row may be waiting in a loop. */
export const SPINS = 200;

/** Whether the last mover, which has made so many steps in a row, can go on with what it does. */
export function couldGoOn({ cell }: Context, steps: number): boolean {
  // To be woken for no reason is not to go on.
  return cell.kind !== OP_RELAX && steps < SPINS && cell.enabled();
}

export const preemptionsText = (count: number): string => `${count} preemption${count === 1 ? '' : 's'}`;

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

export class Bounded implements Strategy {
  /** The bound that is searched, and the last one. */
  #bound: number;
  readonly #last: number;
  readonly #path: Fork[] = [];
  #depth = 0;
  #preemptions = 0;
  #mover = -1;
  #streak = 0;
  #cut = false;
  #finished = false;
  readonly #order: number[] = [];

  /** All bounds from `first` up to `last`; Infinity for both: every schedule there is. */
  constructor(first: number, last: number) {
    this.#bound = first;
    this.#last = last;
  }

  /** What has been seen in full, as a sentence; null: not even the first bound. */
  exhausted(): string | null {
    if (this.#finished && !this.#cut) return 'exhaustive: every schedule';
    const done = this.#finished ? this.#bound : this.#bound - 1;
    return done < 0 ? null : `exhaustive up to ${preemptionsText(done)}`;
  }

  begin(_run: number): void {
    this.#depth = 0;
    this.#preemptions = 0;
    this.#mover = -1;
    this.#streak = 0;
  }

  next(moves: Moves): Turn {
    const found = moves.collect();
    if (found === 0) return TURN_NONE;
    const goesOn = sortMovers(moves, found, this.#mover, this.#streak, this.#order);
    const mayPreempt = !goesOn || this.#preemptions < this.#bound;
    if (!mayPreempt && found > 1) this.#cut = true;
    const chosen = this.#fork(mayPreempt ? found : 1);
    if (goesOn && chosen > 0) this.#preemptions++;
    moves.take(this.#order[chosen] as number);
    return TURN_MADE;
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
    this.#streak = context.process === this.#mover ? this.#streak + 1 : 1;
    this.#mover = context.process;
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

/** Random runs with few preemptions, for programs that are too long for all of them. */
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
