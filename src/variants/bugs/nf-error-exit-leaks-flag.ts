/**
 * A noflush suspend that fails for want of an inode lets go what was pushed back, and leaves NOFLUSH set.
 *
 *   CPU0 the target                           CPU1 dmSuspend, noflush
 *                                             set NOFLUSH; presuspend; bdget fails; splice, dispatch, return −ENOMEM
 *   its path is lost: is a noflush suspend under way? yes: REQUEUE
 *   the bio is on the pushback list, and nobody looks at it
 *
 * Shows on sequential orders too: the flag is wrong as soon as the suspend returns.
 */
import { bdgetAlways } from '../../core/bdev-policy.ts';
import type { MappedDevice } from '../../core/mapped-device.ts';
import { seams } from '../../core/seams.ts';
import { EV_PUSHBACK_MERGE, emit, listening } from '../../machine/events.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { downWrite, upWrite } from '../../shared/rw-semaphore.ts';
import { spinLockIrqsave, spinUnlockIrqrestore } from '../../shared/spinlock.ts';
import type { Bug } from '../bug.ts';
import { __flushDeferredIo } from '../core-2.6.20.ts';

function* flushAndOut(md: MappedDevice): Kernel<void> {
  yield* downWrite(md.ioLock, HERE);
  const saved = yield* spinLockIrqsave(md.pushbackLock, HERE);
  if (listening !== 0) emit(EV_PUSHBACK_MERGE, md.address, 0, HERE);
  seams.joinPushback(md.deferred, md.pushback);
  yield* spinUnlockIrqrestore(md.pushbackLock, saved, HERE);
  yield* __flushDeferredIo(md);
  yield* upWrite(md.ioLock, HERE);
}

export const nfErrorExitLeaksFlag: Bug = {
  id: 'nf-error-exit-leaks-flag',
  title: 'Failed noflush suspend leaves NOFLUSH set',
  commit: '2e93ccc1933d',
  seed: '000',
  preset: '2.6.20',
  swaps: { flushAndOut, bdevPolicy: bdgetAlways },
  scenario: 'failed-bdget',
  suite: 'failed-suspend',
  model: { kind: 'assertion', invariants: ['I7'] },
  real: { kind: 'assertion', invariants: ['I7'] },
};
