/**
 * -EOPNOTSUPP is stored only if it comes first.
 *
 *   CPU0 a clone of the flush ends        CPU1 the other clone ends
 *   with -EIO: barrier_error := -EIO
 *                                         with -EOPNOTSUPP: there is an error already
 *   the flush comes to -EIO, and nobody learns that flushes are not supported
 *
 * No switch is needed: any order in which -EOPNOTSUPP is not the first shows it.
 */
import { DM_ENDIO_REQUEUE } from '../../core/device-mapper.ts';
import type { MappedDevice } from '../../core/mapped-device.ts';
import { EOPNOTSUPP } from '../../machine/errno.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { spinLockIrqsave, spinUnlockIrqrestore } from '../../shared/spinlock.ts';
import type { Bug } from '../bug.ts';

function* storeBarrierError(md: MappedDevice, error: number): Kernel<void> {
  const saved = yield* spinLockIrqsave(md.barrierErrorLock, HERE);
  const stored = md.barrierError;
  if (stored === 0 || (stored !== -EOPNOTSUPP && error === DM_ENDIO_REQUEUE)) md.barrierError = error;
  yield* spinUnlockIrqrestore(md.barrierErrorLock, saved, HERE);
}

export const rqbPrecedenceEopnotsupp: Bug = {
  id: 'rqb-precedence-eopnotsupp',
  title: 'A flush that is not supported does not replace an earlier error',
  commit: 'd0bcb8786532',
  seed: '002',
  preset: 'unified',
  swaps: { storeBarrierError },
  scenario: 'rq-flush-errors',
  suite: null,
  model: { kind: 'wrong-error', invariants: ['I43'] },
  real: null,
};
