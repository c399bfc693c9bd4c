/**
 * The noflush flag is tested before pushback_lock is taken, and the bio appended inside.
 *
 *   CPU0 decPending, in an interrupt      CPU1 dmSuspend, interrupted by a signal
 *   NOFLUSH_SUSPENDING is set: yes
 *                                         lock; clear NOFLUSH; splice pushback; unlock
 *                                         dispatch what was deferred, return -EINTR
 *   lock; append to pushback; unlock
 *   nobody looks at pushback until some later noflush suspend
 */

import type { DmIo } from '../../core/dm-io.ts';
import { __noflushSuspending, appendPushback, refusePushback } from '../../core/end-io.ts';
import type { MappedDevice } from '../../core/mapped-device.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { spinLockIrqsave, spinUnlockIrqrestore } from '../../shared/spinlock.ts';
import type { Bug } from '../bug.ts';

function* parkPushback(md: MappedDevice, io: DmIo): Kernel<void> {
  if (!(yield* __noflushSuspending(md))) {
    refusePushback(md, io);
    return;
  }
  const saved = yield* spinLockIrqsave(md.pushbackLock, HERE);
  appendPushback(md, io);
  yield* spinUnlockIrqrestore(md.pushbackLock, saved, HERE);
}

export const nfCheckThenQueueUnlocked: Bug = {
  id: 'nf-check-then-queue-unlocked',
  title: 'Noflush flag tested without the list lock before a bio is pushed back',
  commit: '2e93ccc1933d',
  seed: '000',
  preset: 'unified',
  swaps: { parkPushback },
  scenario: 'interrupted-noflush',
  suite: 'interrupted-suspend',
  model: { kind: 'lost-bio', invariants: ['I8', 'I45'] },
  real: { kind: 'lost-bio', invariants: ['I8', 'I45'] },
};
