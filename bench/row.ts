/**
 * What a measurement says: rows of the table in docs/BENCHMARKS.md.
 */

/** What is asked for: `atMost` for costs, `atLeast` for rates. */
export interface Target {
  readonly atMost?: number;
  readonly atLeast?: number;
}

export interface Row {
  readonly what: string;
  /** The best of many repeats: the noise of a shared host only adds to a cost and only takes from a rate. */
  readonly measured: number;
  /** The median of the repeats, where there are repeats. */
  readonly median?: number;
  readonly unit: string;
  readonly target?: Target;
}

/** The rows of one measurement, under its name. */
export interface Section {
  readonly name: string;
  readonly title: string;
  readonly rows: readonly Row[];
}

/** Whether a row meets its target; null without one. */
export function isReached({ measured, target }: Row): boolean | null {
  if (target?.atMost !== undefined) return measured <= target.atMost;
  if (target?.atLeast !== undefined) return measured >= target.atLeast;
  return null;
}

/** `1.96`, `97.5`, `1,234`, `2.53 M` */
export function numberText(value: number): string {
  if (value >= 1_000_000) return `${(value / 1_000_000).toFixed(2)} M`;
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function targetText(target: Target | undefined): string {
  if (target?.atMost !== undefined) return `≤ ${numberText(target.atMost)}`;
  if (target?.atLeast !== undefined) return `≥ ${numberText(target.atLeast)}`;
  return '';
}

export const COLUMNS = ['what', 'measured', 'median', 'unit', 'target', 'reached'] as const;

/** Columns of numbers. */
export const RIGHT: readonly number[] = [1, 2, 4];

/** A row as the words of its columns. */
export function rowTexts(row: Row): string[] {
  const reached = isReached(row);
  return [
    row.what,
    numberText(row.measured),
    row.median === undefined ? '' : numberText(row.median),
    row.unit,
    targetText(row.target),
    reached === null ? '' : reached ? 'yes' : 'no',
  ];
}
