/**
 * A profile as people read it: the columns of /proc/lock_stat, then what they do not say.
 */
import { holdMark, lockLabel } from '../../profile/label.ts';
import type { Bar, BlameEdge, Injection, LockStat, ProfileReport, SitePoint } from '../../profile/report.ts';
import { andMore, findingText, plainTable } from '../finding-text.ts';
import type { ProfileOutcome } from './runner.ts';

/** Locks of which sites, blame and histograms are shown, and lines of each. */
const LOCKS_SHOWN = 3;
const LINES_SHOWN = 4;
const BAR_WIDTH = 40;

/** As /proc/lock_stat does: microseconds with two decimals. */
const us = (ns: number): string => (ns / 1000).toFixed(2);

const COLUMNS = [
  'class name',
  'con-bounces',
  'contentions',
  'waittime-min',
  'waittime-max',
  'waittime-total',
  'waittime-avg',
  'acq-bounces',
  'acquisitions',
  'holdtime-min',
  'holdtime-max',
  'holdtime-total',
  'holdtime-avg',
];
const NUMBERS = COLUMNS.map((_, column) => column).slice(1);

export interface LockStatTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** Columns that are aligned to the right. */
  readonly right: readonly number[];
}

/** The columns of /proc/lock_stat for the first of the locks; a name's `-R` and `-W` depend on all of them. */
export function lockStatTable(locks: readonly LockStat[], shown: number = locks.length): LockStatTable {
  const rows = locks.slice(0, shown).map((lock) => {
    const { waitNs: wait, holdNs: hold } = lock;
    const mark = holdMark(lock);
    const held = (ns: number): string => (hold.timed === 0 ? '-' : us(ns));
    return [
      lockLabel(lock, locks),
      lock.conBounces,
      lock.contentions,
      us(wait.min),
      us(wait.max),
      us(wait.total),
      us(wait.avg),
      lock.acqBounces,
      lock.acquisitions,
      `${mark}${held(hold.min)}`,
      `${mark}${held(hold.max)}`,
      `${mark}${held(hold.total)}`,
      `${mark}${held(hold.avg)}`,
    ];
  });
  return { head: COLUMNS, rows, right: NUMBERS };
}

function spreadTable(locks: readonly LockStat[]): string {
  const head = ['', 'wait p50', 'p90', 'p99', 'hold p50', 'p90', 'p99', 'spun', 'parked', 'spin us', 'park us', 'lost'];
  const rows = locks.map((lock) => {
    const { waitNs: wait, holdNs: hold, waits } = lock;
    const held = [hold.p50, hold.p90, hold.p99].map((ns) => `${holdMark(lock)}${us(ns)}`);
    const times = [...[wait.p50, wait.p90, wait.p99].map(us), ...held];
    const lost = `${(100 * lock.share).toFixed(1)} %`;
    return [lockLabel(lock, locks), ...times, waits.spun, waits.parked, us(waits.spinNs), us(waits.parkNs), lost];
  });
  return plainTable(head, rows, head.map((_, column) => column).slice(1));
}

function histogram(title: string, bars: readonly Bar[]): string[] {
  if (bars.length === 0) return [];
  const most = Math.max(...bars.map(({ count }) => count));
  const rows = bars.map(({ fromNs, count }) => [
    `  ${us(fromNs)}`,
    count,
    '#'.repeat(Math.max(1, Math.round((BAR_WIDTH * count) / most))),
  ]);
  return [plainTable([`  ${title}, us`, 'count', ''], rows, [0, 1]), ''];
}

type Row = readonly (string | number)[];

