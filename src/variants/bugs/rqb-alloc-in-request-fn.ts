/**
 * request_fn flushes the targets itself.
 *
 *   CPU0 request_fn: interrupts are off, queue_lock is held
 *   takes a flush, allocates a clone: the pool is empty, so it sleeps until a request ends,
 *   which needs an interrupt on this CPU, or this queue_lock
 */
import { blkStartRequest } from '../../block/elevator.ts';
import { __blkEndRequestAll } from '../../block/end-request.ts';
import type { Request } from '../../block/request.ts';
import type { RequestQueue } from '../../block/request-queue.ts';
import type { MappedDevice } from '../../core/mapped-device.ts';
import { seams } from '../../core/seams.ts';
import type { Kernel } from '../../machine/kernel.ts';
import type { Bug } from '../bug.ts';

function* handToKdmflush(q: RequestQueue, md: MappedDevice, rq: Request): Kernel<void> {
  md.flushRequest = rq.handle;
  blkStartRequest(q, rq);
  const error = yield* seams.dmRqBarrier(md);
  md.flushRequest = 0;
  yield* __blkEndRequestAll(q, rq, error);
}

export const rqbAllocInRequestFn: Bug = {
  id: 'rqb-alloc-in-request-fn',
  title: 'The clones of a flush are allocated in request_fn',
  commit: 'd0bcb8786532',
  seed: '002',
  preset: 'unified',
  swaps: { handToKdmflush },
  scenario: 'rq-last-barrier',
  suite: null,
  model: { kind: 'sleep-in-atomic', invariants: ['I18'] },
  real: null,
};
