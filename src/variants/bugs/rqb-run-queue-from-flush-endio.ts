/**
 * The end of a flush's clone runs the queue of the device.
 *
 *   CPU0 interrupt of the disk, which       CPU1 kdmflush
 *   holds the queue_lock of its queue
 *   a clone of the flush ends: pending is 0
 *                                           ends the flush: it is the barrier's turn
 *   runs the queue of the device: maps the barrier
 *   to the disk, takes its queue_lock again
 *
 * No CPU holds two queue_locks (I19); the validator speaks when the second is taken, whatever comes of it.
 */
import { blkEndRequestAll } from '../../block/end-request.ts';
import { blkBarrierRq, Request } from '../../block/request.ts';
import { freeRqClone, tioOf } from '../../core/dm-rq-target-io.ts';
import { MappedDevice } from '../../core/mapped-device.ts';
import { flushCloneSays } from '../../core/rq-end.ts';
import { seams } from '../../core/seams.ts';
import type { Kernel } from '../../machine/kernel.ts';
import type { Bug } from '../bug.ts';
import { runQueueAtOnce } from '../seed-002.ts';

function* dmEndRequest(clone: Request, error: number): Kernel<void> {
  const barrier = blkBarrierRq(clone);
  const tio = tioOf(clone);
  const md = MappedDevice.at(tio.md);
  const original = Request.at(tio.orig);
  yield* freeRqClone(clone);
  if (barrier) yield* flushCloneSays(md, error);
  else yield* blkEndRequestAll(original, error);
  yield* seams.rqCompleted(md, true);
}

export const rqbRunQueueFromFlushEndio: Bug = {
  id: 'rqb-run-queue-from-flush-endio',
  title: "The end of a flush's clone runs the queue of the device",
  commit: 'd0bcb8786532',
  seed: '002',
  preset: 'unified',
  swaps: { dmEndRequest, runQueue: runQueueAtOnce },
  scenario: 'rq-last-barrier',
  suite: null,
  model: { kind: 'lock-order', invariants: ['I16', 'I19'] },
  real: null,
};