/** The first lines of a list; one more says what the others come to, so that the columns add up. */
function firstRows<T>(all: readonly T[], row: (each: T) => Row, rowOfOthers: (others: readonly T[]) => Row): Row[] {
  const others = all.slice(LINES_SHOWN);
  const rows = all.slice(0, LINES_SHOWN).map(row);
  return others.length === 0 ? rows : [...rows, rowOfOthers(others)];
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
const waited = (all: readonly { readonly waitNs: number }[]): string => us(sum(all.map(({ waitNs }) => waitNs)));

const pointRows = (points: readonly SitePoint[]): Row[] =>
  firstRows(
    points,
    (point) => [`  ${point.site}`, point.contentions, waited([point])],
    (others) => [`  ${andMore(others.length)}`, sum(others.map(({ contentions }) => contentions)), waited(others)],
  );

const blameRows = (blame: readonly BlameEdge[]): Row[] =>
  firstRows(
    blame,
    (edge) => [
      `  ${edge.waiter} in ${edge.waiterSite}`,
      `${edge.holder} in ${edge.holderSite}`,
      edge.count,
      waited([edge]),
    ],
    (others) => [`  ${andMore(others.length)}`, '', sum(others.map(({ count }) => count)), waited(others)],
  );

/** Who waited where for whom. */
function contentionText(lock: LockStat, locks: readonly LockStat[]): string {
  const parts = [`${lockLabel(lock, locks)}: ${(100 * lock.share).toFixed(1)} % of the time lost`, ''];
  const column = (title: string): string[] => [`  ${title}`, 'contentions', 'waittime-total'];
  parts.push(plainTable(column('waited in'), pointRows(lock.sites), [1, 2]), '');
  parts.push(plainTable(column('taken by the holder in'), pointRows(lock.holders), [1, 2]), '');
  const whom = ['  who waited', 'for whom', 'count', 'waittime-total'];
  parts.push(plainTable(whom, blameRows(lock.blame), [2, 3]), '');
  parts.push(...histogram('wait', lock.waitNs.histogram), ...histogram('hold', lock.holdNs.histogram));
  return parts.join('\n');
}

function irqText({ irqsOff }: ProfileReport): string {
  const { stretches, ns, sampled, longestSite, longestCpu } = irqsOff;
  if (ns.timed === 0) return `interrupts off: ${stretches} stretches, none timed\n`;
  const of = sampled ? `${ns.timed} of ${stretches} timed` : `${stretches}, all timed`;
  const mark = sampled ? '~' : '';
  const longest = `longest ${mark}${us(ns.max)} us in ${longestSite} on CPU ${longestCpu}`;
  return `interrupts off: ${of}, p50 ${mark}${us(ns.p50)} us, p99 ${mark}${us(ns.p99)} us, ${longest}\n`;
}

function injectionText(injection: Injection): string {
  const { lock, delayNs, delayed, ratio } = injection;
  const rows = [
    ['as it is', injection.without.rounds, injection.without.roundsPerSecond],
    [`holders of ${lock} take ${us(delayNs)} us longer`, injection.with.rounds, injection.with.roundsPerSecond],
  ];
  const said =
    ratio === null
      ? `no holder was delayed: nobody took ${lock}`
      : `${delayed} holders were delayed; throughput went to ${(100 * ratio).toFixed(1)} %`;
  return `${plainTable(['throughput', 'rounds', 'rounds/s'], rows, [1, 2])}\n${said}. The tables are about rounds with the delay.\n`;
}

/** What the profiler itself changes. */
function costText({ cost, injection }: ProfileReport): string {
  if (cost === null) return 'what the profiler changes: not known, too few rounds\n';
  const { contentions, ratio } = cost;
  const rows = (
    [
      ['with', cost.with, contentions.with],
      ['without', cost.without, contentions.without],
    ] as const
  ).map(([title, { rounds, roundsPerSecond }, perRound]) => [
    `${title} the profiler`,
    rounds,
    roundsPerSecond,
    perRound,
  ]);
  const what = injection === null ? 'the same rounds' : 'the same rounds, not delayed';
  const table = plainTable([what, 'rounds', 'rounds/s', 'spinlock waits/round'], rows, [1, 2, 3]);
  return `${table}\nWith the profiler throughput is ${(100 * ratio).toFixed(1)} % of what it is without.\n`;
}

function throughputText({ throughput }: ProfileReport): string {
  const { rounds, seconds, roundsPerSecond, perSecond } = throughput;
  const counts = Object.entries(perSecond).filter(([name, rate]) => rate > 0 && /^bios\./.test(name));
  const more = counts.map(([name, rate]) => `, ${rate} ${name}/s`).join('');
  return `${rounds} rounds in ${seconds} s: ${roundsPerSecond}/s${more}\n`;
}

/** The report without colours or cursor movements. */
export function profileText({ report, finding }: ProfileOutcome): string {
  const { locks, lost } = report;
  const parts: string[] = [];
  if (finding !== null) parts.push(findingText(finding, null), '');
  const { head, rows, right } = lockStatTable(locks);
  parts.push(
    `times in us; ${report.exact ? 'all holds are timed' : '~ sampled, totals scaled up'}`,
    plainTable(head, rows, right),
    '',
  );
  parts.push(spreadTable(locks.filter(({ contentions }) => contentions > 0)), '');
  const worst = locks.filter(({ contentions }) => contentions > 0).slice(0, LOCKS_SHOWN);
  for (const lock of worst) parts.push(contentionText(lock, locks));
  parts.push(irqText(report));
  if (report.injection !== null) parts.push(injectionText(report.injection));
  parts.push(throughputText(report), costText(report));
  if (lost.rows + lost.edges + lost.names > 0)
    parts.push(
      `no room for ${lost.rows} rows, ${lost.edges} blame edges and ${lost.names} names: they are in 'others'\n`,
    );
  return parts.join('\n');
}
