/**
 * NOFLUSH is set after the targets have been told to flush what they hold.
 *
 *   CPU0 dmSuspend, noflush               the target, in its presuspend or a worker that it wakes
 *   presuspend of all targets
 *                                         queueing is off; is a noflush suspend under way? no
 *                                         what was held ends with -EIO
 *   NOFLUSH := 1
 */
import { type DmTable, dmTablePresuspendTargets } from '../../core/dm-table.ts';
import type { MappedDevice } from '../../core/mapped-device.ts';
import { setNoflush } from '../../core/suspend.ts';
import type { Kernel } from '../../machine/kernel.ts';
import type { Bug } from '../bug.ts';

function* presuspend(md: MappedDevice, table: DmTable | null, noflush: boolean): Kernel<void> {
  if (table !== null) yield* dmTablePresuspendTargets(table);
  if (noflush) yield* setNoflush(md);
}

export const nfFlagAfterPresuspend: Bug = {
  id: 'nf-flag-after-presuspend',
  title: "NOFLUSH is set after the targets' presuspend",
  commit: '2e93ccc1933d',
  seed: '000',
  preset: 'unified',
  swaps: { presuspend },
  scenario: 'noflush-held',
  suite: 'noflush-pushback',
  model: { kind: 'wrong-error', invariants: ['I53'] },
  real: { kind: 'wrong-error', invariants: ['I53'] },
};
