/**
 * A device that is removed is thawed if it has its inode, whether it was frozen or not.
 *
 *   suspend without lockfs: the inode is had, nothing is frozen
 *   remove: thaw_bdev; in 2.6.20 that raises the mount semaphore a second time, and two may mount at once
 *
 * Shows on sequential orders too. The semaphore is not modelled: the count of 2.6.33, which is here, refuses a thaw too many, so the oracle
 * speaks as the thaw begins.
 */
import { thaw } from '../../core/lock-fs.ts';
import type { MappedDevice } from '../../core/mapped-device.ts';
import type { Kernel } from '../../machine/kernel.ts';
import type { Bug } from '../bug.ts';

function* thawAtRemoval(md: MappedDevice): Kernel<void> {
  if (md.suspendedBdev !== 0) yield* thaw(md);
}

export const thawWithoutFreeze: Bug = {
  id: 'thaw-without-freeze',
  title: 'A removed device is thawed although it was not frozen',
  commit: 'ae9da83f6d80',
  seed: '000',
  preset: '2.6.20',
  swaps: { thawAtRemoval },
  scenario: 'remove-suspended',
  suite: null,
  model: { kind: 'assertion', invariants: ['I33'] },
  real: null,
};
