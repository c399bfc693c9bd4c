/**
 * kdmflush goes round its loop without giving its CPU away.
 *
 *   CPU0 dmSuspend, noflush               CPU0 kdmflush
 *   sets NOFLUSH
 *   presuspend sleeps
 *                                         maps a deferred bio: the target hands it back
 *                                         puts it at the head of the deferred list
 *                                         maps it again, and again
 *   is woken, and would shut the gate, but never runs
 *
 * For a list at whose head nothing is put, a loop of that length only. Where the kernel is preempted the suspender gets its turn.
 */

import { resolved } from '../../machine/kernel.ts';
import type { Bug } from '../bug.ts';

export const wqWorkNoResched: Bug = {
  id: 'wq-work-no-resched',
  title: 'kdmflush maps what comes back to it at once and never gives way',
  commit: '0ca44fcef241',
  seed: '003',
  preset: '2.6.33',
  swaps: { afterDispatch: () => resolved(undefined) },
  scenario: 'noflush-slow-presuspend',
  suite: null,
  model: { kind: 'livelock', invariants: ['I48'] },
  real: null,
};
