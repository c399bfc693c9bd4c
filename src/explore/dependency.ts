/**
 * Which steps depend on each other: the order of two such steps can matter, the order of any others cannot. DPOR, POS, SURW and
 * the class of a run all stand on this one relation.
 *
 * Two steps depend on each other when
 *   they are of the same CPU: who runs there decides who can, interrupts and irq-off sections included; or
 *   they touch the same object, and one of them at least writes it.
 *
 * Objects are words of memory:
 *
 *   operation                              touches
 *   load, load-then                        reads the word
 *   store, rmw, cmpxchg, add-then, try-add writes the word, even where a compare or a mask refuses it
 *   take, take-shared, wait-for            writes the word of the lock
 *   give, give-shared                      writes the word of the lock
 *   schedule                               writes the task's state and its pending signal
 *   next-alarm                             reads the mailbox, writes ALARMS
 *   irq-off, irq-on, relax, start          nothing beyond its CPU
 *   an interrupt enters                    writes the pending word of its CPU
 *
 *   and: each access to the state of an alarm is one to ALARMS, since the interrupt actor looks at all of them;
 *        a look at whether a wait queue is empty (wakeUp) reads the queue's lock, under which that word changes without an
 *        operation;
 *        each access to a word in a slot reads the slot, and freeing the slot, which is known only afterwards, writes it.
 *
 * What is left out, and why it may be:
 *   plain fields          the lock that guards them orders their steps. Where it does not, the race detector speaks, and nothing
 *                         that was concluded from this relation holds for that program
 *   taking a slot         other addresses, but the same behaviour; a kind of object that is used up to the last slot is an error
 *                         of the scenario
 *   data choices          0 is always possible, and the budget allows a set of answers in any order or in none
 *   the clock             virtual time counts steps; only the delay target looks at it, and only to tell which bio is due
 */
import { Alarm } from '../irq/alarm.ts';
import { OP_LOAD_THEN, OP_NEXT_ALARM, OP_SCHEDULE, OP_START, OP_STORE } from '../machine/kernel.ts';
import { memory } from '../shared/memory.ts';
import { lockTypeAt } from '../shared/struct-registry.ts';
import { WAIT_QUEUE_WORDS } from '../shared/wait-queue.ts';
import type { Cell } from './cell.ts';
import { CHANGES, GIVES, LOADS, LOCKS } from './kinds.ts';

/** All alarms together; a word that nobody uses. */
const ALARMS = 1;

/** An access as a number: object × 2, + 1 when it is written. */
export const accessTo = (object: number, writes: number): number => (object << 1) | writes;
export const objectOf = (access: number): number => access >> 1;
export const isWrite = (access: number): boolean => (access & 1) !== 0;

/** Where the head of a wait queue lies, from its lock. */
const QUEUE_HEAD = WAIT_QUEUE_WORDS - 1;
const IS_HEAD = 1;
const IS_NO_HEAD = 2;

const NOTHING = 0;
const READS = 1;
const WRITES = 2;
const SLEEPS = 3;
const ALARMED = 4;

/** What an operation does, by its kind. */
const EFFECT = new Uint8Array(32).fill(NOTHING);
for (const kind of LOADS) EFFECT[kind] = READS;
// A start has word 0, unless it is an interrupt's.
for (const kind of [OP_START, OP_STORE, ...CHANGES, ...LOCKS, ...GIVES]) EFFECT[kind] = WRITES;
EFFECT[OP_SCHEDULE] = SLEEPS;
EFFECT[OP_NEXT_ALARM] = ALARMED;

/** The accesses of steps, in the memory that is bound. */
export class Accesses {
  /** Those of the step that was looked at last. */
  readonly list = new Int32Array(8);
  count = 0;
  /** For each word the address of the slot that it lies in, or 0. */
  readonly #slots: Int32Array;
  /** 1 for the state word of an alarm. */
  readonly #alarms: Uint8Array;

  /** IS_HEAD for the first entry of a wait queue, 0 as long as nobody has asked. */
  readonly #queueHeads: Uint8Array;

  constructor() {
    const { plan } = memory;
    if (plan === null) throw new Error('no memory is bound');
    this.#slots = new Int32Array(plan.size);
    this.#alarms = new Uint8Array(plan.size);
    this.#queueHeads = new Uint8Array(plan.size);
    const state = Alarm.offsetOf('state');
    for (const { name, firstSlot, slots, slotWords } of plan.slabs.values())
      for (let slot = 0, address = firstSlot; slot < slots; slot++, address += slotWords) {
        this.#slots.fill(address, address, address + slotWords);
        if (name === Alarm.name) this.#alarms[address + state] = 1;
      }
  }

  /** Looks at a pending operation. */
  of(cell: Cell): void {
    this.count = 0;
    const effect = EFFECT[cell.kind] as number;
    if (effect === NOTHING) return;
    if (effect <= WRITES) {
      this.#touch(cell.word, effect - READS);
      if (cell.kind === OP_LOAD_THEN && this.#isQueueHead(cell.word))
        this.list[this.count++] = accessTo(cell.word - QUEUE_HEAD, 0);
    } else if (effect === SLEEPS) {
      this.#touch(cell.stateWord, 1);
      this.#touch(cell.signalWord, 1);
    } else {
      this.#touch(cell.word, 0);
      this.list[this.count++] = accessTo(ALARMS, 1);
    }
  }

  /** Whether a word is the head of a wait queue. */
  #isQueueHead(word: number): boolean {
    if (this.#queueHeads[word] === 0)
      this.#queueHeads[word] = lockTypeAt(word - QUEUE_HEAD) === 'wait-queue' ? IS_HEAD : IS_NO_HEAD;
    return this.#queueHeads[word] === IS_HEAD;
  }

  #touch(word: number, writes: number): void {
    if (word === 0) return;
    this.list[this.count++] = accessTo(word, writes);
    const slot = this.#slots[word] as number;
    if (slot !== 0) this.list[this.count++] = accessTo(slot, 0);
    if (this.#alarms[word] !== 0) this.list[this.count++] = accessTo(ALARMS, writes);
  }

  /** Whether the step that was looked at last and one with these accesses touch something in common. */
  meets(others: readonly number[]): boolean {
    for (let i = 0; i < this.count; i++) {
      const own = this.list[i] as number;
      for (const other of others) if (own >> 1 === other >> 1 && ((own | other) & 1) !== 0) return true;
    }
    return false;
  }

  /** The accesses, copied. */
  copy(): number[] {
    return Array.from(this.list.subarray(0, this.count));
  }
}

/** Whether two lists of accesses have an object in common that one of them writes. */
export function meet(a: readonly number[], b: readonly number[]): boolean {
  for (const one of a) for (const other of b) if (one >> 1 === other >> 1 && ((one | other) & 1) !== 0) return true;
  return false;
}
