/**
 * The timeline of a run: what the CPUs' trace rings hold, merged by time.
 */
import {
  EV_BARRIER_BEHIND,
  EV_BIO_DEFERRED,
  EV_BIO_END,
  EV_BIO_PUSHED_BACK,
  EV_BIO_PUSHED_HEAD,
  EV_BIO_SUBMIT,
  EV_DISPATCH,
  EV_IO_END,
  EV_IO_START,
  EV_MD_FREE,
  EV_PUSHBACK_MERGE,
  EV_SUSPEND_PHASE,
  EV_SUSPEND_RETURN,
  EV_WAKE,
} from '../machine/events.ts';
import { siteText } from '../machine/site.ts';
import {
  type ProfileBuffers,
  RECORD_A,
  RECORD_AT,
  RECORD_B,
  RECORD_FIELDS,
  RECORD_FROM,
  RECORD_HARDIRQ,
  RECORD_HOLD,
  RECORD_KIND,
  RECORD_ROUND,
  RECORD_SITE,
  RECORD_SOFTIRQ,
  RECORD_TASK,
  RECORD_WAIT,
  RECORD_WHO,
  RECORDS,
  type TraceRing,
} from './layout.ts';
import type { LockName } from './lock-names.ts';
import type { Arrow, CounterPoint, Slice, SliceKind, Timeline } from './report.ts';
import { namesOnCpu } from './who.ts';

interface TraceRecord {
  readonly cpu: number;
  readonly at: number;
  readonly from: number;
  readonly kind: number;
  readonly a: number;
  readonly b: number;
  readonly site: number;
  readonly who: string;
}

function recordsOf({ records, written }: TraceRing, cpu: number, names: readonly string[]): TraceRecord[] {
  const count = written[0] as number;
  const list: TraceRecord[] = [];
  for (let number = Math.max(0, count - RECORDS); number < count; number++) {
    const first = (number & (RECORDS - 1)) * RECORD_FIELDS;
    const field = (offset: number): number => records[first + offset] as number;
    list.push({
      cpu,
      at: field(RECORD_AT),
      from: field(RECORD_FROM),
      kind: field(RECORD_KIND),
      a: field(RECORD_A),
      b: field(RECORD_B),
      site: field(RECORD_SITE),
      who: names[field(RECORD_WHO)] ?? '?',
    });
  }
  return list;
}

/** What the words of a trace mean. */
export interface TraceWords {
  readonly locks: readonly LockName[];
  readonly phases: readonly string[];
  readonly lines: readonly string[];
  readonly softirqs: readonly string[];
}

/** A way of a bio that is not yet over. */
interface OpenArrow {
  readonly id: number;
  readonly points: Arrow['points'][number][];
}

/** Goes through the records in their order. */
class Merger {
  readonly slices: Slice[] = [];
  readonly counters: CounterPoint[] = [];
  readonly arrows: OpenArrow[] = [];
  /** Of this round: devices by address, bios under way by address. */
  readonly #devices = new Map<number, { number: number; phase: Slice | null; values: Map<string, number> }>();
  readonly #bios = new Map<number, OpenArrow>();
  /** The bio that has ended last on each CPU, while what it woke is still its doing. */
  readonly #ended = new Map<number, OpenArrow>();
  readonly #wakes: { handle: number; cpu: number; at: number; arrow: OpenArrow }[] = [];
  readonly #runs = new Map<number, TraceRecord[]>();
  readonly #words: TraceWords;

  constructor(words: TraceWords) {
    this.#words = words;
  }

  get deviceCount(): number {
    // A call takes some 100,000 arguments; rings of several CPUs hold more.
    return this.slices.reduce((most, { kind, lane }) => (kind === 'suspend' ? Math.max(most, lane + 1) : most), 1);
  }

  hear(record: TraceRecord): void {
    const { kind, cpu, a } = record;
    switch (kind) {
      case RECORD_ROUND:
        this.endRound();
        break;
      case RECORD_TASK:
        this.#slice('task', record, record.who);
        this.#ran(record);
        this.#ended.delete(cpu);
        break;
      case RECORD_HARDIRQ:
        this.#slice('hardirq', record, this.#words.lines[a] ?? `line ${a}`);
        this.#ended.delete(cpu);
        break;
      case RECORD_SOFTIRQ:
        this.#slice('softirq', record, this.#words.softirqs[a] ?? `softirq ${a}`);
        this.#ended.delete(cpu);
        break;
      case RECORD_WAIT:
        this.#slice('wait', record, this.#words.locks[a]?.class ?? '?');
        break;
      case RECORD_HOLD:
        this.#slice('hold', record, this.#words.locks[a]?.class ?? '?');
        break;
      default:
        this.#hearDevice(record);
    }
  }

