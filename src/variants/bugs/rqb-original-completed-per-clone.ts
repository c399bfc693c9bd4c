/**
 * Each clone of a flush ends the original.
 *
 *   CPU0 a clone of the flush ends        CPU1 the other clone
 *   ends the original: the barrier goes on
 *                                         is under way: what it flushes is not durable
 *                                         ends, and ends the original a second time
 *
 * Shown with clones that are killed before they are mapped: those that a disk ends, end with the queue_lock of its queue held, where
 * the validator will not have the original's queue_lock taken (I19).
 */
import { blkEndRequestAll } from '../../block/end-request.ts';
import { blkBarrierRq, Request } from '../../block/request.ts';
import { blkRunQueue, RequestQueue } from '../../block/request-queue.ts';
import { DM_ENDIO_REQUEUE } from '../../core/device-mapper.ts';
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
  yield* freeRqClone(clone);
  if (barrier) yield* flushCloneSays(md, error);
  if (error !== DM_ENDIO_REQUEUE) yield* blkEndRequestAll(original, error);
  yield* seams.rqCompleted(md, !barrier);
}

/** A flush that no target wants back has been ended by its clones. */
function* dmRqBarrierWork(md: MappedDevice): Kernel<void> {
  yield* md.holders.get(HERE);
  const error = yield* seams.dmRqBarrier(md);
  const q = RequestQueue.at(md.queue);
  const flush = Request.at(md.flushRequest);
  md.flushRequest = 0;
  if (error === DM_ENDIO_REQUEUE) yield* seams.requeueFlush(q, flush);
  else yield* blkRunQueue(q);
  yield* seams.putInFlight(md);
}

export const rqbOriginalCompletedPerClone: Bug = {
  id: 'rqb-original-completed-per-clone',
  title: 'Each clone of a flush ends the request that they share',
  commit: 'd0bcb8786532',
  seed: '002',
  preset: 'unified',
  swaps: { dmEndRequest, dmRqBarrierWork },
  scenario: 'rq-flush-unmapped',
  suite: null,
  model: { kind: 'double-completion', invariants: ['I25'] },
  real: null,
};
