/**
 * The file system is frozen before multipath is told not to queue any more.
 *
 *   CPU0 a writer                             CPU1 dmSuspend
 *   a page is dirty, and no path is left
 *                                             lock_fs writes the page, multipath queues it
 *                                             waits for it; presuspend would come next
 *
 * Every order shows it, once the page is dirty.
 */
import type { DmTable } from '../../core/dm-table.ts';
import { prepareSuspend } from '../../core/lock-fs.ts';
import type { MappedDevice } from '../../core/mapped-device.ts';
import { seams } from '../../core/seams.ts';
import { enterPhase } from '../../core/suspend.ts';
import type { Kernel } from '../../machine/kernel.ts';
import type { Bug } from '../bug.ts';

function* beforeGate(md: MappedDevice, table: DmTable | null, lockfs: boolean, noflush: boolean): Kernel<number> {
  enterPhase(md, 'freeze');
  const result = yield* prepareSuspend(md, lockfs, noflush);
  if (result !== 0) return result;
  enterPhase(md, 'presuspend');
  yield* seams.presuspend(md, table, noflush);
  return 0;
}

export const mpathFreezeBeforeNoqueue: Bug = {
  id: 'mpath-freeze-before-noqueue',
  title: 'The file system is frozen before multipath stops queueing',
  commit: '436d41087d04',
  seed: '000',
  preset: 'unified',
  swaps: { beforeGate },
  scenario: 'mpath-freeze',
  suite: null,
  model: { kind: 'deadlock', invariants: ['I48'] },
  real: null,
};
