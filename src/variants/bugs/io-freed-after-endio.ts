/**
 * The dm_io is freed after the bio has ended, into a pool that may be gone by then.
 *
 *   CPU0 decPending                       CPU1 the opener
 *   bio_endio(bio)
 *                                         its bio has ended: close; remove: md and its pools are freed
 *   free_io(md, io): md is gone
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
  if (io.error === DM_ENDIO_REQUEUE) yield* seams.parkPushback(md, io);
  yield* seams.endIoAcct(md);
  if (io.error !== DM_ENDIO_REQUEUE) yield* bioEndio(Bio.at(io.bio), io.error);
  yield* freeIo(md, io);
}

export const ioFreedAfterEndio: Bug = {
  id: 'io-freed-after-endio',
  title: 'dm_io freed after bio_endio instead of before',
  commit: 'a97f925a32aa',
  seed: '000',
  preset: 'unified',
  swaps: { finishIo },
  scenario: 'last-close',
  suite: 'suspend',
  model: { kind: 'use-after-free', invariants: ['I14'] },
  real: { kind: 'use-after-free', invariants: ['I14'] },
};
