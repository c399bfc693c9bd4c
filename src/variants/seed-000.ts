/**
 * What the patch of seed 000 had by nature, as posted for 2.6.19-rc6: mistakes that were found in it later.
 *
 *   noflush-query-puts-md      the query for NOFLUSH takes and drops a reference on the device, also while it is taken apart
 *   dec-pending-error-rmw      bugs/dec-pending-error-rmw.ts
 *   io-freed-after-endio       bugs/io-freed-after-endio.ts
 *   suspend-wait-no-barrier    pending is read before the task's state is set
 *   null-map-window-in-swap    the old table is unbound before the new one is bound
 *   io-beyond-table-end        a look-up beyond the last target gives what lies behind it
 *   nf-refused-in-success      core-2.6.20.ts, quiesceAskingLast
 *
 * docs/ARCHITECTURE.md has the list with what is not in it, and why.
 */
import { type DmTable, dmTableFindTarget, dmTableTarget } from '../core/dm-table.ts';
import type { DmTarget } from '../core/dm-target.ts';
import { __noflushSuspending } from '../core/end-io.ts';
import { __bind, __unbind, dmPut } from '../core/ioctl.ts';
import type { MappedDevice } from '../core/mapped-device.ts';
import { EINTR } from '../machine/errno.ts';
import type { Kernel } from '../machine/kernel.ts';
import { current, setCurrentState, signalPending, TASK_INTERRUPTIBLE, TASK_RUNNING } from '../shared/task.ts';
import { scheduleOn } from '../shared/wait-queue.ts';

/** dm_table_get_md and dm_put around the look at the flag. At the last dm_put there is no reference left to take. */
export function* noflushSuspendingWithReference(md: MappedDevice): Kernel<boolean> {
  yield* md.holders.get(HERE);
  const said = yield* __noflushSuspending(md);
  yield* dmPut(md);
  return said;
}

/**
 * What a CPU does that reads ahead of its own store, as a swap of the two: machines of this kind have no store buffer.
 *
 *   CPU0 dmSuspend              CPU1 the last I/O ends
 *   pending is 1
 *                               pending := 0; wake: CPU0's task is awake, nothing to do
 *   state := sleeping; sleeps for ever
 */
export function* sleepWithoutBarrier(md: MappedDevice, state: number): Kernel<number> {
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

/** Between the two the device has no table: status shows none, and whoever maps fails. */
export function* unbindThenBind(md: MappedDevice, table: DmTable): Kernel<void> {
  yield* __unbind(md);
  yield* __bind(md, table);
}

/** The index of the sector's target, or of the place behind the last one. */
export function findTargetUnchecked(table: DmTable, sector: number): DmTarget {
  return dmTableFindTarget(table, sector) ?? dmTableTarget(table, table.numTargets);
}
