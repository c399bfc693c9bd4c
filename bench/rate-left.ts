/**
 * What is left of a rate on one CPU when somebody listens: the same code with and without, turn by turn in one thread.
 */
import type { Kernel } from '../src/machine/kernel.ts';
import { medianOf, nanoseconds } from './measure.ts';

const WARM_UP_TURNS = 60;
const TURNS = 600;
/** In a turn, 100 to 250 µs. */
export const BIOS = 100;
export const PAIRS = 3000;

/** The rate with ÷ the rate without: best over best, and the median of neighbouring turns. */
export function* rateLeft(
  listen: (on: boolean) => void,
  subject: (count: number) => Kernel<void>,
  count: number,
): Kernel<{ best: number; median: number }> {
  const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] as [number, number];
  const ratios: number[] = [];
  for (let turn = 0; turn < WARM_UP_TURNS + TURNS; turn++) {
    listen(false);
    const start = nanoseconds();
    yield* subject(count);
    const without = nanoseconds() - start;
    listen(true);
    const again = nanoseconds();
    yield* subject(count);
    const heard = nanoseconds() - again;
    if (turn < WARM_UP_TURNS) continue;
    best[0] = Math.min(best[0], without);
    best[1] = Math.min(best[1], heard);
    ratios.push(without / heard);
  }
  listen(false);
  return { best: best[0] / best[1], median: medianOf(ratios) };
}
