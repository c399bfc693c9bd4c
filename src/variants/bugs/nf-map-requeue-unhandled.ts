/**
 * REQUEUE as the answer of a target's map is not taken for an end of the clone.
 *
 *   CPU0 a submitter                      CPU1 dmSuspend, noflush
 *                                         set NOFLUSH; presuspend: the target keeps nothing any more
 *   map says REQUEUE: not below 0, so nothing is done; io_count keeps the clone
 *                                         waits for pending, which never reaches 0
 */
import type { Bug } from '../bug.ts';

export const nfMapRequeueUnhandled: Bug = {
  id: 'nf-map-requeue-unhandled',
  title: 'REQUEUE from map is not handled like an error',
  commit: '2e93ccc1933d',
  seed: '000',
  preset: 'unified',
  swaps: { mapHasEnded: (said) => said < 0 },
  scenario: 'noflush-held',
  suite: 'noflush-pushback',
  model: { kind: 'deadlock', invariants: ['I49'] },
  real: { kind: 'deadlock', invariants: ['I49'] },
};
