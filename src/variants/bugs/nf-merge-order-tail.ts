/**
 * What was pushed back is put behind what was deferred.
 *
 *   CPU0 dmSuspend, noflush               CPU1 a submitter
 *   W1 comes back: on pushback
 *                                         W2, the same sector: on deferred
 *   splice: W2, W1
 *   the resume maps W2 before W1, which is older
 */
import type { BioList } from '../../block/bio-list.ts';
import type { Bug } from '../bug.ts';

function joinPushback(deferred: BioList, pushback: BioList): void {
  deferred.mergeTail(pushback);
}

export const nfMergeOrderTail: Bug = {
  id: 'nf-merge-order-tail',
  title: 'Pushed-back bios are put behind deferred ones',
  commit: '2e93ccc1933d',
  seed: '000',
  preset: 'unified',
  swaps: { joinPushback },
  scenario: 'noflush-two',
  suite: 'noflush-pushback',
  model: { kind: 'reorder', invariants: ['I35', 'I36'] },
  real: { kind: 'reorder', invariants: ['I35', 'I36'] },
};
