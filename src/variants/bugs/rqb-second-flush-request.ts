/**
 * kdmflush ends a flush while the slot that request_fn puts flushes in still has it.
 *
 *   CPU0 kdmflush                         CPU1 request_fn
 *   ends the flush: the barrier is over
 *                                         takes the next barrier, and its flush:
 *                                         md->flush_request is not empty, BUG
 *   md->flush_request := NULL
 */
import { blkEndRequestAll } from '../../block/end-request.ts';
import { Request } from '../../block/request.ts';
import { blkRunQueue, RequestQueue } from '../../block/request-queue.ts';
import { DM_ENDIO_REQUEUE } from '../../core/device-mapper.ts';
import { MappedDevice } from '../../core/mapped-device.ts';
import { seams } from '../../core/seams.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { Marked } from '../../shared/word.ts';
import type { Bug } from '../bug.ts';

const FLUSH_REQUEST = MappedDevice.offsetOf('flushRequest');

function* dmRqBarrierWork(md: MappedDevice): Kernel<void> {
  yield* md.holders.get(HERE);
  const error = yield* seams.dmRqBarrier(md);
  const q = RequestQueue.at(md.queue);
  const flush = Request.at(md.flushRequest);
  if (error === DM_ENDIO_REQUEUE) yield* seams.requeueFlush(q, flush);
  else yield* blkEndRequestAll(flush, error);
  yield* new Marked(md.address + FLUSH_REQUEST).write(0, HERE);
  if (error !== DM_ENDIO_REQUEUE) yield* blkRunQueue(q);
  yield* seams.putInFlight(md);
}

export const rqbSecondFlushRequest: Bug = {
  id: 'rqb-second-flush-request',
  title: 'A flush ends before its slot is free',
  commit: 'd0bcb8786532',
  seed: '002',
  preset: 'unified',
  swaps: { dmRqBarrierWork },
  scenario: 'rq-two-barriers',
  suite: null,
  model: { kind: 'assertion', invariants: ['I21'] },
  real: null,
};
