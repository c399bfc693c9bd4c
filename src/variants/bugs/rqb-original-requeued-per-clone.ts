/**
 * Each clone of a flush that a target wants back requeues the original.
 *
 *   kdmflush: the first clone             kdmflush: the second clone
 *   the target says REQUEUE: unprep,
 *   blk_requeue_request(original)
 *                                         the target says REQUEUE: the same once more, with a
 *                                         request that is on its queue
 *
 * With one such clone kdmflush does it once more. Or request_fn finds the original on the queue between the two, and brings kdmflush a
 * flush while that is still at the first (I21).
 */
import { blkRequeueRequest } from '../../block/elevator.ts';
import { blkBarrierRq, type Request } from '../../block/request.ts';
import { blkPlugDevice, elvQueueEmpty, RequestQueue } from '../../block/request-queue.ts';
import { DM_ENDIO_REQUEUE } from '../../core/device-mapper.ts';
import { tioOf } from '../../core/dm-rq-target-io.ts';
import { MappedDevice } from '../../core/mapped-device.ts';
import { dmUnprepRequest, flushCloneSays } from '../../core/rq-end.ts';
import { seams } from '../../core/seams.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { spinLockIrqsave, spinUnlockIrqrestore } from '../../shared/spinlock.ts';
import type { Bug } from '../bug.ts';

function* dmRequeueUnmappedRequest(clone: Request): Kernel<void> {
  const tio = tioOf(clone);
  const md = MappedDevice.at(tio.md);
  const barrier = blkBarrierRq(clone);
  const original = yield* dmUnprepRequest(clone);
  if (barrier) yield* flushCloneSays(md, DM_ENDIO_REQUEUE);
  const q = RequestQueue.at(original.queue);
  const saved = yield* spinLockIrqsave(q.queueLock, HERE);
  if (elvQueueEmpty(q)) yield* blkPlugDevice(q);
  yield* blkRequeueRequest(q, original);
  yield* spinUnlockIrqrestore(q.queueLock, saved, HERE);
  yield* seams.rqCompleted(md, false);
}

export const rqbOriginalRequeuedPerClone: Bug = {
  id: 'rqb-original-requeued-per-clone',
  title: 'Each clone of a flush that is wanted back requeues the request that they share',
  commit: 'd0bcb8786532',
  seed: '002',
  preset: 'unified',
  swaps: { dmRequeueUnmappedRequest },
  scenario: 'rq-flush-map',
  suite: null,
  model: {
    kind: 'double-completion',
    invariants: ['I25'],
    or: { kind: 'assertion', invariants: ['I21'] },
  },
  real: null,
};
