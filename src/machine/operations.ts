/**
 * The operations that a machine offers; everything in shared/ and irq/ stands on them.
 *
 * One implementation per machine, bound once when the machine boots and never asked for per call: on real threads an
 * operation runs at once and returns an iterator that is already done; on the model machine it announces itself and runs
 * when the scheduler resumes the task. `word` is an index of 32-bit words into the machine's memory.
 *
 * A word that somebody can wait for owns the word behind it too: a bit for each CPU that waits.
 */
import type { ChoiceKind, Kernel, RingKind, RmwKind } from './kernel.ts';
import type { Site } from './site.ts';

/** The way out of an operation's fast path; `object` is handed through. */
export type SlowPath<O, T> = (object: O, site: Site) => Kernel<T>;

/** Offsets in a ticket lock: the next ticket to hand out; who holds it. */
export const TICKET_NEXT = 2;
export const TICKET_OWNER = 3;

export interface Operations {
  /** Reads a shared word. */
  load(word: number, site: Site): Kernel<number>;
  /** Writes a shared word. Nobody may be waiting for it (see `give`). */
  store(word: number, value: number, site: Site): Kernel<void>;
  /** Changes a shared word in one step; gives its old value. */
  rmw(word: number, how: RmwKind, value: number, site: Site): Kernel<number>;
  /** Stores `value` if the word is `expected`; gives the old value. */
  cmpxchg(word: number, expected: number, value: number, site: Site): Kernel<number>;
  /** Waits on its CPU until the word is 0, then sets it to `value`, which names the taker: finding its own name there is a self-deadlock. */
  take(word: number, value: number, site: Site): Kernel<void>;
  /** irqOff, then take; gives the saved interrupt state. The wait itself is with irqs off. */
  takeIrqsave(word: number, value: number, site: Site): Kernel<number>;
  /** Waits on its CPU until the word is not negative, then adds 1. `writer` is the value the word has when this CPU itself is the writer. */
  takeShared(word: number, writer: number, site: Site): Kernel<void>;
  /** Draws a ticket (TICKET_NEXT), waits on its CPU until the word is that ticket, then notes `value`, the taker (TICKET_OWNER), whose own name there is a self-deadlock. */
  drawTicket(word: number, value: number, site: Site): Kernel<void>;
  /** irqOff, then drawTicket; gives the saved interrupt state. The wait itself is with irqs off. */
  drawTicketIrqsave(word: number, value: number, site: Site): Kernel<number>;
  /** Stores and lets those go on who wait on their CPUs for this word. */
  give(word: number, value: number, ring: RingKind, site: Site): Kernel<void>;
  /** give, then irqOn(saved). */
  giveIrqrestore(word: number, value: number, ring: RingKind, saved: number, site: Site): Kernel<void>;
  /** Subtracts 1 and, at 0, lets those go on who wait: a reader's release. */
  giveShared(word: number, site: Site): Kernel<void>;
  /** A reader's way into a sleeping lock: adds `delta`, and says so, unless a bit of `mask` is set; in that case goes on with `slow(object)`. */
  tryAdd<O>(word: number, mask: number, delta: number, slow: SlowPath<O, void>, object: O, site: Site): Kernel<void>;
  /** Adds `delta`; if then (word & mask) is `expected`, goes on with `slow(object)`. */
  addThen<O>(
    word: number,
    delta: number,
    mask: number,
    expected: number,
    slow: SlowPath<O, void>,
    object: O,
    site: Site,
  ): Kernel<void>;
  /** Reads the word: if it is `skip`, runs `fast` and is done; else goes on with `slow(object)`. */
  loadThen<O>(
    word: number,
    skip: number,
    fast: ((object: O) => void) | null,
    slow: SlowPath<O, void>,
    object: O,
    site: Site,
  ): Kernel<void>;
  /** Interrupts of this CPU off; gives the state before: 1 if they were on. */
  irqOff(site: Site): Kernel<number>;
  /** Interrupts of this CPU as they were saved: 1 on, 0 off. */
  irqOn(saved: number, site: Site): Kernel<void>;
  /**
   * The running task leaves its CPU until its state is TASK_RUNNING, or it is interruptible with a signal pending. If that is so already,
   * the other tasks of its CPU that can run may do so first.
   */
  schedule(site: Site): Kernel<void>;
  /** One of 0 … count − 1. The scheduler decides on the model machine; seeded per CPU on threads. */
  choice(kind: ChoiceKind, count: number, site: Site): Kernel<number>;
  /** A step of a loop that waits for somebody else without a lock. */
  relax(site: Site): Kernel<void>;
  /** Interrupt actor only: waits until an alarm goes off (gives its address) or the mailbox word is no longer `seen` (gives 0). */
  nextAlarm(mailbox: number, seen: number, site: Site): Kernel<number>;
  /** The task in this run-queue slot has become TASK_RUNNING. */
  wake(cpu: number, slot: number): void;
  /** A task has been put into this run-queue slot. */
  spawned(cpu: number, slot: number): void;
  /** Something that this CPU may be waiting for has changed: a pending interrupt, a mailbox. */
  ring(cpu: number): void;
  /** Microseconds since the machine booted: the clock on threads, virtual on the model. */
  nowUs(): number;
}

/** The operations of the machine that this thread runs. */
export let ops: Operations;

/** Installs a machine's operations for this thread. */
export function bindOperations(operations: Operations): void {
  ops = operations;
}
