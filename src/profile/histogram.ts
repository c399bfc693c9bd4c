/**
 * Log-linear histograms in shared memory: four buckets for each power of two of nanoseconds.
 *
 * A library for histograms (hdr-histogram-js and its like) keeps its counts in memory of its own, where no other thread can add
 * them up; what is left of it without that is the three lines of `bucketOf`.
 */
import { addTo } from '../shared/counts.ts';
import { BUCKETS } from './layout.ts';
import type { Bar, Durations } from './report.ts';

const NS_MAX = 2 ** 31 - 1;

/** The bucket of a duration in nanoseconds; 2.1 s and more share the last one. */
export function bucketOf(ns: number): number {
  const whole = ns >= NS_MAX ? NS_MAX : ns | 0;
  if (whole < 4) return whole;
  const power = 31 - Math.clz32(whole);
  return ((power - 1) << 2) | ((whole >>> (power - 2)) & 3);
}

/** The least duration of a bucket. */
export function bucketStart(bucket: number): number {
  if (bucket < 4) return bucket;
  return (4 + (bucket & 3)) * 2 ** ((bucket >> 2) - 1);
}

/** A duration, into the fields min, max and total from `field` on, and into the histogram from bucket `bucket` on. */
export function addDuration(
  fields: Float64Array,
  field: number,
  histogram: Uint32Array,
  bucket: number,
  ns: number,
): void {
  if (fields[field + 2] === 0 || ns < (fields[field] as number)) fields[field] = ns;
  if (ns > (fields[field + 1] as number)) fields[field + 1] = ns;
  (fields[field + 2] as number) += ns;
  (histogram[bucket + bucketOf(ns)] as number)++;
}

/** Sums of histograms of several CPUs. */
export class Durationer {
  readonly #counts = new Float64Array(BUCKETS);
  #min = Number.POSITIVE_INFINITY;
  #max = 0;
  #total = 0;
  #timed = 0;

  /** Adds what a CPU has: its buckets from `from` on. Min and max mean nothing where nothing was timed. */
  add(buckets: Uint32Array, from: number, min: number, max: number, total: number): void {
    let timed = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const count = buckets[from + bucket] as number;
      timed += count;
      this.#counts[bucket] = (this.#counts[bucket] as number) + count;
    }
    if (timed === 0) return;
    this.#timed += timed;
    this.#min = Math.min(this.#min, min);
    this.#max = Math.max(this.#max, max);
    this.#total += total;
  }

  get timed(): number {
    return this.#timed;
  }

  /** `all`: how many there were of which these were timed. */
  durations(all: number): Durations {
    const timed = this.#timed;
    if (timed === 0) return { timed, min: 0, max: 0, total: 0, avg: 0, p50: 0, p90: 0, p99: 0, histogram: [] };
    const avg = this.#total / timed;
    return {
      timed,
      min: this.#min,
      max: this.#max,
      total: all === timed ? this.#total : Math.round(avg * all),
      avg: Math.round(avg),
      p50: this.#quantile(0.5),
      p90: this.#quantile(0.9),
      p99: this.#quantile(0.99),
      histogram: this.#bars(),
    };
  }

  /** The middle of the bucket in which the quantile lies, which is at most an eighth off. */
  #quantile(part: number): number {
    const rank = Math.ceil(part * this.#timed);
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket] as number;
      if (seen < rank) continue;
      const middle = bucket < 4 ? bucket : (bucketStart(bucket) + bucketStart(bucket + 1)) / 2;
      return Math.round(Math.min(this.#max, Math.max(this.#min, middle)));
    }
    return this.#max;
  }

  #bars(): Bar[] {
    const bars = new Map<number, number>();
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const count = this.#counts[bucket] as number;
      if (count === 0) continue;
      const start = bucketStart(bucket);
      const fromNs = start < 1 ? 0 : 2 ** Math.floor(Math.log2(start));
      addTo(bars, fromNs, count);
    }
    return [...bars].map(([fromNs, count]) => ({ fromNs, count }));
  }
}
