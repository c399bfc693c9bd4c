/**
 * The error of a later clone replaces a REQUEUE, also while a noflush suspend is under way.
 *
 *   CPU0 clone_endio, REQUEUE             CPU1 clone_endio of the same bio, -EIO
 *   io.error := REQUEUE
 *                                         io.error := -EIO
 *   the bio ends with -EIO in the middle of a noflush suspend
 *
 * No two completions have to overlap: it shows in orders of whole ones too. The preset is that of dec-pending-error-rmw.ts, for its reason.
 */
import type { DmIo } from '../../core/dm-io.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { spinLockIrqsave, spinUnlockIrqrestore } from '../../shared/spinlock.ts';
import type { Bug } from '../bug.ts';

function* storeError(io: DmIo, error: number): Kernel<void> {
  const saved = yield* spinLockIrqsave(io.endioLock, HERE);
  io.error = error;
  yield* spinUnlockIrqrestore(io.endioLock, saved, HERE);
}

export const nfErrorOverridesRequeue: Bug = {
  id: 'nf-error-overrides-requeue',
  title: 'A later error of another clone replaces a recorded REQUEUE',
  commit: '2e93ccc1933d',
  seed: '000',
  preset: '2.6.20',
  swaps: { storeError },
  scenario: 'noflush-split',
  suite: 'noflush-pushback',
  model: { kind: 'wrong-error', invariants: ['I53'] },
  real: { kind: 'wrong-error', invariants: ['I53'] },
};
