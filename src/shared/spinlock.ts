/**
 * Spinlocks: the holder's CPU does not sleep, and who waits keeps its CPU.
 *
 * Models spinlock_t with spin_lock, _irq, _irqsave. Two kinds with the same interface, chosen when the machine boots:
 * test-and-set (unfair, as in 2.6.20) and ticket (FIFO, as in 2.6.25). Queued spinlocks are not modelled.
 *
 *   word 0   tas: 0 free, else the owner's CPU + 1        ticket: the ticket now served
 *   word 1   one bit for each CPU that waits (machine)
 *   word 2   ticket: the next ticket to hand out          rmw
 *   word 3   ticket: the owner's CPU + 1, 0 free          written by the owner only
 *
 * invariant: CPU_PREEMPT of a CPU counts the spinlocks that it holds or waits for; it sleeps only at 0.
 */
import { EV_LOCK_ACQUIRED, EV_LOCK_NESTED, emit, hearing, LOCK_TRIED, listening } from '../machine/events.ts';
import { report } from '../machine/finding.ts';
import { type Kernel, RING_ALL, RING_ONE } from '../machine/kernel.ts';
import { ops, TICKET_NEXT, TICKET_OWNER } from '../machine/operations.ts';
import type { Site } from '../machine/site.ts';
import { memory, POISON, staticWords } from './memory.ts';
import { cpu, cpuBase, irqsDisabled } from './per-cpu.ts';
import { CPU_PREEMPT } from './per-cpu-layout.ts';
import { embed } from './struct.ts';
import { eachLiveLock, nameWord, wordName } from './struct-registry.ts';
import { bindHeldSpinlocks } from './task.ts';

export const SPINLOCK_WORDS = 4;

export class SpinLock {
  declare readonly word: number;
  constructor(word: number) {
    this.word = word;
  }
}

/** A spinlock as a field of a struct. */
export const spinLockField = embed(SPINLOCK_WORDS, (word) => new SpinLock(word), 'spinlock');

/** A spinlock of its own, outside any struct; `name` as findings print it, with its `&`. */
export function declareSpinLock(name: string): SpinLock {
  const word = staticWords(SPINLOCK_WORDS);
  nameWord(word, name, 'spinlock');
  return new SpinLock(word);
}

/** The two kinds of spinlock behind one interface. */
export interface SpinLockKind {
  readonly name: string;
  lock(lock: SpinLock, site: Site): Kernel<void>;
  unlock(lock: SpinLock, site: Site): Kernel<void>;
  lockIrqsave(lock: SpinLock, site: Site): Kernel<number>;
  unlockIrqrestore(lock: SpinLock, saved: number, site: Site): Kernel<void>;
  trylock(lock: SpinLock, site: Site): Kernel<number>;
  /** CPU + 1 of the owner, 0 when free. Exact only for the owner itself and at quiescence. */
  owner(lock: SpinLock): number;
}

function notOwner(lock: SpinLock, owner: number, site: Site): never {
  if (owner === POISON)
    report('use-after-free', 'I14', `${wordName(lock.word)} is released after its object was freed`, site);
  const who = owner === 0 ? 'nobody holds' : `CPU ${owner - 1} holds`;
  report('assertion', 'I18', `CPU ${cpu} releases ${wordName(lock.word)}, which ${who}`, site);
}

export const tasSpinLock: SpinLockKind = {
  name: 'tas',
  lock(lock, site) {
    (memory.words[cpuBase + CPU_PREEMPT] as number)++;
    return ops.take(lock.word, cpu + 1, site);
  },
  unlock(lock, site) {
    const w = memory.words;
    if (w[lock.word] !== cpu + 1) notOwner(lock, w[lock.word] as number, site);
    (w[cpuBase + CPU_PREEMPT] as number)--;
    return ops.give(lock.word, 0, RING_ONE, site);
  },
  lockIrqsave(lock, site) {
    (memory.words[cpuBase + CPU_PREEMPT] as number)++;
    return ops.takeIrqsave(lock.word, cpu + 1, site);
  },
  unlockIrqrestore(lock, saved, site) {
    const w = memory.words;
    if (w[lock.word] !== cpu + 1) notOwner(lock, w[lock.word] as number, site);
    (w[cpuBase + CPU_PREEMPT] as number)--;
    return ops.giveIrqrestore(lock.word, 0, RING_ONE, saved, site);
  },
  *trylock(lock, site) {
    if ((yield* ops.cmpxchg(lock.word, 0, cpu + 1, site)) !== 0) return 0;
    (memory.words[cpuBase + CPU_PREEMPT] as number)++;
    if (hearing !== 0) emit(EV_LOCK_ACQUIRED, lock.word, 1 | LOCK_TRIED, site);
    return 1;
  },
  owner: (lock) => memory.words[lock.word] as number,
};

