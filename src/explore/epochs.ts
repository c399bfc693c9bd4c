/**
 * Epochs: what a slice builds on is what was known at the end of the last epoch but one, so that workers need not wait for each other
 * at the end of each, and the result is the same for any number of workers.
 */
import { type Guide, NO_GUIDE, PARENTS_MAX } from './strategies/guided.ts';

/** Epochs of the portfolio, in slices. */
export const EPOCH_SLICES = 32;
/** Epochs of guided slices: the sooner they learn from each other the further they come. Up to twice as many slices are made side by side. */
const GUIDE_SLICES = 8;

export const epochOf = (slice: number, length: number): number => Math.floor(slice / length);
/** Whether a slice is the last one of its epoch. */
export const endsEpoch = (slice: number, length: number): boolean => (slice + 1) % length === 0;

/** What guided slices have learned, by epoch. */
export class Guides {
  readonly #known: Guide[] = [NO_GUIDE, NO_GUIDE];
  #parents: readonly Int32Array[] = [];
  readonly #shown = new Set<number>();

  /** What a slice begins with; null: not known before more slices are merged. */
  of(slice: number): Guide | null {
    return this.#known[epochOf(slice, GUIDE_SLICES)] ?? null;
  }

  /** A slice has been merged, and so have all before; null: it was not guided. */
  merged(slice: number, learned: Guide | null): void {
    // Slices that were made side by side may have shown the same: one parent for it is enough.
    if (learned?.shown.some((each) => !this.#shown.has(each)) === true) {
      this.#parents = [...this.#parents, ...learned.parents].slice(-PARENTS_MAX);
      for (const each of learned.shown) this.#shown.add(each);
    }
    if (!endsEpoch(slice, GUIDE_SLICES)) return;
    const last = this.#known.at(-1) as Guide;
    const isSame = last.shown.length === this.#shown.size;
    this.#known.push(isSame ? last : { parents: this.#parents, shown: [...this.#shown] });
  }
}
