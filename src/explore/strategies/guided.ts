/**
 * Guided by coverage: runs that have shown something new are made again with a few changes.
 *
 * New is a lock hand-over (who gave it, who took it next), a read of what another process has written, both as pairs of places, or a
 * state of the model. What has shown something becomes a parent and has some children at once, and more later. A child follows the
 * stretches of its parent, in which one process moves, after a few of them were cut, dropped, swapped or made longer, or all after
 * one were dropped, all behind a place up to which it is the parent; what cannot move is passed over, and behind the last stretch it goes on as a walk that now and then leaves its
 * CPU. One run of some has no parent. Zalewski: American fuzzy lop (2013); for schedules Wolff, Shi, Duck, Mathur, Roychoudhury: Greybox fuzzing for
 * concurrency testing. ASPLOS 2024.
 *
 * What a slice begins with is a `Guide`: it holds what slices before have left, up to the end of the last epoch but one.
 */
import { type ChoiceKind, OP_STORE } from '../../machine/kernel.ts';
import { memory } from '../../shared/memory.ts';
import { deriveSeed, Random } from '../../shared/random.ts';
import { ChoiceList } from '../choices.ts';
import type { Context } from '../context.ts';
import { CHANGES, GIVES, LOADS, LOCKS } from '../kinds.ts';
import { type Moves, type Strategy, TURN_MADE, TURN_NONE, type Turn } from '../strategy.ts';

/** What slices hand on: runs that have shown something new, oldest first, and all that was shown. */
export interface Guide {
  readonly parents: readonly Int32Array[];
  readonly shown: readonly number[];
}
export const NO_GUIDE: Guide = { parents: [], shown: [] };

/** Children of a parent in a row; changes of a child in the mean, and at most. */
const CHILDREN = 16;
const CHANGES_MEAN = 5;
const CHANGES_MAX = 32;
/** How far from the last one a parent is in the mean. */
const PARENTS_BACK = 8;
/** One run of so many has no parent. */
const ORPHANS = 8;
/** Older parents are forgotten. */
export const PARENTS_MAX = 64;
/** A stretch of another process that is put in has fewer steps than a power of two up to this one. */
const PUT_IN_LOG = 6;

/** A site needs at most 16 bits, and a pair of them 32. */
const SITES = 65_536;
const PAIRS = SITES * SITES;
const HAND_OVER = 0;
const READS_FROM = 1;
const STATE = 2;

/** Who has last done something to each word, where, and in which run. */
class LastAt {
  readonly #by: Int32Array;
  readonly #site: Int32Array;
  readonly #run: Int32Array;

  constructor(words: number) {
    this.#by = new Int32Array(words);
    this.#site = new Int32Array(words);
    this.#run = new Int32Array(words);
  }

  note({ process, cell }: Context, run: number): void {
    this.#by[cell.word] = process;
    this.#site[cell.word] = cell.site;
    this.#run[cell.word] = run;
  }

