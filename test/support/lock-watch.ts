/**
 * Hears which locks are taken and released, and says where that breaks the table of docs/LOCKING.md.
 */
import { bindListeners, EV_LOCK_ACQUIRED, EV_LOCK_RELEASE, type Listener } from '../../src/machine/events.ts';
import { siteText } from '../../src/machine/site.ts';
import { COMPLETION_WORDS } from '../../src/shared/completion.ts';
import { memory } from '../../src/shared/memory.ts';
import { MUTEX_WORDS } from '../../src/shared/mutex.ts';
import { cpu, cpuBase, irqsDisabled } from '../../src/shared/per-cpu.ts';
import { CPU_CURRENT, CPU_HARDIRQ_DEPTH, CPU_SOFTIRQ_DEPTH } from '../../src/shared/per-cpu-layout.ts';
import { RWSEM_WORDS } from '../../src/shared/rw-semaphore.ts';
import { RWLOCK_WORDS } from '../../src/shared/rwlock.ts';
import { SEMAPHORE_WORDS } from '../../src/shared/semaphore.ts';
import { SPINLOCK_WORDS } from '../../src/shared/spinlock.ts';
import { eachLiveLock, type LockType } from '../../src/shared/struct-registry.ts';
import { WAIT_QUEUE_WORDS } from '../../src/shared/wait-queue.ts';

/** A row of the table. */
export interface LockRow {
  readonly lock: string;
  readonly kind: LockType;
  readonly order: number;
  /** `writers`: interrupts read it. */
  readonly irqSafe: 'yes' | 'process-only' | 'writers';
}

const WORDS: Record<LockType, number> = {
  spinlock: SPINLOCK_WORDS,
  rwlock: RWLOCK_WORDS,
  'rw-semaphore': RWSEM_WORDS,
  semaphore: SEMAPHORE_WORDS,
  mutex: MUTEX_WORDS,
  'wait-queue': WAIT_QUEUE_WORDS,
  completion: COMPLETION_WORDS,
};
const SLEEPING: readonly LockType[] = ['rw-semaphore', 'semaphore', 'mutex'];

/** The lock inside a sleeping lock that guards its sleepers. */
function waitLockOf(lock: string, kind: LockType): LockRow {
  return {
    lock: `wait_lock of ${lock}`,
    kind: 'spinlock',
    order: 100,
    irqSafe: kind === 'semaphore' ? 'yes' : 'process-only',
  };
}

interface Held {
  readonly word: number;
  readonly row: LockRow;
  /** Which of the contexts that lie on top of each other: 0 for a task. */
  readonly level: number;
}

export class LockWatch {
  readonly #rows: ReadonlyMap<string, LockRow>;
  readonly #known = new Map<number, LockRow | null>();
  /** What is held, by CPU for locks that keep it, by task (handle) for those that sleep. */
  readonly #held = new Map<string, Held[]>();
  /** Names of the locks that were taken. */
  readonly taken = new Set<string>();
  /** `outer > inner` for each pair that was held together. */
  readonly nested = new Set<string>();
  /** Where the table was broken, each once. */
  readonly complaints = new Set<string>();

  constructor(rows: readonly LockRow[]) {
    this.#rows = new Map(rows.map((row) => [row.lock, row]));
  }

  /** Listens to the machine of this thread, whose memory may be laid out in another way than the last one's. */
  listen(others: readonly Listener[]): void {
    this.#known.clear();
    bindListeners([this.#hear, ...others]);
  }

  /** The machine starts anew: nothing is held. */
  restart(): void {
    this.#held.clear();
  }

  /** The row of the lock that a word belongs to; null for a lock without one. A machine's layout never changes, so it is remembered. */
  #rowOf(word: number): LockRow | null {
    let row = this.#known.get(word);
    if (row === undefined) {
      row = this.#find(word);
      this.#known.set(word, row);
    }
    return row;
  }

  #find(word: number): LockRow | null {
    let row: LockRow | null = null;
    eachLiveLock((first, name, type) => {
      if (word < first || word >= first + WORDS[type]) return;
      row = word > first && SLEEPING.includes(type) ? waitLockOf(name, type) : (this.#rows.get(name) ?? null);
    });
    return row;
  }

  readonly #hear: Listener = (kind, word, exclusive, site) => {
    if (kind !== EV_LOCK_ACQUIRED && kind !== EV_LOCK_RELEASE) return;
    const row = this.#rowOf(word);
    if (row === null) return;
    const w = memory.words;
    const level = (w[cpuBase + CPU_HARDIRQ_DEPTH] as number) | ((w[cpuBase + CPU_SOFTIRQ_DEPTH] as number) << 4);
    const task = `task ${w[cpuBase + CPU_CURRENT]}`;
    const holder = SLEEPING.includes(row.kind) ? task : `CPU ${cpu}`;
    if (kind === EV_LOCK_RELEASE) {
      this.#release(holder, word);
      return;
    }
    const outer = this.#heldBy(`CPU ${cpu}`).filter((held) => held.level === level);
    if (level === 0) outer.push(...this.#heldBy(task));
    this.#check(row, outer, level, exclusive !== 0, siteText(site));
    this.#heldBy(holder).push({ word, row, level });
  };

  #check(row: LockRow, outer: readonly Held[], level: number, exclusive: boolean, place: string): void {
    this.taken.add(row.lock);
    for (const held of outer) {
      this.nested.add(`${held.row.lock} > ${row.lock}`);
      if (held.row.order >= row.order)
        this.complaints.add(`${row.lock} is taken with ${held.row.lock} held, in ${place}`);
    }
    if (row.irqSafe === 'writers' && !exclusive) return;
    if (row.irqSafe !== 'process-only' && !irqsDisabled())
      this.complaints.add(`${row.lock} is taken with interrupts on, in ${place}`);
    if (row.irqSafe !== 'yes' && level !== 0) this.complaints.add(`${row.lock} is taken in an interrupt, in ${place}`);
  }

  #heldBy(holder: string): Held[] {
    let list = this.#held.get(holder);
    if (list === undefined) {
      list = [];
      this.#held.set(holder, list);
    }
    return list;
  }

  #release(holder: string, word: number): void {
    const list = this.#heldBy(holder);
    const index = list.findLastIndex((held) => held.word === word);
    if (index >= 0) list.splice(index, 1);
  }
}