  #ran(record: TraceRecord): void {
    const runs = this.#runs.get(record.a);
    if (runs === undefined) this.#runs.set(record.a, [record]);
    else runs.push(record);
  }

  #slice(kind: SliceKind, { cpu, at, from, site, who, b }: TraceRecord, name: string): void {
    const isLock = kind === 'wait' || kind === 'hold';
    this.slices.push({
      kind,
      lane: cpu,
      name,
      startNs: from,
      durationNs: at - from,
      site: isLock && site !== 0 ? siteText(site) : '',
      who: isLock ? who : '',
      sleeping: isLock && b === 1,
    });
  }

  #hearDevice({ kind, cpu, at, a, b }: TraceRecord): void {
    switch (kind) {
      case EV_BIO_SUBMIT:
        this.#submitted(a, cpu, at);
        break;
      case EV_BIO_END:
        this.#completed(a, cpu, at);
        break;
      case EV_WAKE:
        this.#woken(a, cpu, at);
        break;
      case EV_IO_START:
        this.#count(a, 'pending', 1, at);
        break;
      case EV_IO_END:
        this.#count(a, 'pending', -1, at);
        break;
      case EV_BIO_DEFERRED:
      case EV_BIO_PUSHED_HEAD:
        this.#count(b, 'deferred', 1, at);
        break;
      case EV_BARRIER_BEHIND:
        this.#count(a, 'deferred', 1, at);
        break;
      case EV_DISPATCH:
        this.#count(b, 'deferred', -1, at);
        break;
      case EV_BIO_PUSHED_BACK:
        this.#count(b, 'pushback', 1, at);
        break;
      case EV_PUSHBACK_MERGE:
        this.#merged(a, at);
        break;
      case EV_SUSPEND_PHASE:
        this.#phase(a, b, at);
        break;
      case EV_SUSPEND_RETURN:
      case EV_MD_FREE:
        this.#phase(a, 0, at);
        break;
    }
  }

  #submitted(bio: number, lane: number, atNs: number): void {
    // The rest of a split bio is submitted again.
    if (this.#bios.has(bio)) return;
    const arrow: OpenArrow = { id: this.arrows.length + 1, points: [{ what: 'submission', lane, atNs }] };
    this.arrows.push(arrow);
    this.#bios.set(bio, arrow);
  }

  #completed(bio: number, lane: number, atNs: number): void {
    const arrow = this.#bios.get(bio);
    if (arrow === undefined) return;
    arrow.points.push({ what: 'completion', lane, atNs });
    this.#bios.delete(bio);
    this.#ended.set(lane, arrow);
  }

  #woken(handle: number, lane: number, at: number): void {
    const arrow = this.#ended.get(lane);
    if (arrow === undefined) return;
    this.#ended.delete(lane);
    this.#wakes.push({ handle, cpu: lane, at, arrow });
  }

  #device(address: number): { number: number; phase: Slice | null; values: Map<string, number> } {
    const known = this.#devices.get(address);
    if (known !== undefined) return known;
    const device = { number: this.#devices.size, phase: null, values: new Map<string, number>() };
    this.#devices.set(address, device);
    return device;
  }

  #count(md: number, name: CounterPoint['name'], change: number, atNs: number): void {
    const { number, values } = this.#device(md);
    // What went in before the trace begins is not known.
    const value = Math.max(0, (values.get(name) ?? 0) + change);
    values.set(name, value);
    this.counters.push({ device: number, name, atNs, value });
  }

  #merged(md: number, at: number): void {
    const pushedBack = this.#device(md).values.get('pushback') ?? 0;
    if (pushedBack === 0) return;
    this.#count(md, 'pushback', -pushedBack, at);
    this.#count(md, 'deferred', pushedBack, at);
  }

  #phase(md: number, phase: number, at: number): void {
    const device = this.#device(md);
    if (device.phase !== null) this.slices.push({ ...device.phase, durationNs: at - device.phase.startNs });
    const lane = device.number;
    const name = this.#words.phases[phase] ?? String(phase);
    const rest = { site: '', who: '', sleeping: false };
    device.phase = phase === 0 ? null : { kind: 'suspend', lane, name, startNs: at, durationNs: 0, ...rest };
  }

  /** Draws the arrows to those who were woken, and forgets what addresses meant. */
  endRound(): void {
    for (const { handle, at, arrow } of this.#wakes) {
      // It may have been on its way to sleep, and so still be running.
      const run = this.#runs.get(handle)?.find((each) => each.at > at);
      if (run !== undefined) arrow.points.push({ what: 'wake-up', lane: run.cpu, atNs: Math.max(at, run.from) });
    }
    this.#wakes.length = 0;
    this.#runs.clear();
    this.#devices.clear();
    this.#bios.clear();
    this.#ended.clear();
  }
}

export function makeTimeline(buffers: ProfileBuffers, words: TraceWords): Timeline {
  const rings = buffers.rings.map((ring, cpu) => recordsOf(ring, cpu, namesOnCpu(buffers, cpu)));
  // Where a ring has forgotten something, what the others remember of that time would be half of a picture.
  const begins = rings.flatMap((ring, cpu) =>
    ((buffers.rings[cpu] as TraceRing).written[0] as number) > RECORDS ? [(ring[0] as TraceRecord).at] : [],
  );
  const begin = Math.max(0, ...begins);
  const records = rings.flat().filter(({ at, from }) => at >= begin && from >= begin);
  records.sort((a, b) => a.at - b.at);
  const merger = new Merger(words);
  for (const record of records) merger.hear(record);
  merger.endRound();
  const origin = records.reduce((least, { from }) => Math.min(least, from), records[0]?.from ?? 0);
  const slices = merger.slices.map((slice) => ({ ...slice, startNs: slice.startNs - origin }));
  slices.sort((a, b) => a.startNs - b.startNs || b.durationNs - a.durationNs);
  return {
    cpus: buffers.cpus,
    devices: merger.deviceCount,
    fromNs: 0,
    toNs: (records.at(-1)?.at ?? origin) - origin,
    slices,
    counters: merger.counters.map((point) => ({ ...point, atNs: point.atNs - origin })),
    arrows: merger.arrows.map(({ id, points }) => ({
      id,
      points: points.map((point) => ({ ...point, atNs: point.atNs - origin })),
    })),
  };
}