/** The owner is done; gives the ticket that is served next. */
function nextTicket(lock: SpinLock, site: Site): number {
  const w = memory.words;
  const owner = w[lock.word + TICKET_OWNER] as number;
  if (owner !== cpu + 1) notOwner(lock, owner, site);
  w[lock.word + TICKET_OWNER] = 0;
  (w[cpuBase + CPU_PREEMPT] as number)--;
  return ((w[lock.word] as number) + 1) | 0;
}

export const ticketSpinLock: SpinLockKind = {
  name: 'ticket',
  lock(lock, site) {
    (memory.words[cpuBase + CPU_PREEMPT] as number)++;
    return ops.drawTicket(lock.word, cpu + 1, site);
  },
  unlock(lock, site) {
    return ops.give(lock.word, nextTicket(lock, site), RING_ALL, site);
  },
  lockIrqsave(lock, site) {
    (memory.words[cpuBase + CPU_PREEMPT] as number)++;
    return ops.drawTicketIrqsave(lock.word, cpu + 1, site);
  },
  unlockIrqrestore(lock, saved, site) {
    return ops.giveIrqrestore(lock.word, nextTicket(lock, site), RING_ALL, saved, site);
  },
  *trylock(lock, site) {
    const w = memory.words;
    const serving = yield* ops.load(lock.word, site);
    if ((yield* ops.cmpxchg(lock.word + TICKET_NEXT, serving, (serving + 1) | 0, site)) !== serving) return 0;
    (w[cpuBase + CPU_PREEMPT] as number)++;
    w[lock.word + TICKET_OWNER] = cpu + 1;
    if (hearing !== 0) emit(EV_LOCK_ACQUIRED, lock.word, 1 | LOCK_TRIED, site);
    return 1;
  },
  owner: (lock) => memory.words[lock.word + TICKET_OWNER] as number,
};

let kind: SpinLockKind = tasSpinLock;

/** Which kind all spinlocks of this machine are. */
export function bindSpinLocks(chosen: SpinLockKind): void {
  kind = chosen;
}

/** Takes the lock; the CPU waits for it, and takes interrupts meanwhile if they are on. */
export function spinLock(lock: SpinLock, site: Site): Kernel<void> {
  return kind.lock(lock, site);
}

/** Releases the lock, which this CPU must hold. */
export function spinUnlock(lock: SpinLock, site: Site): Kernel<void> {
  return kind.unlock(lock, site);
}

/** spin_lock_nested: of several locks of one class that are held together, `subclass` says which this one is in their order: 0, 1, … */
export function spinLockNested(lock: SpinLock, subclass: number, site: Site): Kernel<void> {
  if (listening !== 0) emit(EV_LOCK_NESTED, lock.word, subclass, site);
  return kind.lock(lock, site);
}

/** Takes the lock with interrupts off; gives the state to hand to spinUnlockIrqrestore. */
export function spinLockIrqsave(lock: SpinLock, site: Site): Kernel<number> {
  return kind.lockIrqsave(lock, site);
}

export function spinUnlockIrqrestore(lock: SpinLock, saved: number, site: Site): Kernel<void> {
  if (!irqsDisabled())
    report(
      'irq-unsafe',
      'I17',
      `CPU ${cpu} restores interrupts with ${wordName(lock.word)}, but they are already on`,
      site,
    );
  return kind.unlockIrqrestore(lock, saved, site);
}

/** Takes the lock and turns interrupts off; only where they are known to be on. */
export function spinLockIrq(lock: SpinLock, site: Site): Kernel<number> {
  if (irqsDisabled())
    report(
      'irq-unsafe',
      'I17',
      `CPU ${cpu} takes ${wordName(lock.word)} with spin_lock_irq while interrupts are already off: the unlock would turn them on`,
      site,
    );
  return kind.lockIrqsave(lock, site);
}

/** Releases the lock and turns interrupts on, whatever they were. */
export function spinUnlockIrq(lock: SpinLock, site: Site): Kernel<void> {
  return spinUnlockIrqrestore(lock, 1, site);
}

/** Takes the lock if it is free; gives 1 on success. */
export function spinTrylock(lock: SpinLock, site: Site): Kernel<number> {
  return kind.trylock(lock, site);
}

/** Asserts that this CPU holds the lock. */
export function lockdepAssertHeld(lock: SpinLock, site: Site): void {
  if (kind.owner(lock) !== cpu + 1) report('assertion', '', `CPU ${cpu} must hold ${wordName(lock.word)} here`, site);
}

/** CPU + 1 of the owner, 0 when free; for findings and quiescent points. */
export function spinLockOwner(lock: SpinLock): number {
  return kind.owner(lock);
}

/** Names of the spinlocks, and of the rwlocks held for writing, whose owner is this CPU. */
export function locksHeldByCpu(number: number): string[] {
  const names: string[] = [];
  eachLiveLock((word, name, type) => {
    if (type === 'spinlock' && kind.owner(new SpinLock(word)) === number + 1) names.push(name);
    if (type === 'rwlock' && memory.words[word] === -(number + 1)) names.push(name);
  });
  return names;
}

bindHeldSpinlocks(() => locksHeldByCpu(cpu));
