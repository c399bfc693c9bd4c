/**
 * There is one list: what is pushed back joins what is deferred at once, at the tail.
 *
 *   CPU0 decPending, in an interrupt      CPU1 a submitter
 *                                         W2, the same sector: on deferred
 *   W1 comes back: on deferred, behind W2
 *   the resume maps W2 before W1, which is older
 *
 * 2.6.30-rc1 has one lock for the list and the test of the flag. Here pushback_lock stays what makes the test binding, so the
 * suspender clears the flag as ever; the pushback list is only passed through.
 */
import type { DmIo } from '../../core/dm-io.ts';
import { __noflushSuspending, appendPushback, refusePushback } from '../../core/end-io.ts';
import type { MappedDevice } from '../../core/mapped-device.ts';
import { EV_PUSHBACK_MERGE, emit, listening } from '../../machine/events.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { spinLock, spinLockIrqsave, spinUnlock, spinUnlockIrqrestore } from '../../shared/spinlock.ts';
import type { Bug } from '../bug.ts';

function* parkPushback(md: MappedDevice, io: DmIo): Kernel<void> {
  const saved = yield* spinLockIrqsave(md.pushbackLock, HERE);
  if (yield* __noflushSuspending(md)) {
    appendPushback(md, io);
    yield* spinLock(md.deferredLock, HERE);
    if (listening !== 0) emit(EV_PUSHBACK_MERGE, md.address, 0, HERE);
    md.deferred.mergeTail(md.pushback);
    yield* spinUnlock(md.deferredLock, HERE);
  } else refusePushback(md, io);
  yield* spinUnlockIrqrestore(md.pushbackLock, saved, HERE);
}

export const mergedListPushbackAtTail: Bug = {
  id: 'merged-list-pushback-at-tail',
  title: 'With one list, a bio that is pushed back goes to its tail',
  commit: '022c261100e1',
  seed: '000',
  preset: 'unified',
  swaps: { parkPushback },
  scenario: 'noflush-two',
  suite: 'noflush-pushback',
  model: { kind: 'reorder', invariants: ['I35', 'I36', 'I37'] },
  real: { kind: 'reorder', invariants: ['I35', 'I36', 'I37'] },
};
