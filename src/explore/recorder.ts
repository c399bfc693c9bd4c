/**
 * A strategy that writes down what it does as departures from a default policy.
 *
 * By default the one that moved last goes on. If it cannot, the one that it interrupted does; if there is none, who comes first:
 * interrupts by CPU, depth and line, then tasks in the order of their ids (task-ids.ts). Who relaxes in a loop lets the next one
 * pass, in a circle, so that the default alone ends every loop that can end. Nobody is woken for no reason. The
 * default answer to each data choice is 0.
 *
 * A switch is a move by another although the one that moved last, or was interrupted by it, could go on.
 */
import { type ChoiceKind, isAboutBudget, OP_RELAX, OP_SCHEDULE } from '../machine/kernel.ts';
import type { Context } from './context.ts';
import { type Answer, CHECKS_MAX, type Deviation } from './schedule.ts';
import { type Moves, type Strategy, TURN_GIVE_UP, TURN_MADE, TURN_NONE, type Turn } from './strategy.ts';
import { NOBODY, TaskIds } from './task-ids.ts';
import type { WordNames } from './word-names.ts';

/** What a decider sees of a choice between moves. */
export interface Point {
  readonly moves: Moves;
  readonly count: number;
  /** The default move: whose it is, how many steps that one has made, and its index. */
  readonly task: number;
  readonly taskCount: number;
  readonly index: number;
  /** Whether the default is that the run goes on where it is. */
  readonly goesOn: boolean;
  /** Steps before this one. */
  readonly steps: number;
  /** The index of who has this id, or −1. */
  find(id: number): number;
  idAt(index: number): number;
}

/** What a decider sees of a data choice. */
export interface Question {
  readonly task: number;
  readonly taskCount: number;
  readonly nth: number;
  readonly kind: ChoiceKind;
  readonly count: number;
}

/** Decides where a recorder only writes down. */
export interface Decider {
  begin(): void;
  /** An index, or −1 to give the run up. */
  pick(point: Point): number;
  answer(question: Question): number;
}

/** What is known of a step beside who makes it. */
export interface StepPlace {
  /** Of the program, by index of PARTS. */
  readonly partNumber: number;
  /** A switch: another could have gone on. */
  readonly turned: boolean;
  /** Of all steps up to this one. */
  readonly check: number;
}

/** The bit of a check that a schedule keeps. */
export const bitOf = (check: number): number => check >>> 31;

/** Hears each step before it is made, and its id. */
export type StepListener = (context: Context, id: number, place: StepPlace) => void;

const TASKS_AFTER = 1 << 20;

/** Whether a move is one that happens only within a budget: a sleeper whom nobody has woken. */
const isUnusual = ({ iterator, cell }: Context): boolean =>
  iterator !== null && cell.kind === OP_SCHEDULE && !cell.enabled();

