/**
 * The suspender looks for a signal before it looks whether anything is in flight.
 *
 *   CPU0 dmSuspend                        CPU1
 *                                         sends a signal
 *   a signal: -EINTR, although pending is 0
 *
 * No kernel is known to have had it: this is what the order of the two tests in dm_wait_for_completion is for.
 */

import type { MappedDevice } from '../../core/mapped-device.ts';
import { dmWaitForCompletion } from '../../core/suspend.ts';
import { EINTR } from '../../machine/errno.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { current, signalPending, TASK_INTERRUPTIBLE } from '../../shared/task.ts';
import type { Bug } from '../bug.ts';

function* waitForCompletion(md: MappedDevice, state: number): Kernel<number> {
  if (state === TASK_INTERRUPTIBLE && (yield* signalPending(current(), HERE)) !== 0) return -EINTR;
  return yield* dmWaitForCompletion(md, state);
}

export const interruptedAlthoughDrained: Bug = {
  id: 'interrupted-although-drained',
  title: 'A signal interrupts a suspend although nothing is in flight',
  commit: '-',
  seed: '000',
  preset: 'unified',
  swaps: { waitForCompletion },
  scenario: 'signal-while-idle',
  suite: null,
  model: { kind: 'assertion', invariants: ['I50'] },
  real: null,
};
