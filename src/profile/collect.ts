/**
 * Reads the areas of all CPUs into a report. Called when no round runs.
 */
import { irqName } from '../irq/interrupt.ts';
import { type Site, siteText } from '../machine/site.ts';
import { Durationer } from './histogram.ts';
import {
  type Area,
  BUCKETS,
  CPU_EDGES,
  CPU_IRQ_MAX,
  CPU_IRQ_MIN,
  CPU_IRQ_PLACE,
  CPU_IRQ_STRETCHES,
  CPU_IRQ_TOTAL,
  CPU_LOST_EDGES,
  CPU_LOST_NAMES,
  CPU_LOST_ROWS,
  CPU_ROWS,
  EDGE_COUNT,
  EDGE_FIELDS,
  EDGE_KEY,
  EDGE_OF,
  EDGE_TAKER,
  EDGE_WAIT_NS,
  EDGE_WAITER,
  EDGE_WAITER_SITE,
  IRQ_LEFT,
  type ProfileBuffers,
  RECORDS,
  ROW_ACQ_BOUNCES,
  ROW_CON_BOUNCES,
  ROW_CONTENTIONS,
  ROW_DELAYED,
  ROW_FIELDS,
  ROW_HOLD_MAX,
  ROW_HOLD_MIN,
  ROW_HOLD_TOTAL,
  ROW_ISSUED,
  ROW_KEY,
  ROW_OF,
  ROW_PARK_NS,
  ROW_PARKED,
  ROW_WAIT_MAX,
  ROW_WAIT_MIN,
  ROW_WAIT_TOTAL,
} from './layout.ts';
import type { LockName } from './lock-names.ts';
import type { BlameEdge, IrqsOff, LockStat, ProfileReport, SitePoint } from './report.ts';
import { cpuOfTaker, nameOfTaker, siteOfTaker } from './taker.ts';
import { namesOnCpu } from './who.ts';

/** What a report says of locks and interrupts; the rest is the run's. */
export type Collected = Pick<ProfileReport, 'by' | 'exact' | 'locks' | 'irqsOff' | 'lost'> & {
  /** Holders that were delayed. */
  readonly delayed: number;
};

/** A row, summed over CPUs. */
class Sum {
  readonly name: LockName;
  readonly mode: LockStat['mode'];
  readonly of: string;
  readonly waits = new Durationer();
  readonly holds = new Durationer();
  readonly edges = new Map<string, BlameEdge>();
  acquisitions = 0;
  acqBounces = 0;
  contentions = 0;
  conBounces = 0;
  parked = 0;
  parkNs = 0;
  delayed = 0;

  constructor(name: LockName, mode: LockStat['mode'], of: string) {
    this.name = name;
    this.mode = mode;
    this.of = of;
  }

  add({ rows, left, histograms }: Area, row: number): void {
    const at = (field: number): number => rows[row * ROW_FIELDS + field] as number;
    this.acquisitions += at(ROW_ISSUED) - (left[row] as number);
    this.acqBounces += at(ROW_ACQ_BOUNCES);
    this.contentions += at(ROW_CONTENTIONS);
    this.conBounces += at(ROW_CON_BOUNCES);
    this.parked += at(ROW_PARKED);
    this.parkNs += at(ROW_PARK_NS);
    this.delayed += at(ROW_DELAYED);
    const first = row * 2 * BUCKETS;
    this.waits.add(histograms, first, at(ROW_WAIT_MIN), at(ROW_WAIT_MAX), at(ROW_WAIT_TOTAL));
    this.holds.add(histograms, first + BUCKETS, at(ROW_HOLD_MIN), at(ROW_HOLD_MAX), at(ROW_HOLD_TOTAL));
  }

  addEdge(edge: BlameEdge): void {
    const key = `${edge.waiter}\n${edge.waiterSite}\n${edge.holder}\n${edge.holderSite}`;
    const known = this.edges.get(key);
    const count = edge.count + (known?.count ?? 0);
    const waitNs = edge.waitNs + (known?.waitNs ?? 0);
    this.edges.set(key, { ...edge, count, waitNs });
  }

  /** `lostNs`: what was waited for all locks together. */
  stat(exact: boolean, lostNs: number): LockStat {
    const blame = [...this.edges.values()].sort((a, b) => b.waitNs - a.waitNs || b.count - a.count);
    const waitNs = this.waits.durations(this.waits.timed);
    return {
      class: this.name.class,
      type: this.name.type,
      mode: this.mode,
      of: this.of,
      conBounces: this.conBounces,
      contentions: this.contentions,
      waitNs,
      acqBounces: this.acqBounces,
      acquisitions: this.acquisitions,
      holdNs: this.holds.durations(exact ? this.holds.timed : this.acquisitions),
      sampled: !exact,
      waits: {
        spun: waitNs.timed - this.parked,
        parked: this.parked,
        spinNs: waitNs.total - this.parkNs,
        parkNs: this.parkNs,
      },
      share: lostNs === 0 ? 0 : waitNs.total / lostNs,
      sites: points(blame, ({ waiterSite }) => waiterSite),
      holders: points(blame, ({ holderSite }) => holderSite),
      blame,
    };
  }
}

