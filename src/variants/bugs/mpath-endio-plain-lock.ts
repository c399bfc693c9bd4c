/**
 * end_io takes m->lock and leaves interrupts as they are.
 *
 *   CPU0 kmultipathd, interrupts on       CPU0 interrupt of a disk
 *   a queued clone is given up: end_io
 *   takes m->lock
 *                                         another clone has failed: end_io
 *                                         spins on m->lock for ever
 */
import type { Kernel } from '../../machine/kernel.ts';
import { spinLock, spinUnlock } from '../../shared/spinlock.ts';
import { __withoutPaths } from '../../targets/multipath/end-io.ts';
import type { Multipath } from '../../targets/multipath/multipath.ts';
import type { Bug } from '../bug.ts';

function* withoutPaths(m: Multipath): Kernel<number> {
  yield* spinLock(m.lock, HERE);
  const answer = yield* __withoutPaths(m);
  yield* spinUnlock(m.lock, HERE);
  return answer;
}

export const mpathEndioPlainLock: Bug = {
  id: 'mpath-endio-plain-lock',
  title: 'end_io of multipath takes its lock with interrupts on',
  commit: '640eb3b0456f',
  seed: '000',
  preset: 'unified',
  swaps: {},
  multipath: { withoutPaths },
  scenario: 'mpath-last-path',
  suite: null,
  model: { kind: 'self-deadlock', invariants: ['I48'], or: { kind: 'irq-unsafe', invariants: ['I17'] } },
  real: null,
};
