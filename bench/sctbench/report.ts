/**
 * The figures of a run beside the published ones.
 */
import { published } from './published.ts';
import { ALGORITHM_NAMES, type Algorithm, type Trial } from './trial.ts';

export interface Measured {
  readonly name: string;
  readonly title: string;
  readonly trials: ReadonlyMap<Algorithm, readonly Trial[]>;
}

export const HEAD: readonly string[] = [
  'program',
  ...ALGORITHM_NAMES.flatMap((name) => (name === 'portfolio' ? [name] : [name, 'published'])),
];

const short = (value: number): string => (value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en'));

interface Figures {
  readonly solved: number;
  readonly trials: number;
  /** Of the trials that were solved; null when none was. */
  readonly mean: number | null;
  /** The most steps ended trials before their schedules did. */
  readonly cut: boolean;
}

function figuresOf(trials: readonly Trial[]): Figures {
  const found = trials.flatMap((trial) => trial.found ?? []);
  const mean = found.length === 0 ? null : found.reduce((sum, each) => sum + each, 0) / found.length;
  return { solved: found.length, trials: trials.length, mean, cut: trials.some(({ cut }) => cut) };
}

/** `20: 7.3`: trials solved, mean schedules of those. `+` when the steps were used up before the schedules. */
function ours(trials: readonly Trial[]): string {
  const { solved, mean, cut } = figuresOf(trials);
  return `${solved}${mean === null ? '' : `: ${short(mean)}`}${cut ? ' +' : ''}`;
}

function theirs(program: string, algorithm: Algorithm): string {
  const row = published(program, algorithm);
  if (row === undefined) return '-';
  const { solved, schedules } = row;
  return schedules === null
    ? String(solved)
    : `${solved}: ${short(schedules.mean)} (${schedules.min}–${schedules.max})`;
}

export function rowOf({ name, trials }: Measured): string[] {
  return [
    name,
    ...ALGORITHM_NAMES.flatMap((algorithm) => {
      const own = ours(trials.get(algorithm) ?? []);
      return algorithm === 'portfolio' ? [own] : [own, theirs(name, algorithm)];
    }),
  ];
}

type Verdict = 'within' | 'fewer' | 'more' | 'incomparable';

/** Schedules that a published trial spends on a profile, in which nothing is found: its fewest are 2, not 1 (but on deadlock01). */
const PROFILES: Readonly<Partial<Record<Algorithm, number>>> = { SURW: 1, 'PCT-3': 1, 'PCT-10': 1 };

/**
 * Where our mean, and the published profiles, lie to the published trials: between their fewest and their most schedules, or below,
 * or above. Incomparable: nothing is published, or all published trials needed more schedules than ours had.
 */
function verdictOf({ name, trials }: Measured, algorithm: Algorithm, profiles: number): Verdict {
  const row = published(name, algorithm);
  if (row === undefined) return 'incomparable';
  const own = trials.get(algorithm) ?? [];
  const { solved, trials: made, mean: found } = figuresOf(own);
  const mean = found === null ? null : found + profiles;
  if (row.schedules === null) return solved === 0 ? 'within' : 'fewer';
  const { min } = row.schedules;
  if (own.every((trial) => trial.found === null && trial.schedules < min)) return 'incomparable';
  if (mean === null || solved / made < row.solved / row.trials) return 'more';
  if (mean > row.schedules.max) return 'more';
  return mean < row.schedules.min ? 'fewer' : 'within';
}

/** What the issue asks for, and how far it is met. */
export function summaryOf(results: readonly Measured[]): string[] {
  const lines: string[] = [];
  for (const algorithm of ALGORITHM_NAMES) {
    if (algorithm === 'portfolio') continue;
    const verdicts = results.map((each) => [each.name, verdictOf(each, algorithm, PROFILES[algorithm] ?? 0)] as const);
    const named = (verdict: Verdict): string[] => verdicts.flatMap(([name, each]) => (each === verdict ? [name] : []));
    const all = verdicts.filter(([, verdict]) => verdict !== 'incomparable').length;
    const [within, fewer, more] = [named('within'), named('fewer'), named('more')];
    const bare = results.filter((each) => verdictOf(each, algorithm, 0) === 'within').length;
    const counted = PROFILES[algorithm] === undefined ? '' : `; without the profile as a schedule, ${bare}`;
    lines.push(
      `${algorithm}: within the published spread on ${within.length} of ${all} (${percent(within.length, all)}${counted}), fewer schedules on ${fewer.length}, more on ${more.length}${more.length === 0 ? '' : `: ${more.join(', ')}`}`,
    );
  }
  const all = results.flatMap(({ trials }) => trials.get('portfolio') ?? []);
  const solved = all.filter(({ found }) => found !== null).length;
  lines.push(`portfolio: ${solved} of ${all.length} trials solved (${percent(solved, all.length)})`);
  return lines;
}

const percent = (part: number, whole: number): string => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;
