/** What a log of all lock events says, by brute force: all that a profile must say too. */
import { irqName } from '../../src/irq/interrupt.ts';
import {
  EV_IRQ_ENTER,
  EV_IRQS_OFF,
  EV_IRQS_ON,
  EV_LOCK_ACQUIRED,
  EV_LOCK_CONTENDED,
  EV_LOCK_HANDED,
  EV_LOCK_RELEASE,
  EV_PARK,
  EV_UNPARK,
} from '../../src/machine/events.ts';
import { siteText } from '../../src/machine/site.ts';
import { LOG_FIELDS, LOG_ROUND, type LockLog, type LoggedLock, namesIn, timeOf, writtenIn } from './lock-log-boot.ts';

interface Entry {
  readonly kind: number;
  readonly cpu: number;
  readonly word: number;
  readonly exclusive: number;
  readonly site: string;
  /** Task, and how deep in interrupts. */
  readonly context: string;
  readonly task: number;
  readonly who: string;
  readonly at: number;
}

/** Durations of one kind, in nanoseconds. */
export type Times = readonly number[];

/** Who waited where for a lock that was taken where; and for whom. */
interface Blame {
  count: number;
  waitNs: number;
  readonly holders: Map<string, number>;
}

export interface Totals {
  readonly type: LoggedLock['type'];
  acquisitions: number;
  contentions: number;
  acqBounces: number;
  conBounces: number;
  readonly waits: number[];
  readonly holds: number[];
  parked: number;
  parkNs: number;
  /** Those who took the lock, and where. */
  readonly takers: Set<string>;
  /** By blameKey. */
  readonly blame: Map<string, Blame>;
}

export interface IrqTotals {
  stretches: number;
  readonly ns: number[];
  /** `site on CPU` of each. */
  readonly where: string[];
}

interface Wait extends Entry {
  readonly edge: Blame;
  parkedSince: number;
  parkNs: number;
}

/** The hooks in their order, which is that of all CPUs. */
export function entriesOf(log: LockLog): Entry[] {
  const names = ['', ...namesIn(log)];
  return Array.from({ length: writtenIn(log) }, (_, number) => {
    const fields = log.entries.subarray(number * LOG_FIELDS, (number + 1) * LOG_FIELDS);
    const [kind = 0, cpu = 0, word = 0, exclusive = 0, site = 0, task = 0, depth = 0, who = 0] = fields;
    return {
      kind,
      cpu,
      word,
      exclusive,
      site: placeText(site),
      context: `${cpu}/${task}/${depth}`,
      task,
      who: names[who] as string,
      at: timeOf(number),
    };
  });
}

const placeText = (site: number): string => (site === 0 ? '?' : siteText(site));

/** `&md->io_lock rw-semaphore read` */
export const rowName = (name: string, type: string, exclusive: boolean): string =>
  `${name} ${type} ${exclusive ? 'write' : 'read'}`;

export const blameKey = (waiter: string, waiterSite: string, holderSite: string): string =>
  `${waiter} in ${waiterSite} for ${holderSite}`;

export class BruteForce {
  readonly rows = new Map<string, Totals>();
  /** Contentions for a lock that was handed over to one who had not run yet. */
  betweenRuns = 0;
  readonly irqs: IrqTotals = { stretches: 0, ns: [], where: [] };
  #locks: ReadonlyMap<number, LoggedLock> = new Map();
  #waits: Wait[] = [];
  #holds: Entry[] = [];
  /** By word: who took the lock there last; and who waited for it, has it, and has not run since. */
  #takers = new Map<number, Entry>();
  #handed = new Map<number, Entry>();
  /** By CPU. */
  readonly #irqsOff = new Map<number, Entry>();

  /** `locks`: which lock lies where, in each round. */
  constructor(entries: readonly Entry[], locks: readonly ReadonlyMap<number, LoggedLock>[]) {
    let round = 0;
    for (const entry of entries) {
      if (entry.kind === LOG_ROUND) this.#beginRound(locks[round++] as ReadonlyMap<number, LoggedLock>);
      else this.#add(entry);
    }
  }

