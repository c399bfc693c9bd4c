/**
 * The accounting of an I/O ends, and the suspender is woken, before the bio is on the pushback list.
 *
 *   CPU0 decPending, in an interrupt      CPU1 dmSuspend, noflush
 *   pending 1 -> 0, wake up
 *                                         pending is 0; lock; clear NOFLUSH; splice an empty pushback; unlock
 *                                         the suspend succeeds
 *   lock; NOFLUSH is clear: -EIO; unlock
 *   the bio fails, although a noflush suspend that succeeded covered it
 */
import { Bio, bioEndio } from '../../block/bio.ts';
import type { DmIo } from '../../core/dm-io.ts';
import { DM_ENDIO_REQUEUE } from '../../core/dm-target.ts';
import { freeIo } from '../../core/end-io.ts';
import type { MappedDevice } from '../../core/mapped-device.ts';
import { seams } from '../../core/seams.ts';
import type { Kernel } from '../../machine/kernel.ts';
import type { Bug } from '../bug.ts';

function* finishIo(md: MappedDevice, io: DmIo): Kernel<void> {
  const bio = Bio.at(io.bio);
  yield* seams.endIoAcct(md);
  if (io.error === DM_ENDIO_REQUEUE) yield* seams.parkPushback(md, io);
  const error = io.error;
  yield* freeIo(md, io);
  if (error !== DM_ENDIO_REQUEUE) yield* bioEndio(bio, error);
}

export const nfPushbackAfterWakeup: Bug = {
  id: 'nf-pushback-after-wakeup',
  title: 'The suspender is woken before the bio is on the pushback list',
  commit: '2e93ccc1933d',
  seed: '000',
  preset: 'unified',
  swaps: { finishIo },
  scenario: 'noflush',
  suite: 'noflush-pushback',
  model: { kind: 'wrong-error', invariants: ['I53'] },
  real: { kind: 'wrong-error', invariants: ['I53'] },
};
