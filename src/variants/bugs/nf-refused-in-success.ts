/**
 * After a signal the suspender takes back what was pushed back first, and asks only then whether something is still in flight.
 *
 *   CPU0 dmSuspend, after a signal            CPU1 decPending of the last bio, REQUEUE
 *   clear NOFLUSH, splice pushback
 *                                             NOFLUSH is clear: −EIO; pending := 0
 *   pending is 0: not interrupted, return 0
 *
 * The order of the patch as it was posted and released; the search has found it there.
 */
import type { Bug } from '../bug.ts';
import { quiesceAskingLast } from '../core-2.6.20.ts';

export const nfRefusedInSuccess: Bug = {
  id: 'nf-refused-in-success',
  title: 'A noflush suspend succeeds although it has refused a bio',
  commit: '2e93ccc1933d',
  seed: '000',
  preset: '2.6.20',
  swaps: { quiesce: quiesceAskingLast },
  scenario: 'interrupted-noflush',
  suite: null,
  model: { kind: 'wrong-error', invariants: ['I53'] },
  real: null,
};
