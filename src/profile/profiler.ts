/**
 * The lock statistics of one CPU: what its locks tell the profiler, counted in the CPU's own area.
 *
 * The kernel's four hooks, and what each costs here:
 *
 *   acquire     the step that the CPU notes before the operation anyway. Nothing
 *   contended   reads the clock, finds out who has the lock                            only where a CPU has to wait
 *   acquired    counts down, looks who had the lock last                               three loads and a store
 *   release     looks whether this hold is timed                                       one load
 *
 * Beside them a sleeping lock says whom it is handed over to: a load and a store.
 *
 * So counting costs no clock and no atomic step. `left` says how many acquisitions of a row need nothing more than that; with the
 * one that finds it at 0 a hold is timed, a wait ends, or a delay is due. How many there were is what was issued less what is left.
 *
 * When a wait ends this CPU has the lock, and others wait for it: only the clock is read then. What the wait was is added up when the CPU
 * waits again, or when its task or interrupt is over.
 */
import {
  EV_IRQ_ENTER,
  EV_IRQ_EXIT,
  EV_LOCK_CONTENDED,
  EV_LOCK_HANDED,
  EV_PARK,
  EV_SOFTIRQ_ENTER,
  EV_SOFTIRQ_EXIT,
  EV_SWITCH,
  EV_UNPARK,
  EV_WAKE,
  type Profiler,
} from '../machine/events.ts';
import type { Site } from '../machine/site.ts';
import { memory, perCpuBase } from '../shared/memory.ts';
import { CPU_CURRENT, CPU_HARDIRQ_DEPTH, CPU_SOFTIRQ_DEPTH } from '../shared/per-cpu-layout.ts';
import { Edges } from './edges.ts';
import { Gaps } from './gaps.ts';
import { addDuration } from './histogram.ts';
import { Holders } from './holders.ts';
import { IrqStretches } from './irq-stretches.ts';
import { Lanes } from './lanes.ts';
import {
  type Area,
  BUCKETS,
  type Clock,
  LOCK_TYPES,
  type ProfileBuffers,
  RECORD_HOLD,
  RECORD_WAIT,
  ROW_ACQ_BOUNCES,
  ROW_CON_BOUNCES,
  ROW_CONTENTIONS,
  ROW_DELAYED,
  ROW_FIELDS,
  ROW_HOLD_MIN,
  ROW_ISSUED,
  ROW_NEXT_TIMED,
  ROW_PARK_NS,
  ROW_PARKED,
  ROW_WAIT_MIN,
} from './layout.ts';
import { Pending } from './pending.ts';
import { Rows } from './rows.ts';
import { cpuOfTaker, nameOfTaker, runnerOf, takerOf } from './taker.ts';
import type { TraceWriter } from './trace-writer.ts';
import { isTaskName, type Names } from './who.ts';

const SEMAPHORE = LOCK_TYPES.indexOf('semaphore');
const MUTEX = LOCK_TYPES.indexOf('mutex');
const RW_SEMAPHORE = LOCK_TYPES.indexOf('rw-semaphore');

export class LockProfiler implements Profiler {
  private readonly rowOf: Int32Array;
  private readonly left: Int32Array;
  private readonly takers: Int32Array;
  private readonly holders: Holders;
  private readonly ids: Int16Array;
  private readonly types: Int8Array;
  private readonly area: Area;
  private readonly cpu: number;
  /** Who runs here (runnerOf); 0: not looked up since that has changed. Interrupts are looked up each time. */
  private me = 0;
  private readonly rows: Rows;
  private readonly edges: Edges;
  private readonly names: Names;
  private readonly holds = new Pending();
  private readonly waits = new Pending();
  /** How many entries `holds` and `waits` have. */
  private timing = 0;
  private waiting = 0;
  /** A wait that has ended and is not added up yet: its row (0: none), edge, whole length, and how long this CPU was given away in it. */
  private endedRow = 0;
  private endedEdge = 0;
  private endedNs = 0;
  private endedParkNs = 0;
  private readonly gaps: Gaps;
  private readonly irqs: IrqStretches;
  private readonly lanes: Lanes | null;
  private readonly clock: Clock;
  /** By number: 1 where holders of the lock take longer; and how much. */
  private readonly injected: Int8Array;
  private readonly delayNs: number;

  /** `variant`: 0 in rounds without the injected delay, 1 with it. */
  constructor(
    buffers: ProfileBuffers,
    cpu: number,
    variant: number,
    clock: Clock,
    names: Names,
    trace: TraceWriter | null,
  ) {
    const { settings } = buffers;
    this.clock = clock;
    this.area = (buffers.areas[cpu] as readonly Area[])[variant] as Area;
    this.left = this.area.left;
    this.takers = buffers.takers;
    this.holders = new Holders(buffers, cpu);
    this.ids = buffers.ids;
    this.types = buffers.types;
    this.cpu = cpu;
    this.names = names;
    this.rows = new Rows(buffers, this.area, () => nameOfTaker(this.runner()));
    this.rowOf = this.rows.ofWord;
    this.edges = new Edges(this.area);
    this.gaps = new Gaps(settings.exact, cpu);
    this.irqs = new IrqStretches(this.area, clock, this.gaps);
    this.lanes = trace === null ? null : new Lanes(trace, clock, names);
    this.injected = buffers.injected;
    this.delayNs = variant === 1 ? (settings.inject?.ns ?? 0) : 0;
  }

