/**
 * A task's sleep on the real machine: one iterator for all sleeps of a CPU, so that none makes a generator.
 */
import { OP_SCHEDULE, type Op } from '../machine/kernel.ts';

/** Announces at each step that the task leaves its CPU, and is done when `mayRun` says so. */
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
