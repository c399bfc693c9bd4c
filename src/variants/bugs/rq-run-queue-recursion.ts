/**
 * The clone of a request ends where the disk ends it, which may be inside the disk's request_fn, and the queue is run there.
 *
 *   CPU0 request_fn of the device, inside         CPU1
 *   request_fn of the disk: holds its queue_lock
 *   the disk ends the clone
 *                                                 adds a second request to the device
 *   runs the queue of the device: maps the second
 *   to the disk, takes its queue_lock again
 *
 * What a8c32a5c9894 made harmless for drivers that let go of their queue_lock: there a softirq may come in between, and ran the queue
 * at once. A driver here keeps it while it ends a request, so the clone skips the softirq too. What is reported comes before the queue is
 * run, in any order: the original's queue_lock is taken under the disk's (I19), whoever else is there. Without that rule the search finds
 * the deadlock itself (test/core/rq-proofs.test.ts).
 */
import { blkBarrierRq, REQ_FAILED, Request } from '../../block/request.ts';
import { tioOf } from '../../core/dm-rq-target-io.ts';
import { dmDone } from '../../core/rq-end.ts';
import type { Kernel } from '../../machine/kernel.ts';
import type { Bug } from '../bug.ts';
import { runQueueAtOnce } from '../seed-002.ts';

function* dmCompleteRequest(clone: Request, error: number): Kernel<void> {
  const failed = (Request.at(tioOf(clone).orig).cmdFlags & REQ_FAILED) !== 0;
  yield* dmDone(clone, error, blkBarrierRq(clone) || !failed);
}

export const rqRunQueueRecursion: Bug = {
  id: 'rq-run-queue-recursion',
  title: 'The clone of a request ends inside the request_fn of the disk, and runs the queue of the device',
  commit: 'a8c32a5c9894',
  seed: '002',
  preset: 'unified',
  swaps: { dmCompleteRequest, runQueue: runQueueAtOnce },
  scenario: 'rq-inline',
  suite: null,
  model: { kind: 'lock-order', invariants: ['I16', 'I19'] },
  real: null,
};
