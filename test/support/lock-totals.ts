/** What a log of all lock events says, by brute force: the totals that a profile must have. */
import { EV_LOCK_ACQUIRED, EV_LOCK_CONTENDED } from '../../src/machine/events.ts';
import type { LockName } from '../../src/profile/lock-names.ts';
import { LOG_FIELDS, LOG_ROUND, type LockLog } from './lock-log-boot.ts';

interface Entry {
  readonly kind: number;
  readonly cpu: number;
  readonly round: number;
  readonly word: number;
  readonly exclusive: number;
  readonly id: number;
  readonly context: string;
  readonly at: number;
}

export interface Times {
  timed: number;
  min: number;
  max: number;
  total: number;
}

export interface Totals {
  acquisitions: number;
  contentions: number;
  /** Of locks that only have writers: who had it last is certain there. */
  acqBounces: number;
  readonly wait: Times;
  readonly hold: Times;
}

/** The events of one CPU, in their order. */
export function entriesOf({ entries, written }: LockLog, cpu: number): Entry[] {
  const list: Entry[] = [];
  let round = 0;
  for (let i = 0; i < (written[cpu] as number); i++) {
    const at = i * LOG_FIELDS;
    const [kind = 0, word = 0, exclusive = 0, id = 0, task = 0, depth = 0, time = 0] = (
      entries[cpu] as Float64Array
    ).subarray(at, at + LOG_FIELDS);
    if (kind === LOG_ROUND) round++;
    list.push({ kind, cpu, round, word, exclusive, id, context: `${task}/${depth}`, at: time });
  }
  return list;
}

function add(times: Times, ns: number): void {
  times.min = times.timed === 0 ? ns : Math.min(times.min, ns);
  times.max = Math.max(times.max, ns);
  times.total += ns;
  times.timed++;
}

const noTimes = (): Times => ({ timed: 0, min: 0, max: 0, total: 0 });

/** `&md->io_lock rw-semaphore read` */
export const rowName = ({ class: name, type }: Pick<LockName, 'class' | 'type'>, exclusive: boolean): string =>
  `${name} ${type} ${exclusive ? 'write' : 'read'}`;

export class BruteForce {
  readonly rows = new Map<string, Totals>();
  readonly #names: readonly LockName[];

  constructor(cpus: readonly Entry[][], names: readonly LockName[]) {
    this.#names = names;
    for (const entries of cpus) this.#times(entries);
    this.#bounces(cpus.flat());
  }

  #row({ id, exclusive }: Entry): Totals {
    const name = rowName(this.#names[id] as LockName, exclusive === 1);
    const known = this.rows.get(name) ?? {
      acquisitions: 0,
      contentions: 0,
      acqBounces: 0,
      wait: noTimes(),
      hold: noTimes(),
    };
    this.rows.set(name, known);
    return known;
  }

  /** Pairs what belongs together, the newest first, as nesting wants it. */
  #times(entries: readonly Entry[]): void {
    const waits: Entry[] = [];
    const holds: Entry[] = [];
    const take = (from: Entry[], entry: Entry): Entry | undefined => {
      const at = from.findLastIndex(
        ({ word, exclusive, context, round }) =>
          word === entry.word && exclusive === entry.exclusive && context === entry.context && round === entry.round,
      );
      return at < 0 ? undefined : from.splice(at, 1)[0];
    };
    for (const entry of entries) {
      if (entry.kind === LOG_ROUND) {
        waits.length = 0;
        holds.length = 0;
        continue;
      }
      const row = this.#row(entry);
      if (entry.kind === EV_LOCK_CONTENDED) {
        row.contentions++;
        waits.push(entry);
      } else if (entry.kind === EV_LOCK_ACQUIRED) {
        row.acquisitions++;
        const wait = take(waits, entry);
        if (wait !== undefined) add(row.wait, entry.at - wait.at);
        if (this.#names[entry.id]?.type !== 'semaphore') holds.push(entry);
      } else {
        const hold = take(holds, entry);
        if (hold !== undefined) add(row.hold, entry.at - hold.at);
      }
    }
  }

  #bounces(entries: readonly Entry[]): void {
    const last = new Map<string, number>();
    const acquired = entries.filter(({ kind }) => kind === EV_LOCK_ACQUIRED);
    for (const entry of acquired.sort((a, b) => a.at - b.at)) {
      const key = `${entry.round}/${entry.word}`;
      if (last.has(key) && last.get(key) !== entry.cpu) this.#row(entry).acqBounces++;
      last.set(key, entry.cpu);
    }
  }
}
