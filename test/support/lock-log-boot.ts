/**
 * A boot module that profiles, and beside it writes down each thing that the profiler hears: what the profile should say.
 *
 * The log takes nothing from the profiler. Hooks of all CPUs come one after the other here, so a hook has a number, and the clock
 * that the profiler is given says nothing but that number's time (`timeOf`): whoever has the log knows each reading.
 *
 *   CPU0                            CPU1
 *   gate, number 7
 *   the profiler counts             waits at the gate
 *   a listener notes 7, opens it
 *                                   number 8 …
 */
import type { Bootable } from '../../src/actors/boot-module.ts';
import { type BootOrder, prepare as prepareScenario } from '../../src/cli/boot.ts';
import {
  bindListeners,
  bindProfiler,
  EV_BIO_SUBMIT,
  EV_IRQS_OFF,
  EV_LOCK_ACQUIRED,
  EV_LOCK_CONTENDED,
  EV_LOCK_HANDED,
  type Listener,
  type Profiler,
} from '../../src/machine/events.ts';
import type { Site } from '../../src/machine/site.ts';
import type { ProfileBuffers } from '../../src/profile/layout.ts';
import { attachCpu, attachMain, cpuProfiler } from '../../src/profile/session.ts';
import { WaitQueue } from '../../src/shared/atomics-lock.ts';
import { Completion } from '../../src/shared/completion.ts';
import { memory, perCpuBase } from '../../src/shared/memory.ts';
import { Mutex } from '../../src/shared/mutex.ts';
import { CPU_CURRENT, CPU_HARDIRQ_DEPTH, CPU_SOFTIRQ_DEPTH } from '../../src/shared/per-cpu-layout.ts';
import { RwSemaphore } from '../../src/shared/rw-semaphore.ts';
import { Semaphore } from '../../src/shared/semaphore.ts';
import { allLocks, type LockType } from '../../src/shared/struct-registry.ts';
import { Task, taskName } from '../../src/shared/task.ts';
import { KNOWN_HAND_OVER, knownHandOver } from './known-hand-over.ts';
import { KNOWN_HOLDER, knownHolder } from './known-holder.ts';

export const LOG_FIELDS = 8;
const ENTRIES = 1 << 19;
/** Instead of the kind of an event: a round begins. */
export const LOG_ROUND = 0;

const NAMES = 256;
const NAME_BYTES = 64;

// Words of `state`.
/** 0 open, 1 shut, 2 shut and somebody waits at it. */
const GATE = 0;
const WRITTEN = 1;
const NAMED = 2;

/** A lock as the log calls it. */
export interface LoggedLock {
  readonly name: string;
  readonly type: LockType;
}

export interface LockLog {
  readonly buffers: ProfileBuffers;
  readonly state: Int32Array;
  /**
   * Kind, CPU, word, exclusive (of hand-overs: the task that gets the lock), site, task, depth in interrupts (2 · hard + soft); of
   * acquisitions and contentions the name of who runs there (a number).
   */
  readonly entries: Int32Array;
  readonly names: Uint8Array;
}

const words = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(count * 4));

export function makeLockLog(buffers: ProfileBuffers): LockLog {
  return {
    buffers,
    state: words(3),
    entries: words(ENTRIES * LOG_FIELDS),
    names: new Uint8Array(new SharedArrayBuffer(NAMES * NAME_BYTES)),
  };
}

/** What the clock says in the hook of this number: later than in the one before, by another amount each time. */
export const timeOf = (number: number): number => 1024 * (number + 1) + (Math.imul(number, 0x9e3779b1) >>> 22);

/** Of each round on the main thread: which lock lies where. */
export const lockMaps: Map<number, LoggedLock>[] = [];

let log: LockLog;
let own = 0;

// ---- The gate. ----

function enter(): void {
  const { state } = log;
  if (Atomics.compareExchange(state, GATE, 0, 1) === 0) return;
  while (Atomics.exchange(state, GATE, 2) !== 0) Atomics.wait(state, GATE, 2);
}

function leave(): void {
  if (Atomics.exchange(log.state, GATE, 0) === 2) Atomics.notify(log.state, GATE, 1);
}

// ---- Names, one list for all threads. Used in the gate. ----

const known = new Map<string, number>();

/** 1 and up. */
function nameNumber(name: string): number {
  const number = known.get(name);
  if (number !== undefined) return number;
  for (const [i, text] of namesIn(log).entries()) known.set(text, i + 1);
  if (known.has(name)) return nameNumber(name);
  const count = log.state[NAMED] as number;
  if (count === NAMES) throw new Error('too many names');
  log.names.set(new TextEncoder().encode(name).subarray(0, NAME_BYTES - 1), count * NAME_BYTES);
  log.state[NAMED] = count + 1;
  known.set(name, count + 1);
  return count + 1;
}

