/**
 * A profile: the lock table, what is known of the lock that is chosen there, the blame graph, the lanes.
 */

import { holdMark, lockLabel } from '../profile/label.ts';
import type { Durations, Injection, LockStat, ProfileReport, Timeline } from '../profile/report.ts';
import { blameGraph } from './blame.ts';
import { fill, h, section } from './dom.ts';
import { histogram } from './histogram.ts';
import type { Key } from './keys.ts';
import { Lanes } from './lanes.ts';
import { profileLanes } from './profile-lanes.ts';
import { sortableTable, type TableOptions } from './table.ts';
import { duration, micro, percent } from './units.ts';

type Columns = TableOptions<LockStat>['columns'];

/** `mark`: what stands before each. */
const times = (prefix: string, of: (lock: LockStat) => Durations, mark = (_: LockStat): string => ''): Columns =>
  (['min', 'max', 'total', 'avg', 'p50', 'p90', 'p99'] as const).map((name) => ({
    name: `${prefix}-${name}`,
    title: `${prefix}-${name}, in microseconds`,
    value: (lock: LockStat) => of(lock)[name],
    show: (value, lock) => `${mark(lock)}${micro(Number(value))}`,
  }));

/** The columns of /proc/lock_stat, with quantiles, and the share of all that was waited. */
const columns = (locks: readonly LockStat[]): Columns => [
  { name: 'class name', value: (lock) => lockLabel(lock, locks) },
  {
    name: 'share',
    title: 'of all time that was waited',
    value: ({ share }) => share,
    show: (value) => percent(Number(value)),
  },
  { name: 'con-bounces', value: ({ conBounces }) => conBounces },
  { name: 'contentions', value: ({ contentions }) => contentions },
  ...times('waittime', ({ waitNs }) => waitNs),
  { name: 'acq-bounces', value: ({ acqBounces }) => acqBounces },
  { name: 'acquisitions', value: ({ acquisitions }) => acquisitions },
  ...times('holdtime', ({ holdNs }) => holdNs, holdMark),
  { name: 'spun', value: ({ waits }) => waits.spun },
  { name: 'parked', value: ({ waits }) => waits.parked },
];

function sites(caption: string, rows: LockStat['sites']): HTMLElement | null {
  if (rows.length === 0) return null;
  return sortableTable({
    caption,
    rows,
    columns: [
      { name: 'site', value: ({ site }) => site },
      { name: 'contentions', value: ({ contentions }) => contentions },
      { name: 'waittime', value: ({ waitNs }) => waitNs, show: (value) => duration(Number(value)) },
    ],
  });
}

function blameTable({ blame }: LockStat): HTMLElement | null {
  if (blame.length === 0) return null;
  return sortableTable({
    caption: 'Who waited for whom',
    rows: blame,
    columns: [
      { name: 'waiter', value: ({ waiter }) => waiter },
      { name: 'at', value: ({ waiterSite }) => waiterSite },
      { name: 'holder', value: ({ holder }) => holder },
      { name: 'took it at', value: ({ holderSite }) => holderSite },
      { name: 'count', value: ({ count }) => count },
      { name: 'waittime', value: ({ waitNs }) => waitNs, show: (value) => duration(Number(value)) },
    ],
  });
}

function lockDetail(lock: LockStat, name: string): HTMLElement[] {
  const { waits, sampled, sites: waited, holders } = lock;
  const spin = `Spun ${waits.spun.toLocaleString('en')} times (${duration(waits.spinNs)}), parked ${waits.parked.toLocaleString('en')} times (${duration(waits.parkNs)}).`;
  const holds = sampled ? 'Holds were sampled, their total is scaled up.' : 'Each hold was timed.';
  const parts = [
    h('h3', {}, name),
    h('p', {}, `${spin} ${holds}`),
    h('div', { class: 'row' }, histogram('wait', lock.waitNs, 'c6'), histogram('hold', lock.holdNs, 'c0')),
    h(
      'div',
      { class: 'row' },
      sites('Where was waited', waited),
      sites('Where those had taken it who were waited for', holders),
    ),
    blameTable(lock),
  ];
  return parts.filter((part) => part !== null);
}

