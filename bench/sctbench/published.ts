/**
 * The published figures, one row for each program and algorithm (published.tsv).
 *
 * From the raw data that belongs to Zhao, Wolff, Mathur, Roychoudhury: Selectively uniform concurrency testing, ASPLOS 2025:
 * 20 trials each of at most 10,000 schedules and 5 minutes. `min` and `max` are the fewest and the most schedules of a trial that
 * found the bug, and `mean` is over those.
 */
import { readFileSync } from 'node:fs';

export interface Published {
  readonly trials: number;
  readonly solved: number;
  /** Of the trials that were solved; null when none was. */
  readonly schedules: { readonly mean: number; readonly min: number; readonly max: number } | null;
}

// dist/bench/sctbench/published.js
const FILE = new URL('../../../bench/sctbench/published.tsv', import.meta.url);

const rows = new Map<string, Published>();
for (const line of readFileSync(FILE, 'utf8').trimEnd().split('\n').slice(1)) {
  const [program, algorithm, trials, solved, mean, min, max] = line.split('\t');
  const schedules = mean === '-' ? null : { mean: Number(mean), min: Number(min), max: Number(max) };
  rows.set(`${program} ${algorithm}`, { trials: Number(trials), solved: Number(solved), schedules });
}

export const published = (program: string, algorithm: string): Published | undefined =>
  rows.get(`${program} ${algorithm}`);
