/**
 * The file system is frozen in a noflush suspend too.
 *
 *   CPU0 fsync, or whoever has written        CPU1 dmSuspend, noflush and lockfs
 *   a page is dirty, the target has no path
 *                                             set NOFLUSH; presuspend: the target keeps nothing any more
 *                                             lock_fs: writes the page and waits for it
 *   the write comes back with REQUEUE, and is parked until the resume
 *                                             waits for ever, with suspend_lock held
 *
 * The oracle speaks as soon as the freeze begins; without it the machine ends in a deadlock.
 */
import type { Bug } from '../bug.ts';

export const nfLockfsUnderNoflush: Bug = {
  id: 'nf-lockfs-under-noflush',
  title: 'File system frozen in a noflush suspend',
  commit: '2e93ccc1933d',
  seed: '000',
  preset: 'unified',
  swaps: { mayFreeze: (lockfs) => lockfs },
  scenario: 'noflush-resize',
  suite: 'freeze',
  model: { kind: 'assertion', invariants: ['I33'] },
  real: { kind: 'assertion', invariants: ['I33'] },
};
