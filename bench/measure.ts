/**
 * Measuring on a noisy host: many short turns, unit and subject in alternation, so that both meet the same noise.
 */
import type { Kernel } from '../src/machine/kernel.ts';
import { memory } from '../src/shared/memory.ts';

/** Turns of each that are not counted: V8 optimises meanwhile. */
const WARM_UP_TURNS = 40;
const TURNS = 600;
/** Pairs in a turn, about 60 µs: short enough that most turns are not interrupted by the host. */
const UNIT_PAIRS = 4000;

/** What a subject costs, in nanoseconds and in units of a raw pair. */
export interface Cost {
  readonly ns: number;
  readonly unitNs: number;
  /** Best of the subject over best of the unit. */
  readonly best: number;
  /** Median of the ratios of neighbouring turns. */
  readonly median: number;
}

export function nanoseconds(): number {
  return Number(process.hrtime.bigint());
}

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** The unit: `count` pairs of a raw compareExchange and a store on a word that nobody else uses. */
export function rawPairs(word: number, count: number): void {
  const w = memory.words;
  for (let i = 0; i < count; i++) {
    if (Atomics.compareExchange(w, word, 0, 1) !== 0) throw new Error('the raw pair is contended');
    Atomics.store(w, word, 0);
  }
}

/** What one of the `count` things that `subject(count)` does costs. `word` is free for the raw pairs. */
export function* costOf(word: number, count: number, subject: (count: number) => Kernel<void>): Kernel<Cost> {
  let ns = Number.POSITIVE_INFINITY;
  let unitNs = Number.POSITIVE_INFINITY;
  const ratios: number[] = [];
  for (let turn = 0; turn < WARM_UP_TURNS + TURNS; turn++) {
    const start = nanoseconds();
    rawPairs(word, UNIT_PAIRS);
    const between = nanoseconds();
    yield* subject(count);
    const end = nanoseconds();
    if (turn < WARM_UP_TURNS) continue;
    const unit = (between - start) / UNIT_PAIRS;
    const each = (end - between) / count;
    ns = Math.min(ns, each);
    unitNs = Math.min(unitNs, unit);
    ratios.push(each / unit);
  }
  return { ns, unitNs, best: ns / unitNs, median: medianOf(ratios) };
}
