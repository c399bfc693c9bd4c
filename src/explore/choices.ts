/**
 * The choices of one run, and the budgets of those that seldom go against what usually happens.
 */

/** How often in a run each kind of thing may happen that seldom does. */
export interface Budget {
  /** A signal comes to an actor that sleeps interruptibly. */
  readonly signals: number;
  /** A sleeper wakes up for no reason. */
  readonly wakeups: number;
  /** An allocation fails that may fail. */
  readonly allocations: number;
}

export const NO_BUDGET: Budget = { signals: 0, wakeups: 0, allocations: 0 };

/** Counts what is left of a budget in one run. */
export class BudgetLeft {
  signals = 0;
  wakeups = 0;
  allocations = 0;

  refill(budget: Budget): void {
    this.signals = budget.signals;
    this.wakeups = budget.wakeups;
    this.allocations = budget.allocations;
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
