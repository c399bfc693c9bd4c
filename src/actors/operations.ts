/**
 * The operations of the real machine: each runs at once and returns an iterator that is already done.
 *
 * A generator is made only when there is something to wait for: a contended lock, a pending interrupt, a delay. Before an
 * operation runs the CPU notes it in its step ring and looks at its pending word: that is the operation boundary at which
 * interrupts enter.
 *
 * Waiting: a CPU that finds a lock taken spins for a moment, then sets its bit in the word behind the lock, looks once more,
 * and parks on its own doorbell. Who releases the lock looks at that word and rings. Both sides use sequentially consistent
 * accesses in opposite order, so one sees the other:
 *
 *   waiter                        releaser
 *   set bit in word + 1           store 0 to word
 *   try to take word              load word + 1: ring
 *
 * Atomics are calls into V8's builtins here (4 to 8 ns each), so a word that is only looked at is read plainly where an Atomics
 * access of the same operation orders it: the compiler moves no read across such a call, and its lock prefix is the fence.
 */
import { ALARM_ARMED, ALARM_GOING_OFF, Alarm } from '../irq/alarm.ts';
import { doIrq } from '../irq/interrupt.ts';
import { EV_LOCK_ACQUIRED, EV_LOCK_CONTENDED, EV_LOCK_RELEASE, emit, listening } from '../machine/events.ts';
import { report } from '../machine/finding.ts';
import {
  type Kernel,
  OP_SCHEDULE,
  type Op,
  RING_ALL,
  RING_ONE,
  type RingKind,
  RMW_ADD,
  RMW_AND,
  RMW_OR,
  type RmwKind,
} from '../machine/kernel.ts';
import type { Operations, SlowPath } from '../machine/operations.ts';
import { memory, POISON, perCpuBase } from '../shared/memory.ts';
import {
  CPU_DOORBELL,
  CPU_IRQS_OFF,
  CPU_PARKED,
  CPU_PENDING,
  CPU_RUNNABLE,
  CPU_STEP_RING,
  CPU_STEPS,
  STEP_RING_ENTRIES,
  STEP_SITE_SHIFT,
} from '../shared/per-cpu-layout.ts';
import { wordName } from '../shared/struct-registry.ts';
import { TASK_INTERRUPTIBLE, TASK_RUNNING } from '../shared/task.ts';
import { CLOCK, clockUs } from './control.ts';
import type { Noise, SeamDelay } from './noise.ts';
import type { Parking } from './parking.ts';

/** Unwinds kernel code when the round ends before its tasks do. */
export class RoundStopped extends Error {
  constructor() {
    super('the round is over');
    this.name = 'RoundStopped';
  }
}

/** Bit of CPU_PENDING that is no interrupt line: the machine stops the round. */
export const PENDING_STOP = 1 << 30;

/** What an operation needs to know of the CPU it runs on. */
export interface CpuState {
  readonly cpu: number;
  readonly cpus: number;
  /** Words of the running task's state and pending signal. */
  stateWord: number;
  signalWord: number;
}

export interface RealOptions {
  readonly state: CpuState;
  readonly control: Int32Array;
  readonly parking: Parking;
  readonly noise: Noise;
  readonly delay: SeamDelay | null;
  /** Turns of the loop before a waiting CPU parks. */
  readonly spins: number;
}

