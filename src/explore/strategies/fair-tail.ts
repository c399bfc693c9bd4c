/**
 * When a strategy that may starve somebody has to give way to a fair one: a run that somebody spins through would have no end.
 *
 * The limit follows the runs: what is still made after it, fairly, is about as long as a run is.
 */
const FIRST_LIMIT = 2000;
const TIMES = 4;

export class FairTail {
  #limit = FIRST_LIMIT;
  #steps = 0;

  begin(): void {
    this.#steps = 0;
  }

  /** A step is made; gives whether it has to be a fair one. */
  step(): boolean {
    return ++this.#steps > this.#limit;
  }

  end(): void {
    this.#limit = Math.max(this.#limit, TIMES * (this.#steps - this.#limit));
  }
}
