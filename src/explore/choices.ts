/**
 * The choices of one run, and the budgets of those that go against what usually happens.
 */

import { CHOICE_LIMIT, CHOICE_SELDOM, type ChoiceKind } from '../machine/kernel.ts';
import type { Budget } from '../machine/machine.ts';

/** As often as it comes. */
export const UNLIMITED = 9;

export type BudgetKind = keyof Budget;

/** What seldom happens does not; interrupts and timers come as they like. */
export const NO_BUDGET: Budget = { signals: 0, wakeups: 0, allocations: 0, interrupts: UNLIMITED, timers: UNLIMITED };
export const BUDGET_KINDS = Object.keys(NO_BUDGET) as readonly BudgetKind[];

/** One run of so many may have a kind of thing that seldom happens: most bugs need none, and each makes runs longer. */
const SELDOM = 4;
/** Of so many runs three have no more than two, one or no interrupt or timer that comes early. */
const LIMITED = 12;
/** Whether this answer to CHOICE_LIMIT makes the run one of them. */
export const isLimit = (drawn: number): boolean => drawn >= 1 && drawn <= 3;

/** What a run may have of a kind; `ask` gives a number below `count`, of which 0 means all there is. */
export function shareOf(kind: BudgetKind, most: number, ask: (choice: ChoiceKind, count: number) => number): number {
  if (most === 0) return 0;
  if (NO_BUDGET[kind] === 0) return Math.max(0, most - ask(CHOICE_SELDOM, SELDOM * most));
  const drawn = ask(CHOICE_LIMIT, LIMITED);
  return isLimit(drawn) ? Math.min(most, 3 - drawn) : most;
}

/** Counts what is left of a budget in one run. */
export class BudgetLeft {
  signals = 0;
  wakeups = 0;
  allocations = 0;
  interrupts = UNLIMITED;
  timers = UNLIMITED;
  #granted: Budget = NO_BUDGET;
  #used: Budget | null = null;

  refill(budget: Budget): void {
    this.#granted = budget;
    this.#used = null;
    this.#set(budget);
  }

  /** From now on interrupts come at once, and timers when they are due. */
  lift(): void {
    this.#used = this.used();
    this.interrupts = UNLIMITED;
    this.timers = 0;
  }

  /** From now on all is as usual. */
  end(): void {
    this.#used = this.used();
    this.#set(NO_BUDGET);
  }

  #set(budget: Budget): void {
    for (const kind of BUDGET_KINDS) this[kind] = budget[kind];
  }

  /** What was used since it was refilled, until it was lifted or ended; of what is unlimited all. */
  used(): Budget {
    if (this.#used !== null) return this.#used;
    const used: Record<BudgetKind, number> = { ...this.#granted };
    for (const kind of BUDGET_KINDS) if (used[kind] < UNLIMITED) used[kind] -= this[kind];
    return used;
  }
}

/**
 * A growing list of choices, a pair of words for each stretch of equal ones:
 *
 *   value    ≥ 0: the process that moved;  < 0: −1 − the answer to a data choice
 *   repeat   how often it moved in a row
 */
export class ChoiceList {
  #words = new Int32Array(256);
  #top = 0;

  clear(): void {
    this.#top = 0;
  }

  /** The process moved. */
  moved(process: number): void {
    const words = this.#words;
    const top = this.#top;
    if (top > 0 && words[top - 2] === process) (words[top - 1] as number)++;
    else this.#push(process);
  }

  /** A data choice was answered. */
  answered(value: number): void {
    this.#push(-1 - value);
  }

  #push(value: number): void {
    if (this.#top === this.#words.length) {
      const longer = new Int32Array(this.#top * 2);
      longer.set(this.#words);
      this.#words = longer;
    }
    this.#words[this.#top++] = value;
    this.#words[this.#top++] = 1;
  }

  /** The pairs, copied. */
  pairs(): Int32Array {
    return this.#words.slice(0, this.#top);
  }
}

/** One number a choice, from the pairs of a ChoiceList. */
export function* choicesOf(pairs: Int32Array): Generator<number, void, void> {
  for (let i = 0; i < pairs.length; i += 2) {
    for (let left = pairs[i + 1] as number; left > 0; left--) yield pairs[i] as number;
  }
}
