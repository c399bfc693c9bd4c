/**
 * The type of every kernel function, and the kinds of operation it is made of.
 *
 * A function that returns `Kernel<T>` is called with `yield*`. The star is a claim: other CPUs and interrupts may run
 * inside the call. What comes back is a generator, or an iterator that is already done (real machine, nothing to wait
 * for), or the pending operation itself (model machine). Call sites look the same.
 */

/** What a starred call gives: an iterable that announces operations and ends with a value of type T. */
export type Kernel<T> = Iterable<Op, T, unknown>;

/** An announced operation; the machine keeps its details, kernel code only passes it up. */
export type Op = number;

export const OP_START = 0;
export const OP_LOAD = 1;
export const OP_STORE = 2;
export const OP_RMW = 3;
export const OP_CMPXCHG = 4;
/** Blocks while the word is not zero, then sets it: an exclusive lock. */
export const OP_TAKE = 5;
/** Blocks while the word is negative, then adds one: a reader's share of a lock. */
export const OP_TAKE_SHARED = 6;
/** Blocks until the word has a value: a ticket's turn. */
export const OP_WAIT_FOR = 7;
/** Stores, and lets those go on who wait for the word. */
export const OP_GIVE = 8;
export const OP_IRQ_OFF = 9;
export const OP_IRQ_ON = 10;
/** The task leaves its CPU until its state is TASK_RUNNING, or for a turn of the others. */
export const OP_SCHEDULE = 11;
export const OP_RELAX = 13;
/** The interrupt actor waits for the next alarm or for a new request in its mailbox. */
export const OP_NEXT_ALARM = 14;
/** Adds, unless one of the bits of a mask is set: the fast path of a sleeping lock. */
export const OP_TRY_ADD = 15;
/** Adds; what follows depends on the sum. */
export const OP_ADD_THEN = 16;

/** Reads; what follows depends on the value. */
export const OP_LOAD_THEN = 17;
/** Subtracts one: a reader gives its share of a lock back. */
export const OP_GIVE_SHARED = 18;

export const OP_NAMES: readonly string[] = [
  'start',
  'load',
  'store',
  'rmw',
  'cmpxchg',
  'take',
  'take-shared',
  'wait-for',
  'give',
  'irq-off',
  'irq-on',
  'schedule',
  'choice',
  'relax',
  'next-alarm',
  'try-add',
  'add-then',
  'load-then',
  'give-shared',
];

export const RMW_ADD = 0;
export const RMW_AND = 1;
export const RMW_OR = 2;
export const RMW_EXCHANGE = 3;
/** How a read-modify-write changes its word. */
export type RmwKind = 0 | 1 | 2 | 3;

export const RING_ONE = 0;
export const RING_ALL = 1;
/** Whom a `give` lets go on: one of those who wait (exclusive locks), or all (tickets, readers). */
export type RingKind = 0 | 1;

/** A choice that is not which CPU moves next. The number is the kind of thing chosen. */
export const CHOICE_LATENCY = 1;
export const CHOICE_SCENARIO = 2;
export const CHOICE_COMPLETION_CPU = 3;
/** Which armed alarm goes off next (model machine). */
export const CHOICE_COMPLETION = 4;
/** Whether an allocation fails: 0 it succeeds, 1 it fails. */
export const CHOICE_ALLOCATION = 5;
/** Why a sleeper goes on that nobody has woken: 0 a signal, 1 no reason (model machine). */
export const CHOICE_WAKE = 6;
/** Nothing can move: 0 the run is over, i the i-th sleeper is woken all the same (model machine). */
export const CHOICE_LATE = 7;
/** Whether a disk has written a cached sector back by itself: 0 not, 1 it has. */
export const CHOICE_WRITE_BACK = 8;
/** What a run may have of the budget for something that seldom happens: 0 all of it (model machine, `shareOf`). */
export const CHOICE_SELDOM = 9;
/** The same for what comes as it likes: 0 as often as the budget says, else less. */
export const CHOICE_LIMIT = 10;
export type ChoiceKind = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;

/** Whether it is about what may happen in a run, and none of what does. */
export const isAboutBudget = (kind: ChoiceKind): boolean => kind === CHOICE_SELDOM || kind === CHOICE_LIMIT;

const doneResult: IteratorReturnResult<unknown> = { done: true, value: undefined };

/** One class and one object for all calls that are done, so that every `yield*` sees the same thing and V8 inlines it. */
class Done {
  next(): IteratorReturnResult<unknown> {
    return doneResult;
  }
  [Symbol.iterator](): this {
    return this;
  }
}
const done = new Done();

/** A starred call that is already done: no operation, no generator. Consumed at once by `yield*`, so one object serves all. */
export function resolved<T>(value: T): Kernel<T> {
  doneResult.value = value;
  return done as unknown as Kernel<T>;
}

/** The iterator behind a starred call, for the machines that resume it. */
export function open<T>(call: Kernel<T>): Iterator<Op, T, unknown> {
  return call[Symbol.iterator]();
}
