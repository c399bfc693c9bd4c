/**
 * dec_pending parks a bio as a submitter would, with a lock whose release turns interrupts on.
 *
 *   CPU0 an interrupt: interrupts are off
 *   the last clone ends, and its target wants the I/O back:
 *   spin_lock_irq; append the bio; spin_unlock_irq: interrupts are on, inside the handler and under whatever lock it holds
 *
 * In the kernel the lock was that of the deferred list, which queue_io takes; here what is wanted back has a list of its own.
 */
import type { DmIo } from '../../core/dm-io.ts';
import { __noflushSuspending, appendPushback, refusePushback } from '../../core/end-io.ts';
import type { MappedDevice } from '../../core/mapped-device.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { spinLockIrq, spinUnlockIrq } from '../../shared/spinlock.ts';
import type { Bug } from '../bug.ts';

function* parkPushback(md: MappedDevice, io: DmIo): Kernel<void> {
  yield* spinLockIrq(md.pushbackLock, HERE);
  if (yield* __noflushSuspending(md)) appendPushback(md, io);
  else refusePushback(md, io);
  yield* spinUnlockIrq(md.pushbackLock, HERE);
}

export const queueIoEnablesIrqs: Bug = {
  id: 'queue-io-enables-irqs',
  title: 'A bio is parked in an interrupt with a lock whose release turns interrupts on',
  commit: '05447420f99c',
  seed: '002',
  preset: 'unified',
  swaps: { parkPushback },
  scenario: 'noflush',
  suite: null,
  model: { kind: 'irq-unsafe', invariants: ['I17'] },
  real: null,
};