  #beginRound(locks: ReadonlyMap<number, LoggedLock>): void {
    this.#locks = locks;
    this.#waits = [];
    this.#holds = [];
    this.#takers = new Map();
    this.#handed = new Map();
    this.#irqsOff.clear();
  }

  #add(entry: Entry): void {
    switch (entry.kind) {
      case EV_LOCK_CONTENDED:
        this.#contended(entry);
        break;
      case EV_LOCK_HANDED:
        this.#isHanded(entry);
        break;
      case EV_LOCK_ACQUIRED:
        this.#acquired(entry);
        break;
      case EV_LOCK_RELEASE:
        this.#released(entry);
        break;
      case EV_PARK:
      case EV_UNPARK:
        this.#parks(entry);
        break;
      case EV_IRQ_ENTER:
      case EV_IRQS_OFF:
        this.irqs.stretches++;
        this.#irqsOff.set(entry.cpu, entry);
        break;
      case EV_IRQS_ON:
        this.#irqsOn(entry);
        break;
    }
  }

  #row({ word, exclusive }: Entry): Totals {
    const { name, type } = this.#locks.get(word) as LoggedLock;
    const key = rowName(name, type, exclusive === 1);
    const none = { acquisitions: 0, contentions: 0, acqBounces: 0, conBounces: 0, parked: 0, parkNs: 0 };
    const known = this.rows.get(key) ?? {
      type,
      ...none,
      waits: [],
      holds: [],
      takers: new Set<string>(),
      blame: new Map(),
    };
    this.rows.set(key, known);
    return known;
  }

  #contended(entry: Entry): void {
    const row = this.#row(entry);
    row.contentions++;
    const taker = this.#takers.get(entry.word);
    if (taker !== undefined && taker.cpu !== entry.cpu) row.conBounces++;
    const handed = this.#handed.get(entry.word);
    if (handed !== undefined) this.betweenRuns++;
    const holder = withoutOneself(handed ?? taker, entry, row.type);
    const key = blameKey(entry.who, entry.site, holder?.site ?? '?');
    const edge = row.blame.get(key) ?? { count: 0, waitNs: 0, holders: new Map() };
    row.blame.set(key, edge);
    edge.count++;
    const name = nameOfHolder(holder);
    edge.holders.set(name, (edge.holders.get(name) ?? 0) + 1);
    this.#waits.push({ ...entry, edge, parkedSince: 0, parkNs: 0 });
  }

  /** One of those that wait for it. */
  #isHanded({ word, exclusive: task }: Entry): void {
    this.#handed.set(word, this.#waits.find((wait) => wait.word === word && wait.task === task) as Wait);
  }

  #acquired(entry: Entry): void {
    const row = this.#row(entry);
    row.acquisitions++;
    row.takers.add(`${nameOfHolder(entry)} in ${entry.site}`);
    const taker = this.#takers.get(entry.word);
    this.#takers.set(entry.word, entry);
    if (taker !== undefined && taker.cpu !== entry.cpu) row.acqBounces++;
    const wait = take(this.#waits, entry);
    if (wait !== undefined) {
      const ns = entry.at - wait.at;
      const isSleeping = row.type === 'mutex' || row.type === 'semaphore' || row.type === 'rw-semaphore';
      const parkNs = isSleeping ? ns : wait.parkNs;
      const handed = this.#handed.get(entry.word);
      if (handed !== undefined && isSame(handed, entry)) this.#handed.delete(entry.word);
      row.waits.push(ns);
      wait.edge.waitNs += ns;
      if (parkNs > 0) row.parked++;
      row.parkNs += parkNs;
    }
    // Whoever likes gives a semaphore back.
    if (row.type !== 'semaphore') this.#holds.push(entry);
  }

  #released(entry: Entry): void {
    const hold = take(this.#holds, entry);
    if (hold !== undefined) this.#row(entry).holds.push(entry.at - hold.at);
  }

  #parks(entry: Entry): void {
    const wait = this.#waits.findLast((each) => isSame(each, entry));
    if (wait === undefined) return;
    if (entry.kind === EV_PARK) wait.parkedSince = entry.at;
    else wait.parkNs += entry.at - wait.parkedSince;
  }

  #irqsOn({ cpu, at }: Entry): void {
    const off = this.#irqsOff.get(cpu);
    if (off === undefined) return;
    this.#irqsOff.delete(cpu);
    this.irqs.ns.push(at - off.at);
    this.irqs.where.push(`${off.kind === EV_IRQ_ENTER ? `irq ${irqName(off.word)}` : off.site} on ${cpu}`);
  }
}

const isSame = (a: Entry, b: Entry): boolean =>
  a.word === b.word && a.exclusive === b.exclusive && a.context === b.context;

/** Takes out what belongs to an entry, the newest first, as nesting wants it. */
function take<T extends Entry>(from: T[], entry: Entry): T | undefined {
  const at = from.findLastIndex((each) => isSame(each, entry));
  return at < 0 ? undefined : from.splice(at, 1)[0];
}

/** Who had the lock last and wants it has given it back since; who took it then has not said so yet. Of a semaphore one may want more. */
function withoutOneself(taker: Entry | undefined, entry: Entry, type: LoggedLock['type']): Entry | undefined {
  const isOwn = taker?.who === entry.who && taker.cpu === entry.cpu && taker.exclusive === 1;
  return isOwn && type !== 'semaphore' ? undefined : taker;
}

/** Whom a profile must blame. Readers may be several, and which of them is in the way nobody knows. */
function nameOfHolder(taker: Entry | undefined): string {
  if (taker === undefined) return '?';
  return taker.exclusive === 1 ? taker.who : 'readers';
}
