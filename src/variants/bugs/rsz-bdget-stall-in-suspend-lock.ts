/**
 * A noflush suspend gets the inode of the device's file, which may mean to wait for it.
 *
 *   CPU0 write-back                           CPU1 suspend with noflush, resume with a new table
 *   takes I_LOCK, writes, waits:
 *   the target has no path and keeps the bio
 *                                             presuspend: the bio is pushed back until the resume
 *                                             bdget: waits for I_LOCK, with suspend_lock held
 *   waits for the resume                      nobody can resume
 */
import { bdgetAlways } from '../../core/bdev-policy.ts';
import type { Bug } from '../bug.ts';

export const rszBdgetStallInSuspendLock: Bug = {
  id: 'rsz-bdget-stall-in-suspend-lock',
  title: 'A noflush suspend waits for the inode with suspend_lock held',
  commit: 'bfa152fa5e4d',
  seed: '004',
  preset: '2.6.20',
  swaps: { bdevPolicy: bdgetAlways },
  scenario: 'noflush-writeback',
  suite: 'freeze',
  model: { kind: 'deadlock', invariants: ['I51'] },
  real: { kind: 'deadlock', invariants: ['I51'] },
};
