/**
 * How a task leaves its CPU on the real machine: until it may run again, or for one turn of the others.
 */
import { type Kernel, OP_SCHEDULE, type Op } from '../machine/kernel.ts';

/** One iterator for all sleeps of a CPU, so that none makes a generator. Announces at each step that the task leaves its CPU, and is done when `mayRun` says so. */
export function sleepUntil(mayRun: () => boolean): IterableIterator<Op, undefined> {
  const asleep: IteratorYieldResult<Op> = { done: false, value: OP_SCHEDULE };
  const awake: IteratorReturnResult<undefined> = { done: true, value: undefined };
  const iterator = {
    next: (): IteratorResult<Op, undefined> => (mayRun() ? awake : asleep),
    [Symbol.iterator]() {
      return iterator;
    },
  };
  return iterator;
}

/** A task that may go on stays ready, and the CPU comes back to it after the others that are. */
export function* giveTurn(): Kernel<void> {
  yield OP_SCHEDULE;
}
