/**
 * Seeded delays at operation boundaries, so that threads meet in more ways than the host's scheduler offers.
 */
import { deriveSeed, Random } from '../shared/random.ts';

export const NOISE_LEVELS = ['none', 'light', 'heavy'] as const;
export type NoiseLevel = (typeof NOISE_LEVELS)[number];

/** Delays at every operation of one function, for canaries: first and last of its sites, and how long. */
export interface SeamDelay {
  readonly firstSite: number;
  readonly lastSite: number;
  readonly us: number;
}

/** Steps between two delays, on average. */
const MEAN_GAP = { light: 512, heavy: 128 } as const;
/** A delay is 2^0 … 2^13 turns of an empty loop, about 1 ns to 8 µs, log-uniform. */
const TURNS_LOG_MAX = 14;
/** One delay in so many gives the core away instead, so that others get a turn even where CPUs share cores. */
const NAPS = 8;

export class Noise {
  readonly #level: NoiseLevel;
  readonly #random: Random;
  readonly #nap = new Int32Array(new SharedArrayBuffer(4));

  constructor(level: NoiseLevel, seed: number, cpu: number) {
    this.#level = level;
    this.#random = new Random(deriveSeed(seed, cpu));
  }

  /** Steps until the next delay; a number that is never reached without noise. */
  gap(): number {
    return this.#level === 'none' ? 0x7fffffff : 1 + this.#random.below(2 * MEAN_GAP[this.#level]);
  }

  /** Delays this thread. */
  delay(): void {
    if (this.#random.chance(1, NAPS)) this.nap(50);
    else spin(1 << this.#random.below(TURNS_LOG_MAX));
  }

  /** Sleeps for so long that others certainly get a turn; for canaries. */
  nap(us: number): void {
    Atomics.wait(this.#nap, 0, 0, us / 1000);
  }

  /** One of 0 … count − 1, for data choices. */
  below(count: number): number {
    return this.#random.below(count);
  }
}

/** Keeps the loop from being optimised away. */
let spun = 0;
function spin(turns: number): void {
  for (let i = 0; i < turns; i++) spun = (spun + i) | 0;
}
