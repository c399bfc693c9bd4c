/**
 * A bio that has been pushed back is ended as well.
 *
 *   CPU0 decPending                       CPU1 suspend, resume
 *   the bio is on the pushback list
 *                                         splice; resume: the bio is mapped again
 *   bio_endio(bio)
 *                                         the bio ends a second time
 *
 * Shows in every run in which a bio is handed back: the first end is one too many already.
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
  if (io.error === DM_ENDIO_REQUEUE) yield* seams.parkPushback(md, io);
  const error = io.error;
  yield* seams.endIoAcct(md);
  yield* freeIo(md, io);
  yield* bioEndio(bio, error);
}

export const nfCompleteAndPushBack: Bug = {
  id: 'nf-complete-and-push-back',
  title: 'A bio that is pushed back is ended too',
  commit: '2e93ccc1933d',
  seed: '000',
  preset: 'unified',
  swaps: { finishIo },
  scenario: 'noflush',
  suite: 'noflush-pushback',
  model: { kind: 'double-completion', invariants: ['I1'] },
  real: { kind: 'double-completion', invariants: ['I1'] },
};
