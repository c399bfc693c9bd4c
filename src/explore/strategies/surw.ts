/**
 * Selectively uniform random walk: of all orders in which the processes can touch one object, each is equally likely. The next
 * to touch it is drawn in proportion to how often each process still will; until then all others may do anything but touch it.
 * Without an object (URW) the same holds for all steps. Zhao, Wolff, Mathur, Roychoudhury: Selectively uniform concurrency
 * testing. ASPLOS 2025.
 *
 * How often each will is known from runs before. The object is drawn for each run, in proportion to the number of pairs of
 * accesses by two processes of which one writes.
 */
import { type ChoiceKind, OP_RELAX } from '../../machine/kernel.ts';
import { deriveSeed, Random } from '../../shared/random.ts';
import { type Context, FIRST_TASK } from '../context.ts';
import { Accesses, modeOf, objectOf, READ } from '../dependency.ts';
import { type Moves, type Strategy, TURN_MADE, TURN_NONE, type Turn } from '../strategy.ts';
import { FairTail } from './fair-tail.ts';
import { Profile } from './surw-profile.ts';

/** One run of so many is counted. */
const COUNTED = 4;
/** Turns of waiting loops after which anybody may touch the object: they wait for one whose turn it is not. */
const SPINS = 16;
/** Stands for all steps in the profile. */
const EVERYTHING = 0;

/** The name of a process that is the same in all runs. */
const nameOf = ({ process, key }: Context): number => (process < FIRST_TASK ? process : key);

export class Surw implements Strategy {
  readonly #seed: number;
  /** Runs without an object, in percent. */
  readonly #plainPercent: number;
  #random = new Random(0);
  #accesses: Accesses | null = null;
  readonly #profile = new Profile();
  readonly #tail = new FairTail();
  #runs = 0;
  /** The object of this run, or EVERYTHING. */
  #object = EVERYTHING;
  /** How often each process will touch the object from now on. */
  readonly #left = new Map<number, number>();
  /** Who touches it next; 0: anybody. */
  #next = 0;
  /** Turns of waiting loops since the object was touched. */
  #spins = 0;

  constructor(seed: number, plainPercent: number) {
    this.#seed = seed;
    this.#plainPercent = plainPercent;
  }

  begin(run: number): void {
    this.#random = new Random(deriveSeed(this.#seed, run));
    this.#accesses ??= new Accesses();
    this.#tail.begin();
    const plain = this.#random.below(100) < this.#plainPercent;
    this.#object = plain ? EVERYTHING : this.#profile.draw(this.#random);
    this.#profile.countsOf(this.#object, this.#left);
    this.#drawNext();
  }

  /** In proportion to what is left. */
  #drawNext(): void {
    let sum = 0;
    for (const left of this.#left.values()) sum += left;
    this.#next = 0;
    this.#spins = 0;
    if (sum === 0) return;
    let at = this.#random.below(sum);
    for (const [name, left] of this.#left) {
      at -= left;
      if (at >= 0) continue;
      this.#next = name;
      return;
    }
  }

  next(moves: Moves): Turn {
    const count = moves.collect();
    if (count === 0) return TURN_NONE;
    if (this.#tail.step()) moves.take(this.#random.below(count));
    else moves.take(this.#object === EVERYTHING ? this.#weighted(moves, count) : this.#selective(moves, count));
    return TURN_MADE;
  }

  /** Any mover, in proportion to the steps that it has left; one that should have none counts as having one. */
  #weighted(moves: Moves, count: number): number {
    const weight = (i: number): number => Math.max(1, this.#left.get(nameOf(moves.mover(i))) ?? 0);
    let sum = 0;
    for (let i = 0; i < count; i++) sum += weight(i);
    let at = this.#random.below(sum);
    for (let i = 0; i < count; i++) {
      at -= weight(i);
      if (at < 0) return i;
    }
    return 0;
  }

  /** Any mover, but nobody touches the object before the one whose turn it is. */
  #selective(moves: Moves, count: number): number {
    let allowed = 0;
    let spinning = 0;
    for (let i = 0; i < count; i++) {
      const mover = moves.mover(i);
      if (!this.#mayMove(mover)) continue;
      allowed++;
      if (mover.cell.kind === OP_RELAX) spinning++;
    }
    // The one whose turn it is waits for the others, as those who spin may, or the profile was wrong.
    if (allowed === spinning) return this.#weighted(moves, count);
    let at = this.#random.below(allowed);
    for (let i = 0; i < count; i++) if (this.#mayMove(moves.mover(i)) && at-- === 0) return i;
    return 0;
  }

  #mayMove(context: Context): boolean {
    return this.#next === 0 || nameOf(context) === this.#next || !this.#touches(context);
  }

  #touches({ cell }: Context): boolean {
    const accesses = this.#accesses as Accesses;
    accesses.of(cell);
    for (let i = 0; i < accesses.count; i++) if (objectOf(accesses.list[i] as number) === this.#object) return true;
    return false;
  }

  moving(context: Context): void {
    const name = nameOf(context);
    const accesses = this.#accesses as Accesses;
    accesses.of(context.cell);
    const counts = this.#runs % COUNTED === 0;
    if (counts) this.#profile.count(EVERYTHING, name, false);
    let touches = this.#object === EVERYTHING;
    for (let i = 0; i < accesses.count; i++) {
      const access = accesses.list[i] as number;
      if (counts) this.#profile.count(objectOf(access), name, modeOf(access) !== READ);
      if (objectOf(access) === this.#object) touches = true;
    }
    if (context.cell.kind === OP_RELAX && ++this.#spins >= SPINS) this.#next = 0;
    if (!touches) return;
    const left = this.#left.get(name) ?? 0;
    if (left > 0) this.#left.set(name, left - 1);
    if (this.#object !== EVERYTHING) this.#drawNext();
  }

  choose(_kind: ChoiceKind, count: number): number {
    return this.#random.below(count);
  }

  end(): void {
    this.#tail.end();
    if (this.#runs++ % COUNTED === 0) this.#profile.endRun();
  }
}
