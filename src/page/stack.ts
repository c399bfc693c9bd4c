/**
 * Rows for bars that may overlap.
 */
import type { LaneBar } from './lanes.ts';

/** The same bars, each in the first row of its lane that is free, from a row on. */
export function stacked(bars: readonly LaneBar[], firstRow: (lane: number) => number): LaneBar[] {
  const ends = new Map<number, number[]>();
  return bars
    .toSorted((a, b) => a.from - b.from || b.to - a.to)
    .map((bar) => {
      const rows = ends.get(bar.lane) ?? [];
      ends.set(bar.lane, rows);
      const free = rows.findIndex((end) => end <= bar.from);
      const row = free < 0 ? rows.length : free;
      rows[row] = bar.to;
      return { ...bar, row: firstRow(bar.lane) + row };
    });
}

/** Rows that the bars of a lane take up. */
export const rowsOf = (bars: readonly LaneBar[], lane: number): number =>
  bars.reduce((rows, bar) => (bar.lane === lane ? Math.max(rows, bar.row + 1) : rows), 0);
