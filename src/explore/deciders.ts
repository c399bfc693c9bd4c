/**
 * Who decides in a recorded run: a list of choices, a schedule, or chance with few switches.
 */
import { CHOICE_LATE, isAboutBudget } from '../machine/kernel.ts';
import type { Random } from '../shared/random.ts';
import { choicesOf } from './choices.ts';
import type { Decider, Point, Question } from './recorder.ts';
import type { Choices } from './schedule.ts';

/** Makes the moves of a list of choices (ChoiceList) again; gives up where that is not possible. */
export class FollowList implements Decider {
  readonly #choices: readonly number[];
  #next = 0;

  constructor(pairs: Int32Array) {
    this.#choices = [...choicesOf(pairs)];
  }

  begin(): void {
    this.#next = 0;
  }

  pick({ moves, count }: Point): number {
    const process = this.#choices[this.#next++];
    for (let index = 0; index < count; index++) if (moves.mover(index).process === process) return index;
    return -1;
  }

  answer({ kind, count }: Question): number {
    const answer = -1 - (this.#choices[this.#next++] ?? -1);
    // Who is woken although nothing can move then moves without a further choice.
    if (kind === CHOICE_LATE && answer > 0) this.#next++;
    return answer >= 0 && answer < count ? answer : 0;
  }
}

/** What stands in a schedule at one anchor, and how much of it has been used in this run. */
interface Anchored<T> {
  readonly entries: T[];
  used: number;
}

const anchor = (task: number, count: number): number => task * 1_048_576 + count;

/** Follows a schedule as far as it goes: what does not fit is left out. */
export class FollowSchedule implements Decider {
  readonly #deviations = new Map<number, Anchored<number>>();
  readonly #answers = new Map<number, number[]>();
  /** Deviations that could not be made in this run; and who should have moved at the last choice. */
  missed = 0;
  readonly missedIds: number[] = [];
  /** Deviations that have not been made yet. */
  left = 0;
  readonly #total: number;

  constructor({ deviations, answers }: Choices) {
    this.#total = deviations.length;
    for (const { task, count, to } of deviations) {
      const key = anchor(task, count);
      const known = this.#deviations.get(key);
      if (known === undefined) this.#deviations.set(key, { entries: [to], used: 0 });
      else known.entries.push(to);
    }
    for (const { task, count, nth, value } of answers) {
      const key = anchor(task, count);
      const values = this.#answers.get(key) ?? [];
      values[nth] = value;
      this.#answers.set(key, values);
    }
  }

  begin(): void {
    this.missed = 0;
    this.left = this.#total;
    for (const each of this.#deviations.values()) each.used = 0;
  }

  pick(point: Point): number {
    const here = this.#deviations.get(anchor(point.task, point.taskCount));
    this.missedIds.length = 0;
    while (here !== undefined && here.used < here.entries.length) {
      const id = here.entries[here.used++] as number;
      const index = point.find(id);
      this.left--;
      if (index >= 0) return index;
      this.missed++;
      this.missedIds.push(id);
    }
    return point.index;
  }

  answer({ task, taskCount, nth, count }: Question): number {
    const value = this.#answers.get(anchor(task, taskCount))?.[nth] ?? 0;
    return value < count ? value : 0;
  }
}

/** The same decider for so many steps; a run that is not over then is given up. */
export class UpTo implements Decider {
  readonly #decider: Decider;
  readonly #steps: number;

  constructor(decider: Decider, steps: number) {
    this.#decider = decider;
    this.#steps = steps;
  }

  begin(): void {
    this.#decider.begin();
  }

  pick(point: Point): number {
    return point.steps < this.#steps ? this.#decider.pick(point) : -1;
  }

  answer(question: Question): number {
    return this.#decider.answer(question);
  }
}

/** A run without many switches is often much shorter: places are drawn from its whole length, half of it, or a quarter. */
const SHORTER = 3;

/** Chance, but with at most so many switches, at places drawn from a run of so many steps. */
export class FewSwitches implements Decider {
  readonly #random: Random;
  readonly #switches: number;
  readonly #length: number;
  #places: Set<number> = new Set();
  #left = 0;
  /** Of 8 choices that must be made, so many are not the default. */
  #wild = 0;

  constructor(random: Random, switches: number, length: number) {
    this.#random = random;
    this.#switches = switches;
    this.#length = length;
  }

  begin(): void {
    const random = this.#random;
    this.#places = new Set();
    const length = Math.max(1, this.#length >> random.below(SHORTER));
    for (let i = 0; i < this.#switches; i++) this.#places.add(random.below(length));
    this.#left = this.#switches;
    this.#wild = random.below(8);
  }

  pick({ count, index, goesOn, steps }: Point): number {
    if (count === 1) return index;
    if (goesOn) {
      if (this.#left === 0 || !this.#places.has(steps)) return index;
      this.#left--;
      const other = this.#random.below(count - 1);
      return other < index ? other : other + 1;
    }
    return this.#random.below(8) < this.#wild ? this.#random.below(count) : index;
  }

  answer({ kind, count }: Question): number {
    if (isAboutBudget(kind)) return 0;
    return this.#random.below(8) < this.#wild ? this.#random.below(count) : 0;
  }
}

/** A list of choices for so many steps, and chance from there on, which stays where it is more or less often. */
export class ListThenChance extends FollowList {
  readonly #steps: number;
  readonly #random: Random;
  #onList = true;
  /** Of 64 choices it goes on in so many. */
  #stays = 0;

  constructor(pairs: Int32Array, steps: number, random: Random) {
    super(pairs);
    this.#steps = steps;
    this.#random = random;
  }

  override begin(): void {
    super.begin();
    this.#onList = true;
    this.#stays = 64 - (64 >> this.#random.below(6));
  }

  override pick(point: Point): number {
    this.#onList = point.steps < this.#steps;
    if (this.#onList) return super.pick(point);
    return point.goesOn && this.#random.below(64) < this.#stays ? point.index : this.#random.below(point.count);
  }

  override answer(question: Question): number {
    if (this.#onList) return super.answer(question);
    return isAboutBudget(question.kind) ? 0 : this.#random.below(question.count);
  }
}