  /** Another memory: nothing is held or waited for, and words mean other locks. */
  startRound(): void {
    this.rows.startRound();
    this.names.startRound();
    this.holds.clear();
    this.waits.clear();
    this.timing = 0;
    this.waiting = 0;
    this.endedRow = 0;
    this.me = 0;
    this.irqs.startRound();
    this.lanes?.startRound();
  }

  acquired(word: number, exclusive: number, site: Site): void {
    const row = this.rowOf[(word << 1) | exclusive] as number;
    const left = (this.left[row] as number) - 1;
    this.left[row] = left;
    if (left < 0 || this.takers[word] !== takerOf(this.me, site, exclusive)) this.note(row, word, exclusive, site);
  }

  release(word: number, exclusive: number): void {
    if (this.timing !== 0) this.endHold(word, exclusive);
  }

  irqsOff(site: Site): void {
    this.irqs.beginsAt(site);
  }

  irqsOn(): void {
    this.irqs.ends();
  }

  hear(kind: number, a: number, b: number, site: Site): void {
    switch (kind) {
      case EV_LOCK_CONTENDED:
        this.contended(a, b, site);
        break;
      case EV_LOCK_HANDED:
        this.holders.handOver(a, b);
        break;
      case EV_PARK:
        this.parks(a, b, true);
        break;
      case EV_UNPARK:
        this.parks(a, b, false);
        break;
      case EV_IRQ_ENTER:
      case EV_IRQ_EXIT:
      case EV_SOFTIRQ_ENTER:
      case EV_SOFTIRQ_EXIT:
      case EV_SWITCH:
        this.changes(kind, a);
        break;
      case EV_WAKE:
        this.lanes?.wakes(a, b, site);
        break;
    }
  }

  /** Another runs here from now on: `which` line, softirq or task. */
  private changes(kind: number, which: number): void {
    this.me = 0;
    switch (kind) {
      case EV_IRQ_ENTER:
        this.irqs.beginsInIrq(which);
        this.lanes?.hardirqBegins();
        break;
      case EV_IRQ_EXIT:
        this.addWait();
        this.lanes?.hardirqEnds(which);
        break;
      case EV_SOFTIRQ_ENTER:
        this.lanes?.softirqBegins();
        break;
      case EV_SOFTIRQ_EXIT:
        this.addWait();
        this.lanes?.softirqEnds(which);
        break;
      case EV_SWITCH:
        this.addWait();
        this.lanes?.switches(which);
        break;
    }
  }

  /** Who runs, as a key: the task, and how deep in interrupts on top of it. */
  private context(): number {
    const w = memory.words;
    const base = perCpuBase(this.cpu);
    const depth = (w[base + CPU_HARDIRQ_DEPTH] as number) + 2 * (w[base + CPU_SOFTIRQ_DEPTH] as number);
    return (w[base + CPU_CURRENT] as number) + depth * 2 ** 32;
  }

  /** Who runs on this CPU. */
  private runner(): number {
    if (this.me !== 0) return this.me;
    const name = this.names.running();
    const runner = runnerOf(this.cpu, name);
    if (isTaskName(name)) this.me = runner;
    return runner;
  }

  /** The long way of an acquisition. */
  private note(known: number, word: number, exclusive: number, site: Site): void {
    let row = known;
    if (row === 0) {
      this.left[0] = 0;
      row = this.rows.find(word, exclusive, site);
      (this.left[row] as number)--;
    }
    const last = this.takers[word] as number;
    const taker = takerOf(this.runner(), site, exclusive);
    if (last !== taker) {
      this.takers[word] = taker;
      if (this.isElsewhere(last)) (this.area.rows[row * ROW_FIELDS + ROW_ACQ_BOUNCES] as number)++;
    }
    if ((this.left[row] as number) < 0) this.due(row, word, exclusive, site);
  }

  /** A wait ends, or a hold is timed or delayed. */
  private due(row: number, word: number, exclusive: number, site: Site): void {
    const { rows } = this.area;
    const first = row * ROW_FIELDS;
    const count = (rows[first + ROW_ISSUED] as number) + 1;
    let next = rows[first + ROW_NEXT_TIMED] as number;
    // The first one soon, so that of most locks at least one hold is timed.
    if (next === 0) next = 1 + (this.gaps.next() >> 3);
    const ended = this.waiting === 0 ? 0 : this.endWait(word, exclusive);
    if (count === next) {
      this.startHold(row, word, exclusive, site, ended === 0 ? this.clock() : ended);
      next = count + this.gaps.next();
    }
    rows[first + ROW_NEXT_TIMED] = next;
    const isDelayed = this.delayNs !== 0 && this.injected[this.ids[word] as number] === 1;
    if (isDelayed) this.delay(first);
    const left = isDelayed || this.waiting !== 0 ? 0 : next - count - 1;
    this.left[row] = left;
    rows[first + ROW_ISSUED] = count + left;
  }