function points(edges: readonly BlameEdge[], siteOf: (edge: BlameEdge) => string): SitePoint[] {
  const sums = new Map<string, SitePoint>();
  for (const edge of edges) {
    const site = siteOf(edge);
    const known = sums.get(site);
    const contentions = edge.count + (known?.contentions ?? 0);
    sums.set(site, { site, contentions, waitNs: edge.waitNs + (known?.waitNs ?? 0) });
  }
  return [...sums.values()].sort((a, b) => b.waitNs - a.waitNs || b.contentions - a.contentions);
}

export function collect(buffers: ProfileBuffers, names: readonly LockName[], variant: number): Collected {
  const { settings } = buffers;
  const sums = new Map<string, Sum>();
  const areas = buffers.areas.map((variants) => variants[variant] as Area);
  const who = areas.map((_, cpu) => namesOnCpu(buffers, cpu));
  for (const [cpu, area] of areas.entries()) collectArea(area, cpu, who, settings.by, names, sums);
  const used = [...sums.values()].filter(({ acquisitions, contentions }) => acquisitions + contentions > 0);
  const lostNs = used.reduce((sum, each) => sum + each.waits.durations(each.waits.timed).total, 0);
  const locks = used.map((each) => each.stat(settings.exact, lostNs));
  locks.sort((a, b) => b.share - a.share || b.acquisitions - a.acquisitions);
  const total = (field: number): number => areas.reduce((sum, { numbers }) => sum + (numbers[field] as number), 0);
  // Names are numbered once for rounds with and without the delay.
  const lostNames = buffers.areas.reduce((sum, [first]) => sum + (first?.numbers[CPU_LOST_NAMES] ?? 0), 0);
  const records = buffers.rings.reduce((sum, { written }) => sum + Math.max(0, (written[0] as number) - RECORDS), 0);
  return {
    by: settings.by,
    exact: settings.exact,
    locks,
    irqsOff: irqsOff(areas, settings.exact),
    lost: { rows: total(CPU_LOST_ROWS), edges: total(CPU_LOST_EDGES), names: lostNames, records },
    delayed: used.reduce((sum, each) => sum + each.delayed, 0),
  };
}

/** `who`: by CPU, the names of those who run on it. */
function collectArea(
  area: Area,
  cpu: number,
  who: readonly (readonly string[])[],
  by: ProfileReport['by'],
  names: readonly LockName[],
  sums: Map<string, Sum>,
): void {
  const own = who[cpu] as readonly string[];
  const sumOf = (key: number, of: number): Sum => {
    const name = names[key >> 1] as LockName;
    const mode = (key & 1) === 1 ? 'write' : 'read';
    const ofText = ofTextOf(by, name, of, own);
    const text = `${name.class}\n${name.type}\n${mode}\n${ofText}`;
    const known = sums.get(text) ?? new Sum(name, mode, ofText);
    sums.set(text, known);
    return known;
  };
  const { numbers, rows, edges } = area;
  for (let row = 1; row < (numbers[CPU_ROWS] as number); row++)
    sumOf(rows[row * ROW_FIELDS + ROW_KEY] as number, rows[row * ROW_FIELDS + ROW_OF] as number).add(area, row);
  for (let edge = 0; edge < (numbers[CPU_EDGES] as number); edge++) {
    const at = (field: number): number => edges[edge * EDGE_FIELDS + field] as number;
    if (at(EDGE_COUNT) === 0) continue;
    const taker = at(EDGE_TAKER);
    sumOf(at(EDGE_KEY), at(EDGE_OF)).addEdge({
      waiter: own[at(EDGE_WAITER)] as string,
      waiterSite: placeText(at(EDGE_WAITER_SITE)),
      holder: who[cpuOfTaker(taker)]?.[nameOfTaker(taker)] ?? '?',
      holderSite: placeText(siteOfTaker(taker)),
      count: at(EDGE_COUNT),
      waitNs: at(EDGE_WAIT_NS),
    });
  }
}

function ofTextOf(by: ProfileReport['by'], name: LockName, of: number, names: readonly string[]): string {
  if (by === 'class') return '';
  if (by === 'instance') return name.instance;
  return by === 'site' ? placeText(of) : (names[of] as string);
}

const placeText = (site: Site): string => (site === 0 ? '?' : siteText(site));

function irqsOff(areas: readonly Area[], exact: boolean): IrqsOff {
  const sum = new Durationer();
  let stretches = 0;
  let longest = 0;
  let longestSite = '';
  let longestCpu = -1;
  areas.forEach(({ numbers, left, irqHistogram }, cpu) => {
    const at = (field: number): number => numbers[field] as number;
    stretches += at(CPU_IRQ_STRETCHES) - (left[IRQ_LEFT] as number);
    sum.add(irqHistogram, 0, at(CPU_IRQ_MIN), at(CPU_IRQ_MAX), at(CPU_IRQ_TOTAL));
    if (at(CPU_IRQ_MAX) <= longest) return;
    longest = at(CPU_IRQ_MAX);
    longestCpu = cpu;
    const place = at(CPU_IRQ_PLACE);
    longestSite = place < 0 ? `irq ${irqName(-1 - place)}` : siteText(place);
  });
  return { stretches, sampled: !exact, ns: sum.durations(exact ? sum.timed : stretches), longestSite, longestCpu };
}