export function namesIn({ names, state }: LockLog): string[] {
  return Array.from({ length: state[NAMED] as number }, (_, i) => {
    const bytes = names.slice(i * NAME_BYTES, (i + 1) * NAME_BYTES);
    return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  });
}

const nameOfTask = (handle: number): string => taskName(Task.at(handle));

function whoRuns(): string {
  const at = (field: number): number => memory.words[perCpuBase(own) + field] as number;
  if (at(CPU_HARDIRQ_DEPTH) !== 0) return `hardirq/${own}`;
  if (at(CPU_SOFTIRQ_DEPTH) !== 0) return `softirq/${own}`;
  return at(CPU_CURRENT) === 0 ? `idle/${own}` : nameOfTask(at(CPU_CURRENT));
}

// ---- One hook: the profiler, then the listener. ----

let inHook = false;

function begin(): void {
  enter();
  if (inHook) throw new Error('the profiler heard what listeners did not');
  inHook = true;
}

const hear: Listener = (kind, a, b, site) => {
  if (kind >= EV_BIO_SUBMIT && kind < EV_IRQS_OFF) return;
  if (!inHook) throw new Error(`listeners heard event ${kind}, the profiler did not`);
  const at = (field: number): number => memory.words[perCpuBase(own) + field] as number;
  const depth = 2 * at(CPU_HARDIRQ_DEPTH) + at(CPU_SOFTIRQ_DEPTH);
  const who = kind === EV_LOCK_CONTENDED || kind === EV_LOCK_ACQUIRED ? nameNumber(whoRuns()) : 0;
  write([kind, own, a, kind === EV_LOCK_HANDED ? b : b & 1, site, at(CPU_CURRENT), depth, who]);
  inHook = false;
  leave();
};

function write(values: readonly number[]): void {
  const number = log.state[WRITTEN] as number;
  if (number === ENTRIES) throw new Error('the log is full');
  log.entries.set(values, number * LOG_FIELDS);
  log.state[WRITTEN] = number + 1;
}

export const writtenIn = ({ state }: LockLog): number => state[WRITTEN] as number;

class Logged implements Profiler {
  readonly #profiler: Profiler;

  constructor(profiler: Profiler) {
    this.#profiler = profiler;
  }

  acquired(word: number, exclusive: number, site: Site): void {
    begin();
    this.#profiler.acquired(word, exclusive, site);
  }

  release(word: number, exclusive: number): void {
    begin();
    this.#profiler.release(word, exclusive);
  }

  irqsOff(site: Site): void {
    begin();
    this.#profiler.irqsOff(site);
  }

  irqsOn(): void {
    begin();
    this.#profiler.irqsOn();
  }

  hear(kind: number, a: number, b: number, site: Site): void {
    begin();
    this.#profiler.hear(kind, a, b, site);
  }
}

// ---- The boot module. ----

/** The locks of the program that was built, by word; those inside other locks too. */
function locksHere(): Map<number, LoggedLock> {
  const map = new Map<number, LoggedLock>();
  for (const { word, name, type } of allLocks()) {
    const inner = { name: `${name}.wait_lock`, type: 'spinlock' } as const;
    if (type === 'completion') map.set(new Completion(word).wait.lock.word, { name, type });
    else if (type === 'wait-queue') map.set(new WaitQueue(word).lock.word, { name, type });
    else map.set(word, { name, type });
    if (type === 'mutex') map.set(new Mutex(word).sleepers.waitLock.word, inner);
    if (type === 'semaphore') map.set(new Semaphore(word).sleepers.waitLock.word, inner);
    if (type === 'rw-semaphore') map.set(new RwSemaphore(word).sleepers.waitLock.word, inner);
  }
  return map;
}

export function attach(attachment: unknown, cpu: number | null): void {
  log = attachment as LockLog;
  if (cpu === null) {
    lockMaps.length = 0;
    attachMain(log.buffers);
    return;
  }
  own = cpu;
  attachCpu(log.buffers, cpu, () => timeOf(log.state[WRITTEN] as number));
}

/** The main thread builds a round's program before any CPU runs it. */
function beginRound(locks: Map<number, LoggedLock>): void {
  lockMaps.push(locks);
  write([LOG_ROUND]);
}

const KNOWN: ReadonlyMap<string, Bootable> = new Map([
  [KNOWN_HOLDER, knownHolder],
  [KNOWN_HAND_OVER, knownHandOver],
]);

export function prepare(order: unknown): Bootable {
  const { scenario } = order as BootOrder;
  const bootable = KNOWN.get(scenario) ?? prepareScenario(order);
  return {
    ...bootable,
    build() {
      const program = bootable.build();
      const locks = locksHere();
      if (cpuProfiler === null) beginRound(locks);
      else {
        bindProfiler(new Logged(cpuProfiler));
        bindListeners([hear]);
      }
      return program;
    },
  };
}
