/**
 * Who ends the last clone of a part puts the barrier on the deferred list, as it does with any bio.
 *
 *   CPU0 kdmflush                        CPU1 interrupts, in a noflush suspend
 *   flush
 *                                        it fails: barrier_error := -EIO
 *   the data
 *                                        it is handed back: the barrier is on the deferred list
 *   a flush; ends the barrier with -EIO  the barrier is mapped again after the resume
 */
import { type Bio, bioEndio } from '../../block/bio.ts';
import { makeBarrier } from '../../core/barrier.ts';
import { DM_ENDIO_REQUEUE } from '../../core/device-mapper.ts';
import type { DmIo } from '../../core/dm-io.ts';
import { endBarrierPart, freeIo } from '../../core/end-io.ts';
import type { MappedDevice } from '../../core/mapped-device.ts';
import { seams } from '../../core/seams.ts';
import type { Kernel } from '../../machine/kernel.ts';
import type { Bug } from '../bug.ts';

function* finishBarrierIo(md: MappedDevice, io: DmIo): Kernel<void> {
  if (io.error === DM_ENDIO_REQUEUE) yield* seams.parkPushback(md, io);
  const error = io.error;
  yield* freeIo(md, io);
  yield* seams.endIoAcct(md);
  yield* endBarrierPart(md, error);
}

/** What wants to be made again is on the list already. */
function* processBarrier(md: MappedDevice, bio: Bio): Kernel<boolean> {
  const error = yield* makeBarrier(md, bio);
  if (error === null || error === DM_ENDIO_REQUEUE) return false;
  yield* bioEndio(bio, error);
  return true;
}

export const bioBarrierRequeueInEndio: Bug = {
  id: 'bio-barrier-requeue-in-endio',
  title: 'A barrier is put on the deferred list by the end of a part, and ended by kdmflush',
  commit: '2761e95fe40c',
  seed: '002',
  preset: '2.6.33',
  swaps: { finishBarrierIo, processBarrier },
  scenario: 'bio-barrier-errors',
  suite: null,
  model: { kind: 'double-completion', invariants: ['I1'] },
  real: null,
};
