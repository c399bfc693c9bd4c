/**
 * A barrier takes what was pushed back for what has ended.
 *
 *   CPU0 kdmflush                        CPU1 decPending of an older write, in a noflush suspend
 *   takes a barrier, waits for pending
 *                                        the write is at the head of the deferred list; pending := 0
 *   flushes, writes, flushes
 *   the barrier ends
 *                                        the write is mapped after the resume: behind the barrier
 *
 * Reasoned out from the code of 2.6.33; no report of it is known.
 */
import { resolved } from '../../machine/kernel.ts';
import type { Bug } from '../bug.ts';

export const barrierOverPushback: Bug = {
  id: 'barrier-over-pushback',
  title: 'A barrier overtakes an older bio that a noflush suspend has taken back',
  commit: '-',
  seed: '002',
  preset: '2.6.33',
  swaps: { barrierMayGoOn: () => resolved(true) },
  scenario: 'bio-barrier-noflush',
  suite: 'barrier',
  model: { kind: 'reorder', invariants: ['I40'] },
  real: { kind: 'reorder', invariants: ['I40'] },
};
