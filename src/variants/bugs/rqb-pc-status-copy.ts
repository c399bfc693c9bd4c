/**
 * The status of a clone is copied into its original, as for a packet command; the clones of a flush share theirs.
 *
 *   CPU0 a clone of the flush ends        CPU1 the other clone ends
 *   original->errors := clone->errors     original->errors := clone->errors
 *
 * They hold the queue_lock of different disks, so nothing orders the two.
 */
import { blkEndRequestAll } from '../../block/end-request.ts';
import { blkBarrierRq, Request } from '../../block/request.ts';
import { freeRqClone, tioOf } from '../../core/dm-rq-target-io.ts';
import { MappedDevice } from '../../core/mapped-device.ts';
import { flushCloneSays } from '../../core/rq-end.ts';
import { seams } from '../../core/seams.ts';
import type { Kernel } from '../../machine/kernel.ts';
import type { Bug } from '../bug.ts';

function* dmEndRequest(clone: Request, error: number): Kernel<void> {
  const barrier = blkBarrierRq(clone);
  const tio = tioOf(clone);
  const md = MappedDevice.at(tio.md);
  const original = Request.at(tio.orig);
  original.errors = clone.errors;
  yield* freeRqClone(clone);
  if (barrier) yield* flushCloneSays(md, error);
  else yield* blkEndRequestAll(original, error);
  yield* seams.rqCompleted(md, !barrier);
}

export const rqbPcStatusCopy: Bug = {
  id: 'rqb-pc-status-copy',
  title: 'The clones of a flush copy their status into the request that they share',
  commit: 'd0bcb8786532',
  seed: '002',
  preset: 'unified',
  swaps: { dmEndRequest },
  scenario: 'rq-flush-two-disks',
  suite: null,
  model: { kind: 'race', invariants: [''] },
  real: null,
};
