/**
 * Which steps depend on each other: the order of two such steps can matter, the order of any others cannot. DPOR, POS, SURW and
 * the class of a run all stand on this one relation.
 *
 * Two steps depend on each other when
 *   they are of the same CPU: who runs there decides who can, interrupts and irq-off sections included; or
 *   they touch the same object, and do not both read it, nor both count it up, nor both down.
 *
 * Objects are words of memory:
 *
 *   operation                              touches
 *   load, load-then                        reads the word
 *   store, rmw, cmpxchg, add-then, try-add writes the word, even where a compare or a mask refuses it
 *   get and drop of a reference            count the word up or down, unless it is 0: then they write it
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
 * Two gets, or two drops, of one word do not depend on each other: they leave the same sum in either order, and learn nothing but that the
 * word was not 0. Who finds it 0 writes it, so who that is, is tried in all orders. A drop may become such a one because of a drop
 * before it: who keeps what a step would touch while others move has to ask `countsToZero` of them.
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
import { OP_ADD_THEN, OP_LOAD_THEN, OP_NEXT_ALARM, OP_SCHEDULE, OP_START, OP_STORE } from '../machine/kernel.ts';
import { memory, POISON } from '../shared/memory.ts';
import { lockTypeAt } from '../shared/struct-registry.ts';
import { WAIT_QUEUE_WORDS } from '../shared/wait-queue.ts';
import type { Cell } from './cell.ts';
import { CHANGES, GIVES, LOADS, LOCKS } from './kinds.ts';

/** All alarms together; a word that nobody uses. */
const ALARMS = 1;

/** What an access does to its object. */
export const READ = 0;
export const WRITE = 1;
export const COUNT_UP = 2;
export const COUNT_DOWN = 3;
/** So many there are. */
export const MODES = 4;

/** An access as a number: object × 4, + what it does. */
export const accessTo = (object: number, mode: number): number => (object << 2) | mode;
export const objectOf = (access: number): number => access >> 2;
export const modeOf = (access: number): number => access & 3;
/** Whether two accesses, of one object, leave the object alone or count it the same way. */
const agree = (a: number, b: number): boolean => a === b && modeOf(a) !== WRITE;

/** Where the head of a wait queue lies, from its lock. */
const QUEUE_HEAD = WAIT_QUEUE_WORDS - 1;
const IS_HEAD = 1;
const IS_NO_HEAD = 2;

const NOTHING = 0;
const READS = 1;
const WRITES = 2;
const COUNTS = 3;
const SLEEPS = 4;
const ALARMED = 5;

/** What an operation does, by its kind. */
const EFFECT = new Uint8Array(32).fill(NOTHING);
for (const kind of LOADS) EFFECT[kind] = READS;
// A start has word 0, unless it is an interrupt's.
for (const kind of [OP_START, OP_STORE, ...CHANGES, ...LOCKS, ...GIVES]) EFFECT[kind] = WRITES;
EFFECT[OP_ADD_THEN] = COUNTS;
EFFECT[OP_SCHEDULE] = SLEEPS;
EFFECT[OP_NEXT_ALARM] = ALARMED;

/** After this step the next one that counts the same way would find the word 0. */
export const countsToZero = (cell: Cell): boolean => cell.countsReferences && memory.words[cell.word] === -cell.value;

/** What an add-then does to its word. */
function countOf(cell: Cell): number {
  const now = memory.words[cell.word] as number;
  if (!cell.countsReferences || now === 0 || now === POISON) return WRITE;
  return cell.value > 0 ? COUNT_UP : COUNT_DOWN;
}

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
      this.#touch(cell.word, effect === READS ? READ : WRITE);
      if (cell.kind === OP_LOAD_THEN && this.#isQueueHead(cell.word))
        this.list[this.count++] = accessTo(cell.word - QUEUE_HEAD, READ);
    } else if (effect === COUNTS) {
      this.#touch(cell.word, countOf(cell));
    } else if (effect === SLEEPS) {
      this.#touch(cell.stateWord, WRITE);
      this.#touch(cell.signalWord, WRITE);
    } else {
      this.#touch(cell.word, READ);
      this.list[this.count++] = accessTo(ALARMS, WRITE);
    }
  }

  /** Whether a word is the head of a wait queue. */
  #isQueueHead(word: number): boolean {
    if (this.#queueHeads[word] === 0)
      this.#queueHeads[word] = lockTypeAt(word - QUEUE_HEAD) === 'wait-queue' ? IS_HEAD : IS_NO_HEAD;
    return this.#queueHeads[word] === IS_HEAD;
  }

  #touch(word: number, mode: number): void {
    if (word === 0) return;
    this.list[this.count++] = accessTo(word, mode);
    const slot = this.#slots[word] as number;
    if (slot !== 0) this.list[this.count++] = accessTo(slot, READ);
    if (this.#alarms[word] !== 0) this.list[this.count++] = accessTo(ALARMS, mode);
  }

  /** Whether the step that was looked at last and one with these accesses touch something in common. */
  meets(others: readonly number[]): boolean {
    for (let i = 0; i < this.count; i++) {
      const own = this.list[i] as number;
      for (const other of others) if (objectOf(own) === objectOf(other) && !agree(own, other)) return true;
    }
    return false;
  }

  /** The accesses, copied. */
  copy(): number[] {
    return Array.from(this.list.subarray(0, this.count));
  }
}

/** Whether two lists of accesses have an object in common that they do not agree about. */
export function meet(a: readonly number[], b: readonly number[]): boolean {
  for (const one of a) for (const other of b) if (objectOf(one) === objectOf(other) && !agree(one, other)) return true;
  return false;
}
