/**
 * A device is looked up by number, and the reference on it is taken after the lock has been dropped.
 *
 *   CPU0 dmsetup status                   CPU1 dmsetup remove
 *   _minor_lock; finds the device, which
 *   is not FREEING; unlock
 *                                         deleting := 1; the last put frees the device
 *   takes a reference on what was freed
 *
 * It does not help that the look-up refuses a device that is FREEING: that flag is set too late.
 */
import { minorLock } from '../../block/block-device.ts';
import { lookupMd } from '../../core/find-device.ts';
import { DMF_FREEING, MappedDevice } from '../../core/mapped-device.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { spinLock, spinUnlock } from '../../shared/spinlock.ts';
import type { Bug } from '../bug.ts';

function* findMd(minor: number): Kernel<MappedDevice | null> {
  yield* spinLock(minorLock, HERE);
  const bdev = lookupMd(minor);
  let md = bdev === null ? null : MappedDevice.at(bdev.private);
  if (md !== null && ((yield* md.flags.read(HERE)) & DMF_FREEING) !== 0) md = null;
  yield* spinUnlock(minorLock, HERE);
  if (md !== null) yield* md.holders.get(HERE);
  return md;
}

export const idrFindsDyingMd: Bug = {
  id: 'idr-finds-dying-md',
  title: 'A look-up by number gives a device that is being removed',
  commit: 'abdc568b0540',
  seed: '000',
  preset: 'unified',
  swaps: { findMd },
  scenario: 'status-remove',
  suite: null,
  model: { kind: 'use-after-free', invariants: ['I14', 'I15'] },
  real: null,
};
