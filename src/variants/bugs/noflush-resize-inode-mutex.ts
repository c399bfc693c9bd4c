/**
 * A noflush suspend gets the inode, and the bind that follows changes its size under i_mutex.
 *
 *   CPU0 fsync                                CPU1 suspend with noflush, resume with a new table
 *   takes i_mutex, writes, waits:
 *   the target has no path and keeps the bio
 *                                             noflush suspend: the bio is pushed back until the resume
 *                                             bind: size, waits for i_mutex
 *   waits for the resume                      waits for the fsync, with suspend_lock held
 *
 * bdget itself stalls in the same way, in the suspend, while somebody has I_LOCK of the inode.
 */
import { bdgetAlways, iSizeWriteUnderIMutex } from '../../core/bdev-policy.ts';
import type { Bug } from '../bug.ts';

export const noflushResizeInodeMutex: Bug = {
  id: 'noflush-resize-inode-mutex',
  title: 'Size of a device changed under i_mutex after a noflush suspend',
  commit: 'bfa152fa5e4d',
  seed: '004',
  preset: '2.6.20',
  swaps: { bdevPolicy: bdgetAlways, iSizeWrite: iSizeWriteUnderIMutex },
  scenario: 'noflush-resize',
  suite: 'freeze',
  model: { kind: 'deadlock', invariants: ['I51'] },
  real: { kind: 'deadlock', invariants: ['I51'] },
};