/** The operations of one CPU of the real machine. */
export function realOperations(options: RealOptions): Operations {
  const { state, control, parking, noise, spins } = options;
  const w = memory.words;
  const cpu = state.cpu;
  const base = perCpuBase(cpu);
  const ownBit = 1 << cpu;
  const pendingWord = base + CPU_PENDING;
  const irqsOffWord = base + CPU_IRQS_OFF;
  const stepsWord = base + CPU_STEPS;
  const stepRing = base + CPU_STEP_RING;
  const clockOrigin = control[CLOCK] as number;
  const delayFirst = options.delay?.firstSite ?? -1;
  const delaySpan = options.delay === null ? 0 : options.delay.lastSite - options.delay.firstSite + 1;
  let noiseAt = noise.gap();

  const result: IteratorReturnResult<unknown> = { done: true, value: undefined };
  const done = {
    next: () => result,
    [Symbol.iterator]() {
      return done;
    },
  };
  const give = <T>(value: T): Kernel<T> => {
    result.value = value;
    return done as unknown as Kernel<T>;
  };

  /** Notes the step; true when something is to be done before the operation. */
  const boundary = (word: number, site: number): boolean => {
    const step = w[stepsWord] as number;
    w[stepsWord] = (step + 1) | 0;
    w[stepRing + (step & (STEP_RING_ENTRIES - 1))] = (site << STEP_SITE_SHIFT) | word;
    return w[pendingWord] !== 0 || step >= noiseAt || (site - delayFirst) >>> 0 < delaySpan;
  };

  /** What boundary asked for: stop, a delay, interrupts. */
  function* atBoundary(site: number): Kernel<void> {
    if ((site - delayFirst) >>> 0 < delaySpan) noise.nap((options.delay as SeamDelay).us);
    const step = w[stepsWord] as number;
    if (step > noiseAt) {
      noiseAt = step + noise.gap();
      noise.delay();
    }
    yield* takeInterrupts();
  }

  /** Takes pending lines while interrupts are on. */
  function* takeInterrupts(): Kernel<void> {
    for (;;) {
      const pending = Atomics.load(w, pendingWord);
      if ((pending & PENDING_STOP) !== 0) throw new RoundStopped();
      if (pending === 0 || w[irqsOffWord] !== 0) return;
      const line = 31 - Math.clz32(pending & -pending);
      Atomics.and(w, pendingWord, ~(1 << line));
      yield* doIrq(line);
    }
  }

  const checked = (old: number, word: number, site: number): number => {
    if (old === POISON) report('use-after-free', 'I14', `${wordName(word)} is used after its object was freed`, site);
    return old;
  };

  const change = (word: number, how: RmwKind, value: number): number =>
    how === RMW_ADD
      ? Atomics.add(w, word, value)
      : how === RMW_AND
        ? Atomics.and(w, word, value)
        : how === RMW_OR
          ? Atomics.or(w, word, value)
          : Atomics.exchange(w, word, value);

  const ring = (target: number): void => {
    const word = perCpuBase(target) + CPU_DOORBELL;
    Atomics.add(w, word, 1);
    if (Atomics.load(w, word - CPU_DOORBELL + CPU_PARKED) !== 0) Atomics.notify(w, word);
  };

  /** Rings those whose bits are set in the word behind a lock. A poisoned word: the lock's owner freed it meanwhile. */
  const ringWaiters = (word: number, how: RingKind): void => {
    const waiters = Atomics.load(w, word);
    if (waiters === POISON || waiters === 0) return;
    if (how === RING_ONE) {
      // The next one after this CPU, so that no CPU is passed over for ever.
      const later = waiters & ~((2 << cpu) - 1);
      const among = later === 0 ? waiters : later;
      const target = 31 - Math.clz32(among & -among);
      Atomics.and(w, word, ~(1 << target));
      ring(target);
      return;
    }
    let left = Atomics.exchange(w, word, 0);
    while (left !== 0) {
      const target = 31 - Math.clz32(left & -left);
      left &= left - 1;
      ring(target);
    }
  };

  /** Waits on this CPU until `attempt` succeeds, taking interrupts meanwhile if they are on. */
  function* contend(word: number, attempt: () => boolean): Kernel<void> {
    for (;;) {
      for (let turn = 0; turn < spins; turn++) if (attempt()) return;
      const seen = parking.seen();
      Atomics.or(w, word + 1, ownBit);
      if (attempt()) return;
      if (Atomics.load(w, word) === POISON) checked(POISON, word, 0);
      const pending = Atomics.load(w, pendingWord);
      if (pending === 0 || (w[irqsOffWord] !== 0 && (pending & PENDING_STOP) === 0)) parking.park(seen);
      yield* takeInterrupts();
    }
  }

  const selfDeadlock = (word: number, site: number): never =>
    report('self-deadlock', 'I48', `CPU ${cpu} takes ${wordName(word)}, which it already holds`, site);

  function* takeSlow(word: number, value: number, site: number, interrupts: boolean): Kernel<void> {
    if (interrupts) yield* atBoundary(site);
    if (Atomics.compareExchange(w, word, 0, value) !== 0) {
      if (Atomics.load(w, word) === value) selfDeadlock(word, site);
      if (listening !== 0) emit(EV_LOCK_CONTENDED, word, 1, site);
      yield* contend(word, () => Atomics.load(w, word) === 0 && Atomics.compareExchange(w, word, 0, value) === 0);
    }
    if (listening !== 0) emit(EV_LOCK_ACQUIRED, word, 1, site);
  }

  const tryShare = (word: number): boolean => {
    for (let old = w[word] as number; old >= 0; ) {
      const seen = Atomics.compareExchange(w, word, old, old + 1);
      if (seen === old) return true;
      old = seen;
    }
    return false;
  };

  function* takeSharedSlow(word: number, writer: number, site: number): Kernel<void> {
    yield* atBoundary(site);
    if (!tryShare(word)) {
      if (Atomics.load(w, word) === writer) selfDeadlock(word, site);
      if (listening !== 0) emit(EV_LOCK_CONTENDED, word, 0, site);
      yield* contend(word, () => tryShare(word));
    }
    if (listening !== 0) emit(EV_LOCK_ACQUIRED, word, 0, site);
  }

  /** Runs an operation after what its boundary asked for. */
  function* after<T>(site: number, operation: () => T): Kernel<T> {
    yield* atBoundary(site);
    return operation();
  }

  const irqOff = (): number => {
    const on = w[irqsOffWord] === 0 ? 1 : 0;
    w[irqsOffWord] = 1;
    return on;
  };

  /** Interrupts on again: what came meanwhile enters now. */
  const irqOn = (saved: number): Kernel<void> => {
    if (saved === 0) return give(undefined);
    w[irqsOffWord] = 0;
    return w[pendingWord] === 0 ? give(undefined) : takeInterrupts();
  };

  const release = (word: number, value: number, how: RingKind, site: number): void => {
    if (listening !== 0) emit(EV_LOCK_RELEASE, word, 1, site);
    Atomics.store(w, word, value);
    if (w[word + 1] !== 0) ringWaiters(word + 1, how);
  };

  const releaseShared = (word: number, site: number): void => {
    if (listening !== 0) emit(EV_LOCK_RELEASE, word, 0, site);
    if (Atomics.sub(w, word, 1) === 1 && w[word + 1] !== 0) ringWaiters(word + 1, RING_ALL);
  };

  /** The running task may go on: its state says so, or a signal does. */
  const mayRun = (): boolean => {
    const now = Atomics.load(w, state.stateWord);
    if (now === TASK_RUNNING) return true;
    if (now !== TASK_INTERRUPTIBLE || Atomics.load(w, state.signalWord) === 0) return false;
    Atomics.store(w, state.stateWord, TASK_RUNNING);
    return true;
  };

  const ASLEEP: IteratorYieldResult<Op> = { done: false, value: OP_SCHEDULE };
  const sleep = {
    next: () => (mayRun() ? result : ASLEEP),
    [Symbol.iterator]() {
      return sleep;
    },
  };

  function* scheduleSlow(site: number): Kernel<void> {
    yield* atBoundary(site);
    yield* sleep as unknown as Kernel<void>;
  }

  function* waitForSlow(word: number, value: number, site: number): Kernel<void> {
    yield* atBoundary(site);
    if (Atomics.load(w, word) === value) return;
    if (listening !== 0) emit(EV_LOCK_CONTENDED, word, 1, site);
    yield* contend(word, () => Atomics.load(w, word) === value);
  }

  function* nextAlarm(mailbox: number, seen: number, site: number): Kernel<number> {
    for (;;) {
      yield* atBoundary(site);
      const rung = parking.seen();
      const { address, inUs } = dueAlarm(w, clockUs(clockOrigin));
      if (address !== 0) return address;
      if (Atomics.load(w, mailbox) !== seen) return 0;
      if (Atomics.load(w, pendingWord) === 0) parking.park(rung, inUs);
    }
  }

  const tryAdd = (word: number, mask: number, delta: number, site: number): boolean => {
    for (let old = w[word] as number; (old & mask) === 0; ) {
      const seen = Atomics.compareExchange(w, word, old, old + delta);
      if (seen === old) return true;
      old = seen;
    }
    checked(Atomics.load(w, word), word, site);
    return false;
  };

  function* addThenSlow<O>(
    word: number,
    delta: number,
    mask: number,
    expected: number,
    slow: SlowPath<O, void>,
    object: O,
    site: number,
  ): Kernel<void> {
    yield* atBoundary(site);
    if (((checked(Atomics.add(w, word, delta), word, site) + delta) & mask) === expected) yield* slow(object, site);
  }

  function* tryAddSlow<O>(
    word: number,
    mask: number,
    delta: number,
    slow: SlowPath<O, void>,
    object: O,
    site: number,
  ): Kernel<void> {
    yield* atBoundary(site);
    if (!tryAdd(word, mask, delta, site)) yield* slow(object, site);
  }

  function* loadThenSlow<O>(
    word: number,
    skip: number,
    fast: ((object: O) => void) | null,
    slow: SlowPath<O, void>,
    object: O,
    site: number,
  ): Kernel<void> {
    yield* atBoundary(site);
    if (checked(Atomics.load(w, word), word, site) !== skip) yield* slow(object, site);
    else if (fast !== null) fast(object);
  }

  function* takeIrqsaveSlow(word: number, value: number, site: number): Kernel<number> {
    yield* atBoundary(site);
    const saved = irqOff();
    yield* takeSlow(word, value, site, false);
    return saved;
  }

  function* contendIrqsave(word: number, value: number, site: number, saved: number): Kernel<number> {
    yield* takeSlow(word, value, site, false);
    return saved;
  }

  function* giveIrqrestoreSlow(word: number, saved: number, site: number): Kernel<void> {
    yield* atBoundary(site);
    release(word, 0, RING_ONE, site);
    yield* irqOn(saved);
  }

  function* irqOnSlow(saved: number, site: number): Kernel<void> {
    yield* atBoundary(site);
    yield* irqOn(saved);
  }

  return {
    load(word, site) {
      if (boundary(word, site)) return after(site, () => checked(Atomics.load(w, word), word, site));
      return give(checked(Atomics.load(w, word), word, site));
    },
    store(word, value, site) {
      if (boundary(word, site)) return after(site, () => void Atomics.store(w, word, value));
      Atomics.store(w, word, value);
      return give(undefined);
    },
    rmw(word, how, value, site) {
      if (boundary(word, site)) return after(site, () => checked(change(word, how, value), word, site));
      return give(checked(change(word, how, value), word, site));
    },
    cmpxchg(word, expected, value, site) {
      if (boundary(word, site))
        return after(site, () => checked(Atomics.compareExchange(w, word, expected, value), word, site));
      return give(checked(Atomics.compareExchange(w, word, expected, value), word, site));
    },
    take(word, value, site) {
      if (boundary(word, site)) return takeSlow(word, value, site, true);
      if (Atomics.compareExchange(w, word, 0, value) !== 0) return takeSlow(word, value, site, false);
      if (listening !== 0) emit(EV_LOCK_ACQUIRED, word, 1, site);
      return give(undefined);
    },
    takeIrqsave(word, value, site) {
      if (boundary(word, site)) return takeIrqsaveSlow(word, value, site);
      const saved = irqOff();
      if (Atomics.compareExchange(w, word, 0, value) !== 0) return contendIrqsave(word, value, site, saved);
      if (listening !== 0) emit(EV_LOCK_ACQUIRED, word, 1, site);
      return give(saved);
    },
    takeShared(word, writer, site) {
      if (boundary(word, site) || !tryShare(word)) return takeSharedSlow(word, writer, site);
      if (listening !== 0) emit(EV_LOCK_ACQUIRED, word, 0, site);
      return give(undefined);
    },
    waitFor(word, value, site) {
      if (boundary(word, site) || Atomics.load(w, word) !== value) return waitForSlow(word, value, site);
      return give(undefined);
    },
    give(word, value, how, site) {
      if (boundary(word, site)) return after(site, () => release(word, value, how, site));
      release(word, value, how, site);
      return give(undefined);
    },
    giveIrqrestore(word, saved, site) {
      if (boundary(word, site)) return giveIrqrestoreSlow(word, saved, site);
      release(word, 0, RING_ONE, site);
      return irqOn(saved);
    },
    giveShared(word, site) {
      if (boundary(word, site)) return after(site, () => releaseShared(word, site));
      releaseShared(word, site);
      return give(undefined);
    },
    tryAdd(word, mask, delta, slow, object, site) {
      if (boundary(word, site)) return tryAddSlow(word, mask, delta, slow, object, site);
      return tryAdd(word, mask, delta, site) ? give(undefined) : slow(object, site);
    },
    addThen(word, delta, mask, expected, slow, object, site) {
      if (boundary(word, site)) return addThenSlow(word, delta, mask, expected, slow, object, site);
      const sum = checked(Atomics.add(w, word, delta), word, site) + delta;
      return (sum & mask) === expected ? slow(object, site) : give(undefined);
    },
    loadThen(word, skip, fast, slow, object, site) {
      if (boundary(word, site)) return loadThenSlow(word, skip, fast, slow, object, site);
      if (checked(Atomics.load(w, word), word, site) !== skip) return slow(object, site);
      if (fast !== null) fast(object);
      return give(undefined);
    },
    irqOff(site) {
      if (boundary(0, site)) return after(site, irqOff);
      return give(irqOff());
    },
    irqOn(saved, site) {
      if (boundary(0, site)) return irqOnSlow(saved, site);
      return irqOn(saved);
    },
    schedule(site) {
      if (boundary(0, site)) return scheduleSlow(site);
      return sleep as unknown as Kernel<void>;
    },
    choice: (_kind, count) => give(noise.below(count)),
    relax(site) {
      if (boundary(0, site)) return after(site, () => noise.nap(50));
      noise.nap(50);
      return give(undefined);
    },
    nextAlarm(mailbox, seen, site) {
      boundary(mailbox, site);
      return nextAlarm(mailbox, seen, site);
    },
    wake(target, slot) {
      Atomics.or(w, perCpuBase(target) + CPU_RUNNABLE, 1 << slot);
      if (target !== cpu) ring(target);
    },
    spawned(target, slot) {
      Atomics.or(w, perCpuBase(target) + CPU_RUNNABLE, 1 << slot);
      if (target !== cpu) ring(target);
    },
    ring,
    nowUs: () => clockUs(clockOrigin),
  };
}

const ALARM_STATE = Alarm.offsetOf('state');
const ALARM_DUE = Alarm.offsetOf('dueUs');

/** Claims the armed alarm that was due first, or says in how many microseconds one will be (0: none is armed). */
function dueAlarm(w: Int32Array, nowUs: number): { address: number; inUs: number } {
  const slab = memory.plan?.slabs.get(Alarm.name);
  if (slab === undefined) throw new Error('no memory is bound');
  for (;;) {
    let first = 0;
    let due = 0;
    for (let slot = 0, address = slab.firstSlot; slot < slab.slots; slot++, address += slab.slotWords) {
      if (Atomics.load(w, address + ALARM_STATE) !== ALARM_ARMED) continue;
      const at = w[address + ALARM_DUE] as number;
      if (first === 0 || at - due < 0) {
        first = address;
        due = at;
      }
    }
    if (first === 0) return { address: 0, inUs: 0 };
    if (due - nowUs > 0) return { address: 0, inUs: due - nowUs };
    // Lost to who cancelled it: look again.
    if (Atomics.compareExchange(w, first + ALARM_STATE, ALARM_ARMED, ALARM_GOING_OFF) === ALARM_ARMED)
      return { address: first, inUs: 0 };
  }
}
