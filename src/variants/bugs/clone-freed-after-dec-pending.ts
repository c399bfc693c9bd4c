/**
 * A clone and its record are freed after dec_pending, into pools that may be gone by then.
 *
 *   CPU0 clone_endio                      CPU1 the opener
 *   dec_pending: bio_endio(bio)
 *                                         its bio has ended: close; remove: md and its pools are freed
 *   frees the clone: its pool is gone
 */
import type { Bio } from '../../block/bio.ts';
import { DmIo, DmTargetIo } from '../../core/dm-io.ts';
import { DM_ENDIO_INCOMPLETE } from '../../core/dm-target.ts';
import { askTarget, cloneEndIsHeard, decPending, freeTio, sayWhy } from '../../core/end-io.ts';
import { listening } from '../../machine/events.ts';
import type { Kernel } from '../../machine/kernel.ts';
import type { Bug } from '../bug.ts';

function* cloneEndio(clone: Bio, result: number): Kernel<void> {
  const tio = DmTargetIo.at(clone.private);
  const error = cloneEndIsHeard(tio) ? yield* askTarget(tio, clone, result) : result;
  if (error === DM_ENDIO_INCOMPLETE) return;
  const io = DmIo.at(tio.io);
  if (error !== 0 && listening !== 0) sayWhy(tio, io, error, result);
  yield* decPending(io, error);
  yield* freeTio(tio, clone);
}

export const cloneFreedAfterDecPending: Bug = {
  id: 'clone-freed-after-dec-pending',
  title: 'A clone is freed after dec_pending instead of before',
  commit: 'b35f8caa',
  seed: '000',
  preset: 'unified',
  swaps: { cloneEndio },
  scenario: 'last-close',
  suite: 'suspend',
  model: { kind: 'use-after-free', invariants: ['I14'] },
  real: { kind: 'use-after-free', invariants: ['I14'] },
};