  /** The pair of its place and this one, or −1 when it was the same process, or nobody in this run. */
  pairWith({ process, cell }: Context, run: number): number {
    if (this.#run[cell.word] !== run || this.#by[cell.word] === process) return -1;
    return (this.#site[cell.word] as number) * SITES + cell.site;
  }
}

/** So many moves of one process. */
interface Stretch {
  readonly process: number;
  steps: number;
}

const ONLY_LOOKS = 1;
const LOOKS_AND_WRITES = 2;
const WRITES = 3;
const TAKES_LOCK = 4;
const GIVES_LOCK = 5;
const ROLE = new Uint8Array(32);
for (const kind of LOADS) ROLE[kind] = ONLY_LOOKS;
for (const kind of CHANGES) ROLE[kind] = LOOKS_AND_WRITES;
for (const kind of LOCKS) ROLE[kind] = TAKES_LOCK;
for (const kind of GIVES) ROLE[kind] = GIVES_LOCK;
ROLE[OP_STORE] = WRITES;

export class Guided implements Strategy {
  readonly #seed: number;
  #random = new Random(0);
  #parents: Int32Array[] = [];
  /** What the guide knew, and what this slice has added: parents, things shown. */
  #shown = new Set<number>();
  #added: number[] = [];
  #born: Int32Array[] = [];
  #parent = 0;
  #children = 0;
  #stateOf: (() => number) | null = null;
  #stretches: Stretch[] = [];
  #answers: number[] = [];
  #at = 0;
  #answered = 0;
  #cpu = 0;
  #stays = 0;
  readonly #choices = new ChoiceList();
  #run = 0;
  #isNew = false;
  #given: LastAt | null = null;
  #written: LastAt | null = null;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Before the first run of a slice. */
  follow({ parents, shown }: Guide, stateOf: (() => number) | null): void {
    this.#parents = [...parents];
    this.#parent = parents.length - 1;
    this.#shown = new Set(shown);
    this.#stateOf = stateOf;
  }

  /** What the slice has added. */
  learned(): Guide {
    return { parents: this.#born, shown: this.#added };
  }

  begin(run: number): void {
    this.#random = new Random(deriveSeed(this.#seed, run));
    this.#given ??= new LastAt(memory.words.length);
    this.#written ??= new LastAt(memory.words.length);
    this.#run++;
    this.#isNew = false;
    this.#choices.clear();
    this.#at = 0;
    this.#answered = 0;
    this.#cpu = 0;
    this.#stays = 64 - (64 >> this.#random.below(6));
    this.#stretches = [];
    this.#answers = [];
    if (this.#parents.length > 0 && this.#random.below(ORPHANS) > 0) this.#inherit();
  }

  #inherit(): void {
    if (++this.#children > CHILDREN) {
      this.#children = 1;
      this.#parent = this.#lateParent();
    }
    const pairs = this.#parents[this.#parent] as Int32Array;
    for (let i = 0; i < pairs.length; i += 2) {
      const value = pairs[i] as number;
      if (value < 0) this.#answers.push(-1 - value);
      else this.#stretches.push({ process: value, steps: pairs[i + 1] as number });
    }
    const random = this.#random;
    let changes = 1;
    while (changes < CHANGES_MAX && random.below(CHANGES_MEAN) > 0) changes++;
    // Up to here the child is its parent.
    const from = random.below(this.#stretches.length);
    for (; changes > 0; changes--) this.#change(from, random);
  }

  /** The later a run was the first to show something, the rarer is what it did. */
  #lateParent(): number {
    let back = 0;
    while (back < this.#parents.length - 1 && this.#random.below(PARENTS_BACK) > 0) back++;
    return this.#parents.length - 1 - back;
  }

  /** Changes something from a stretch on. */
  #change(from: number, random: Random): void {
    const stretches = this.#stretches;
    if (stretches.length <= from) return;
    const at = from + random.below(stretches.length - from);
    const { process, steps } = stretches[at] as Stretch;
    const how = random.below(6);
    if (how === 0) this.#putIn(at, random);
    else if (how === 1) stretches.splice(at, 1);
    else if (how === 2) stretches.splice(at, 2, ...stretches.slice(at, at + 2).reverse());
    else if (how === 3) stretches[at] = { process, steps: 1 + random.below(2 * steps) };
    else if (how === 4) stretches.length = at + 1;
    else if (this.#answers.length > 0) this.#answers[random.below(this.#answers.length)] = random.below(4);
  }

  /** Another process moves in the middle of a stretch. */
  #putIn(at: number, random: Random): void {
    const stretches = this.#stretches;
    const { process, steps } = stretches[at] as Stretch;
    const other = stretches[random.below(stretches.length)] as Stretch;
    const before = random.below(steps);
    const put = { process: other.process, steps: 1 + random.below(1 << random.below(PUT_IN_LOG)) };
    stretches.splice(at, 1, { process, steps: before }, put, { process, steps: steps - before });
  }

  next(moves: Moves): Turn {
    const count = moves.collect();
    if (count === 0) return TURN_NONE;
    let index = this.#planned(moves, count);
    if (index < 0) index = this.#walk(moves, count);
    this.#cpu = moves.mover(index).cpu;
    moves.take(index);
    return TURN_MADE;
  }

  /** The index of whose stretch it is; −1: there are no more. */
  #planned(moves: Moves, count: number): number {
    for (; this.#at < this.#stretches.length; this.#at++) {
      const stretch = this.#stretches[this.#at] as Stretch;
      if (stretch.steps === 0) continue;
      for (let index = 0; index < count; index++) {
        if (moves.mover(index).process !== stretch.process) continue;
        stretch.steps--;
        return index;
      }
    }
    return -1;
  }

  #walk(moves: Moves, count: number): number {
    if (this.#random.below(64) < this.#stays)
      for (let index = 0; index < count; index++) if (moves.mover(index).cpu === this.#cpu) return index;
    return this.#random.below(count);
  }

  choose(_kind: ChoiceKind, count: number): number {
    const planned = this.#answers[this.#answered++];
    const value = planned === undefined ? this.#random.below(count) : planned % count;
    this.#choices.answered(value);
    return value;
  }

  moving(context: Context): void {
    this.#choices.moved(context.process);
    const role = ROLE[context.cell.kind] as number;
    if (role === 0) return;
    const run = this.#run;
    if (role === TAKES_LOCK) this.#show(HAND_OVER, (this.#given as LastAt).pairWith(context, run));
    else if (role === GIVES_LOCK) {
      (this.#given as LastAt).note(context, run);
      if (this.#stateOf !== null) this.#show(STATE, this.#stateOf() >>> 0);
    }
    if (role <= LOOKS_AND_WRITES) this.#show(READS_FROM, (this.#written as LastAt).pairWith(context, run));
    if (role === LOOKS_AND_WRITES || role === WRITES) (this.#written as LastAt).note(context, run);
  }

  #show(kind: number, what: number): void {
    if (what < 0) return;
    const key = kind * PAIRS + what;
    if (this.#shown.has(key)) return;
    this.#shown.add(key);
    this.#added.push(key);
    this.#isNew = true;
  }

  end(): void {
    if (!this.#isNew) return;
    const pairs = this.#choices.pairs();
    this.#born.push(pairs);
    this.#parents.push(pairs);
    if (this.#parents.length > PARENTS_MAX) this.#parents.shift();
    // What is new is worth the most.
    this.#parent = this.#parents.length - 1;
    this.#children = 0;
  }
}
