/**
 * What a target hands back goes to the deferred list at once, under io_lock, which sleeps.
 *
 *   CPU0 a submitter, or nobody           an interrupt: the end of a bio
 *   maps, with io_lock held for reading
 *                                         the target hands the bio back: down_write(io_lock) in an interrupt
 *
 * Shows in every run in which a bio is handed back: nobody may sleep there, whether the lock is free or not.
 */
import { Bio } from '../../block/bio.ts';
import type { DmIo } from '../../core/dm-io.ts';
import { __noflushSuspending, refusePushback } from '../../core/end-io.ts';
import type { MappedDevice } from '../../core/mapped-device.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { downWrite, upWrite } from '../../shared/rw-semaphore.ts';
import type { Bug } from '../bug.ts';

function* parkPushback(md: MappedDevice, io: DmIo): Kernel<void> {
  yield* downWrite(md.ioLock, HERE);
  if (yield* __noflushSuspending(md)) md.deferred.add(Bio.at(io.bio));
  else refusePushback(md, io);
  yield* upWrite(md.ioLock, HERE);
}

export const nfDeferredUnderIolockInIrq: Bug = {
  id: 'nf-deferred-under-iolock-in-irq',
  title: 'A completion puts the bio on the deferred list itself, under io_lock',
  commit: '2e93ccc1933d',
  seed: '000',
  preset: '2.6.20',
  swaps: { parkPushback },
  scenario: 'noflush',
  suite: 'noflush-pushback',
  model: { kind: 'sleep-in-atomic', invariants: ['I18'] },
  real: { kind: 'sleep-in-atomic', invariants: ['I18'] },
};
