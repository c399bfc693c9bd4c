/**
 * A noflush suspend that fails for want of an inode leaves what was pushed back where it is.
 *
 *   CPU0 the target, told by presuspend       CPU1 dmSuspend, noflush
 *                                             set NOFLUSH; presuspend
 *   hands its bio back: REQUEUE
 *   the bio is on the pushback list
 *                                             bdget fails: clear NOFLUSH, return −ENOMEM
 *   the device is active, and nobody looks at the list
 *
 * A failure that also leaves NOFLUSH set is another bug (nf-error-exit-leaks-flag), so the flag is cleared here.
 */
import { bdgetAlways } from '../../core/bdev-policy.ts';
import { DMF_NOFLUSH_SUSPENDING, type MappedDevice } from '../../core/mapped-device.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { spinLockIrqsave, spinUnlockIrqrestore } from '../../shared/spinlock.ts';
import type { Bug } from '../bug.ts';

function* flushAndOut(md: MappedDevice): Kernel<void> {
  const saved = yield* spinLockIrqsave(md.pushbackLock, HERE);
  yield* md.flags.clear(DMF_NOFLUSH_SUSPENDING, HERE);
  yield* spinUnlockIrqrestore(md.pushbackLock, saved, HERE);
}

export const nfErrorExitSkipsFlush: Bug = {
  id: 'nf-error-exit-skips-flush',
  title: 'Failed noflush suspend returns without letting go what was pushed back',
  commit: '2e93ccc1933d',
  seed: '000',
  preset: '2.6.20',
  swaps: { flushAndOut, bdevPolicy: bdgetAlways },
  scenario: 'failed-bdget',
  suite: 'failed-suspend',
  model: { kind: 'lost-bio', invariants: ['I8', 'I45'] },
  real: { kind: 'lost-bio', invariants: ['I8', 'I45'] },
};
