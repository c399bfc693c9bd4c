/**
 * How durations are written.
 */
const UNITS = [
  [1, 'ns'],
  [1e3, 'µs'],
  [1e6, 'ms'],
  [1e9, 's'],
] as const;

/** `2.4 µs`: three digits and a unit. */
export function duration(ns: number): string {
  const [size, unit] = UNITS.findLast(([least]) => Math.abs(ns) >= least) ?? UNITS[0];
  return `${Number((ns / size).toPrecision(3)).toLocaleString('en')} ${unit}`;
}

/** As /proc/lock_stat has it: microseconds with two decimals. */
export const micro = (ns: number): string =>
  (ns / 1e3).toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
