/**
 * Which acquisition, or which stretch without interrupts, is timed next.
 */

/** One in so many is timed, on average; the distance is drawn anew each time, or a loop would always show the same one. */
const TIMED_ONE_IN = 64;

export class Gaps {
  readonly #exact: boolean;
  #random: number;

  /** `exact`: each one is timed. */
  constructor(exact: boolean, cpu: number) {
    this.#exact = exact;
    this.#random = 0x9e3779b9 ^ cpu;
  }

  /** Distance to the next one that is timed: 1 is the one that follows. */
  next(): number {
    if (this.#exact) return 1;
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return 1 + ((x >>> 0) % (2 * TIMED_ONE_IN - 1));
  }
}
