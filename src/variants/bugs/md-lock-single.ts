/**
 * One lock for suspend and for I/O: whoever freezes the file system holds it, and what the freeze writes wants it.
 *
 *   CPU0 a writer                         CPU1 dmSuspend
 *   a page is dirty
 *                                         md->lock for writing
 *                                         lock_fs writes the page: dm_request wants md->lock for reading
 *
 * Every order shows it, once the page is dirty. The model's io_lock is that lock; suspend_lock came with the repair and is held as well.
 */
import type { DmTable } from '../../core/dm-table.ts';
import type { MappedDevice } from '../../core/mapped-device.ts';
import { presuspendThenFreeze } from '../../core/suspend.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { downWrite, upWrite } from '../../shared/rw-semaphore.ts';
import type { Bug } from '../bug.ts';

function* beforeGate(md: MappedDevice, table: DmTable | null, lockfs: boolean, noflush: boolean): Kernel<number> {
  yield* downWrite(md.ioLock, HERE);
  const result = yield* presuspendThenFreeze(md, table, lockfs, noflush);
  yield* upWrite(md.ioLock, HERE);
  return result;
}

export const mdLockSingle: Bug = {
  id: 'md-lock-single',
  title: 'The file system is frozen with the lock held that I/O needs',
  commit: '2ca3310e7891',
  seed: '000',
  preset: '2.6.20',
  swaps: { beforeGate },
  scenario: 'freeze-dirty',
  suite: null,
  model: { kind: 'self-deadlock', invariants: ['I48'] },
  real: null,
};