const fold = (hash: number, value: number): number => {
  const mixed = Math.imul(hash ^ value, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
};

export class Recorder implements Strategy, Point, StepPlace {
  deviations: Deviation[] = [];
  answers: Answer[] = [];
  switches = 0;
  steps = 0;
  /** Of all steps so far; and one bit of it after each `#stride` steps. */
  check = 0;
  checks: number[] = [];
  onStep: StepListener | null = null;
  moves!: Moves;
  count = 0;
  task = NOBODY;
  taskCount = 0;
  index = 0;
  goesOn = false;
  partNumber = -1;
  turned = false;
  readonly #decider: Decider;
  readonly #names: WordNames;
  readonly #ids = new TaskIds();
  /** Who made the last step; null before the first of a part. Only compared and asked for tasks that it starts. */
  #parent: Context | null = null;
  #last = -1;
  #lastId = NOBODY;
  #lastCount = 0;
  #lastCpu = 0;
  #interrupted = false;
  #asked = 0;
  #stride = 1;

  constructor(decider: Decider, names: WordNames) {
    this.#decider = decider;
    this.#names = names;
  }

  begin(_run: number): void {
    this.deviations = [];
    this.answers = [];
    this.switches = 0;
    this.steps = 0;
    this.check = 0;
    this.checks = [];
    this.#stride = 1;
    this.#ids.clear();
    this.#parent = null;
    this.#last = -1;
    this.#lastId = NOBODY;
    this.#lastCount = 0;
    this.#asked = 0;
    this.partNumber = -1;
    this.turned = false;
    this.#decider.begin();
  }

  part(): void {
    this.partNumber++;
    this.#parent = null;
  }

  spawned(child: Context): void {
    this.#ids.spawned(child, this.#parent);
  }

  idAt(index: number): number {
    return this.#ids.of(this.moves.mover(index));
  }

  find(id: number): number {
    for (let index = 0; index < this.count; index++) if (this.idAt(index) === id) return index;
    return -1;
  }

  next(moves: Moves): Turn {
    this.moves = moves;
    this.count = moves.collect();
    if (this.count === 0) return TURN_NONE;
    this.#setDefault();
    const chosen = this.#decider.pick(this);
    if (chosen < 0) return TURN_GIVE_UP;
    this.turned = chosen !== this.index && this.goesOn;
    if (chosen !== this.index) this.deviations.push({ task: this.task, count: this.taskCount, to: this.idAt(chosen) });
    if (this.turned) this.switches++;
    moves.take(chosen);
    return TURN_MADE;
  }

  /** Finds the default among the collected moves. */
  #setDefault(): void {
    const { moves, count } = this;
    let own = -1;
    let below = -1;
    for (let index = 0; index < count; index++) {
      const mover = moves.mover(index);
      if (mover.iterator === null || isUnusual(mover)) continue;
      if (mover.process === this.#last) own = index;
      else if (below < 0 && this.#interrupted && mover.cpu === this.#lastCpu) below = index;
    }
    const stays = own >= 0 ? own : below;
    this.goesOn = stays >= 0 && moves.mover(stays).cell.kind !== OP_RELAX;
    this.index = this.goesOn ? stays : this.#nextInCircle(own >= 0 ? this.#lastId : NOBODY);
    this.task = this.idAt(this.index);
    this.taskCount = moves.mover(this.index).count;
  }

  /** Who comes after this id, or first of all. */
  #nextInCircle(id: number): number {
    const place = (each: number): number => (each % 2 === 1 ? each : TASKS_AFTER + each);
    const from = id === NOBODY ? -1 : place(id);
    let first = 0;
    let firstPlace = Number.POSITIVE_INFINITY;
    let after = -1;
    let afterPlace = Number.POSITIVE_INFINITY;
    for (let index = 0; index < this.count; index++) {
      if (isUnusual(this.moves.mover(index))) continue;
      const own = place(this.idAt(index));
      if (own < firstPlace) {
        first = index;
        firstPlace = own;
      }
      if (own > from && own < afterPlace) {
        after = index;
        afterPlace = own;
      }
    }
    return after >= 0 ? after : first;
  }

  choose(kind: ChoiceKind, count: number): number {
    const nth = this.#asked++;
    const question: Question = { task: this.#lastId, taskCount: this.#lastCount, nth, kind, count };
    const value = this.#decider.answer(question);
    if (value === 0) return value;
    const answer = { task: this.#lastId, count: this.#lastCount, nth, value };
    this.answers.push(isAboutBudget(kind) ? { ...answer, limits: true } : answer);
    return value;
  }

  moving(context: Context): void {
    const id = this.#ids.of(context);
    this.#parent = context;
    this.#last = context.process;
    this.#lastId = id;
    this.#lastCount = context.count;
    this.#lastCpu = context.cpu;
    this.#interrupted = context.task === null;
    this.#asked = 0;
    const { kind, word } = context.cell;
    this.check = fold(fold(this.check, id), kind | (this.#names.hash(word) << 5));
    if (++this.steps % this.#stride === 0) this.#keepBit();
    if (this.onStep !== null) this.onStep(context, id, this);
  }

  /** In a longer run the bits lie further apart (strideOf). */
  #keepBit(): void {
    if (this.checks.length === CHECKS_MAX) {
      this.checks = this.checks.filter((_, index) => index % 2 === 1);
      this.#stride *= 2;
      if (this.steps % this.#stride !== 0) return;
    }
    this.checks.push(bitOf(this.check));
  }
}