  private startHold(row: number, word: number, exclusive: number, site: Site, now: number): void {
    // Whoever likes gives a semaphore back, so nobody knows whose hold ends.
    if (this.types[this.ids[word] as number] === SEMAPHORE) return;
    const at = this.holds.push(word, exclusive, this.context(), now);
    if (at < 0) return;
    this.timing++;
    this.holds.row[at] = row;
    this.holds.site[at] = site;
  }

  private endHold(word: number, exclusive: number): void {
    const { holds } = this;
    const at = holds.find(word, exclusive, this.context());
    if (at < 0) return;
    const now = this.clock();
    const row = holds.row[at] as number;
    const since = holds.since[at] as number;
    const { rows, histograms } = this.area;
    addDuration(rows, row * ROW_FIELDS + ROW_HOLD_MIN, histograms, row * 2 * BUCKETS + BUCKETS, now - since);
    if (this.lanes !== null) this.traceLock(this.lanes, RECORD_HOLD, now, since, word, holds.site[at] as number);
    holds.remove(at);
    this.timing--;
  }

  private delay(first: number): void {
    (this.area.rows[first + ROW_DELAYED] as number)++;
    const until = this.clock() + this.delayNs;
    while (this.clock() < until);
  }

  private contended(word: number, exclusive: number, site: Site): void {
    this.addWait();
    const known = this.rowOf[(word << 1) | exclusive] as number;
    const row = known === 0 ? this.rows.find(word, exclusive, site) : known;
    const { rows } = this.area;
    const first = row * ROW_FIELDS;
    (rows[first + ROW_CONTENTIONS] as number)++;
    if (this.isElsewhere(this.takers[word] as number)) (rows[first + ROW_CON_BOUNCES] as number)++;
    const asker = takerOf(this.runner(), site, exclusive);
    if (this.isSleeping(word)) this.holders.asks(memory.words[perCpuBase(this.cpu) + CPU_CURRENT] as number, asker);
    const edge = this.edges.count(row, nameOfTaker(asker), site, this.holders.of(word, asker));
    // The next acquisition of the row takes the long way.
    rows[first + ROW_ISSUED] = (rows[first + ROW_ISSUED] as number) - (this.left[row] as number);
    this.left[row] = 0;
    const { waits } = this;
    const at = waits.push(word, exclusive, this.context(), this.clock());
    if (at < 0) return;
    this.waiting++;
    waits.row[at] = row;
    waits.site[at] = site;
    waits.edge[at] = edge;
  }

  private isElsewhere(taker: number): boolean {
    const cpu = cpuOfTaker(taker);
    return cpu >= 0 && cpu !== this.cpu;
  }

  private isSleeping(word: number): boolean {
    const type = this.types[this.ids[word] as number];
    return type === MUTEX || type === RW_SEMAPHORE || type === SEMAPHORE;
  }

  /** Gives when it ended; 0: this is no acquisition that had to wait. */
  private endWait(word: number, exclusive: number): number {
    const { waits } = this;
    const at = waits.find(word, exclusive, this.context());
    if (at < 0) return 0;
    const now = this.clock();
    this.addWait();
    const since = waits.since[at] as number;
    this.endedRow = waits.row[at] as number;
    this.endedEdge = waits.edge[at] as number;
    this.endedNs = now - since;
    const isSleeping = this.isSleeping(word);
    if (isSleeping) this.holders.arrives(word, takerOf(this.runner(), waits.site[at] as number, exclusive));
    // A task that waits for a sleeping lock is off its CPU all the time.
    this.endedParkNs = isSleeping ? now - since : (waits.parkNs[at] as number);
    if (this.lanes !== null) this.traceLock(this.lanes, RECORD_WAIT, now, since, word, waits.site[at] as number);
    waits.remove(at);
    this.waiting--;
    return now;
  }

  /** Adds up the wait that ended last, once. */
  private addWait(): void {
    const { endedRow: row, endedNs: ns, endedParkNs: parkNs } = this;
    if (row === 0) return;
    this.endedRow = 0;
    const { rows, histograms } = this.area;
    const first = row * ROW_FIELDS;
    addDuration(rows, first + ROW_WAIT_MIN, histograms, row * 2 * BUCKETS, ns);
    this.edges.waited(this.endedEdge, ns);
    if (parkNs === 0) return;
    (rows[first + ROW_PARKED] as number)++;
    (rows[first + ROW_PARK_NS] as number) += parkNs;
  }

  private parks(word: number, exclusive: number, begins: boolean): void {
    const { waits } = this;
    const at = waits.find(word, exclusive, this.context());
    if (at < 0) return;
    const now = this.clock();
    if (begins) waits.parkedSince[at] = now;
    else (waits.parkNs[at] as number) += now - (waits.parkedSince[at] as number);
  }

  private traceLock(lanes: Lanes, kind: number, now: number, since: number, word: number, site: Site): void {
    lanes.lock(kind, now, since, this.ids[word] as number, this.isSleeping(word), site, nameOfTaker(this.runner()));
  }
}
