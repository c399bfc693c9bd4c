/**
 * The suspender reads pending before its state says that it sleeps: what a CPU does that reads ahead of its own store. Machines of
 * this kind have no store buffer, so here the two steps are swapped.
 *
 *   CPU0 dmSuspend              CPU1 the last I/O ends
 *   pending is 1
 *                               pending := 0; wake: CPU0's task is awake, nothing to do
 *   state := sleeping; sleeps for ever
 */
import type { MappedDevice } from '../../core/mapped-device.ts';
import { EINTR } from '../../machine/errno.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { current, setCurrentState, signalPending, TASK_INTERRUPTIBLE, TASK_RUNNING } from '../../shared/task.ts';
import { scheduleOn } from '../../shared/wait-queue.ts';
import type { Bug } from '../bug.ts';

function* sleepWithoutBarrier(md: MappedDevice, state: number): Kernel<number> {
  const task = current();
  let result = 0;
  for (;;) {
    const inFlight = yield* md.pending.read(HERE);
    yield* setCurrentState(state, HERE);
    if (inFlight === 0) break;
    if (state === TASK_INTERRUPTIBLE && (yield* signalPending(task, HERE)) !== 0) {
      result = -EINTR;
      break;
    }
    yield* scheduleOn(md.wait, HERE);
  }
  yield* setCurrentState(TASK_RUNNING, HERE);
  return result;
}

export const suspendWaitNoBarrier: Bug = {
  id: 'suspend-wait-no-barrier',
  title: 'The suspender reads pending before it sets its state',
  commit: '7e5c1e830b23',
  seed: '000',
  preset: '2.6.20',
  swaps: { waitForCompletion: sleepWithoutBarrier },
  scenario: 'drain',
  suite: 'suspend',
  model: { kind: 'lost-wakeup', invariants: ['I47'] },
  real: { kind: 'lost-wakeup', invariants: ['I47'] },
};
