/**
 * pushback_lock is taken in process context with interrupts on.
 *
 *   CPU0 dmSuspend, interrupted by a signal       an interrupt on CPU0: the end of a bio
 *   lock pushback_lock
 *                                                 NOFLUSH is set: the target hands the bio back
 *                                                 lock pushback_lock: its owner is the task below, which cannot go on
 */
import { DMF_NOFLUSH_SUSPENDING, type MappedDevice } from '../../core/mapped-device.ts';
import { seams } from '../../core/seams.ts';
import { EV_PUSHBACK_MERGE, emit, listening } from '../../machine/events.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { spinLock, spinUnlock } from '../../shared/spinlock.ts';
import type { Bug } from '../bug.ts';

function* mergePushback(md: MappedDevice): Kernel<void> {
  yield* spinLock(md.pushbackLock, HERE);
  yield* md.flags.clear(DMF_NOFLUSH_SUSPENDING, HERE);
  if (listening !== 0) emit(EV_PUSHBACK_MERGE, md.address, 0, HERE);
  seams.joinPushback(md.deferred, md.pushback);
  yield* spinUnlock(md.pushbackLock, HERE);
}

export const nfPushbackLockIrqsOn: Bug = {
  id: 'nf-pushback-lock-irqs-on',
  title: 'pushback_lock taken in process context with interrupts on',
  commit: '2e93ccc1933d',
  seed: '000',
  preset: '2.6.20',
  swaps: { mergePushback },
  scenario: 'interrupted-one',
  suite: null,
  model: { kind: 'self-deadlock', invariants: ['I48'], or: { kind: 'irq-unsafe', invariants: ['I17'] } },
  real: null,
};
