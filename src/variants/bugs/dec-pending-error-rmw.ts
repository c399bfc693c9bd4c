/**
 * io.error is tested and stored without a lock, so a REQUEUE gets lost.
 *
 *   CPU0 clone_endio, -EIO                CPU1 clone_endio of the same bio, REQUEUE
 *   io.error is 0: not pushed back yet
 *                                         io.error := REQUEUE, io_count 2 -> 1
 *   io.error := -EIO, io_count 1 -> 0
 *   the bio ends with -EIO in the middle of a noflush suspend
 *
 * In unified a split bio has a dm_io for each piece unless kdmflush maps it, so the preset is that of the time. The two accesses
 * of io.error are those of the patch; there the field is as unguarded as here.
 */
import { DmIo } from '../../core/dm-io.ts';
import { __noflushSuspending } from '../../core/end-io.ts';
import { MappedDevice } from '../../core/mapped-device.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { Marked } from '../../shared/word.ts';
import type { Bug } from '../bug.ts';

const ERROR = DmIo.offsetOf('error');

function* storeError(io: DmIo, error: number): Kernel<void> {
  const field = new Marked(io.address + ERROR);
  if ((yield* field.read(HERE)) > 0 && (yield* __noflushSuspending(MappedDevice.at(io.md)))) return;
  yield* field.write(error, HERE);
}

export const decPendingErrorRmw: Bug = {
  id: 'dec-pending-error-rmw',
  title: 'dec_pending tests and stores io->error without a lock',
  commit: 'f88fb981183e',
  seed: '000',
  preset: '2.6.20',
  swaps: { storeError },
  scenario: 'noflush-split',
  suite: 'noflush-pushback',
  model: { kind: 'wrong-error', invariants: ['I53'] },
  real: { kind: 'wrong-error', invariants: ['I53'] },
};