function injected({ lock, delayNs, ratio }: Injection): string {
  if (ratio === null) return `No holder was delayed: nobody took ${lock}.`;
  return `With ${duration(delayNs)} more for each holder of ${lock} throughput is ${percent(ratio)} of what it is without.`;
}

function summary({ throughput, irqsOff, injection, cost, lost, exact }: Omit<ProfileReport, 'locks'>): HTMLElement {
  const { rounds, seconds, roundsPerSecond, perSecond } = throughput;
  const rates = Object.entries(perSecond)
    .filter(([, rate]) => rate >= 0.5)
    .map(([name, rate]) => `${Math.round(rate).toLocaleString('en')} ${name}/s`);
  const sentences = [
    `${rounds.toLocaleString('en')} rounds in ${seconds} s: ${[`${Math.round(roundsPerSecond).toLocaleString('en')} rounds/s`, ...rates].join(', ')}.`,
    `Interrupts off: ${irqsOff.stretches.toLocaleString('en')} stretches, the longest that was timed ${duration(irqsOff.ns.max)}${irqsOff.longestSite === '' ? '' : ` on CPU ${irqsOff.longestCpu}, from ${irqsOff.longestSite}`}.`,
    exact ? '' : 'Counts and waits are exact; holds and stretches with interrupts off are sampled.',
    injection === null ? '' : injected(injection),
    cost === null
      ? 'What the profiler changes is not known: too few rounds.'
      : `${cost.with.rounds.toLocaleString('en')} rounds were run without the profiler too: with it throughput is ${percent(cost.ratio)} of that, and spinlocks are waited for ${cost.contentions.with} instead of ${cost.contentions.without} times a round.`,
    lost.rows + lost.edges + lost.names + lost.records === 0
      ? ''
      : `Did not fit: ${lost.rows} rows, ${lost.edges} edges, ${lost.names} names, ${lost.records} records of the timeline.`,
  ];
  return h('div', { class: 'summary' }, ...sentences.filter((text) => text !== '').map((text) => h('p', {}, text)));
}

const LEGEND = [
  ['c0', 'pending'],
  ['c1', 'deferred'],
  ['c6', 'pushback'],
  ['bad', 'waits for a lock'],
  ['accent', 'from submission to completion'],
  ['good', 'from completion to wake-up'],
] as const;

function legend(): HTMLElement {
  const items = LEGEND.map(([colour, name]) => {
    const swatch = h('span', { class: 'swatch' });
    swatch.style.background = `var(--${colour})`;
    return h('span', {}, swatch, name);
  });
  return h('p', { class: 'legend' }, ...items);
}

export class ProfileView {
  readonly elements: HTMLElement[];
  readonly keys: readonly Key[];

  /** `report`: null where there are locks only. */
  constructor(locks: readonly LockStat[], report: Omit<ProfileReport, 'locks'> | null) {
    const detail = h('div', { class: 'detail', 'aria-live': 'polite' });
    const table = sortableTable({
      caption: `Locks, by ${report?.by ?? 'class'}; times in microseconds`,
      columns: columns(locks),
      rows: locks,
      pick: (lock) => fill(detail, ...lockDetail(lock, lockLabel(lock, locks))),
    });
    this.elements = [
      section('Locks', report === null ? null : summary(report), table, detail),
      section('Who waits for whom', blameGraph(locks)),
    ];
    const timeline = report?.timeline ?? null;
    this.keys = timeline === null ? [] : this.#timeline(timeline);
  }

  #timeline(timeline: Timeline): Key[] {
    const lanes = new Lanes('What happened when', profileLanes(timeline), (at, lane) => lanes.setCursor(at, lane));
    this.elements.push(section('Timeline', lanes.element, legend()));
    const move = (share: number): void => {
      const [from, to] = lanes.window();
      lanes.show(from + share * (to - from), to + share * (to - from));
    };
    return [
      { keys: ['ArrowLeft'], shown: '←', does: 'earlier', run: () => move(-0.25) },
      { keys: ['ArrowRight'], shown: '→', does: 'later', run: () => move(0.25) },
      ...lanes.keys,
    ];
  }
}
