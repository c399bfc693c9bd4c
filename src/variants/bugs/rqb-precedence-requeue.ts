/**
 * REQUEUE is stored only if it comes first.
 *
 *   CPU0 a clone of the flush ends        CPU1 the other clone ends
 *   with -EIO, from a path that dies:
 *   barrier_error := -EIO
 *                                         REQUEUE, for another path: there is an error already
 *   the flush fails, and would have been well the next time
 *
 * No switch is needed: any order in which REQUEUE comes after an error shows it.
 */
import type { MappedDevice } from '../../core/mapped-device.ts';
import { EOPNOTSUPP } from '../../machine/errno.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { spinLockIrqsave, spinUnlockIrqrestore } from '../../shared/spinlock.ts';
import type { Bug } from '../bug.ts';

function* storeBarrierError(md: MappedDevice, error: number): Kernel<void> {
  const saved = yield* spinLockIrqsave(md.barrierErrorLock, HERE);
  if (md.barrierError === 0 || error === -EOPNOTSUPP) md.barrierError = error;
  yield* spinUnlockIrqrestore(md.barrierErrorLock, saved, HERE);
}

export const rqbPrecedenceRequeue: Bug = {
  id: 'rqb-precedence-requeue',
  title: 'A flush that a target wants back does not replace an earlier error',
  commit: 'd0bcb8786532',
  seed: '002',
  preset: 'unified',
  swaps: { storeBarrierError },
  scenario: 'rq-flush-errors',
  suite: null,
  model: { kind: 'wrong-error', invariants: ['I43'] },
  real: null,
};
