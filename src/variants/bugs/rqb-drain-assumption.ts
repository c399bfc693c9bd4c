/**
 * The queue gives its driver requests while a barrier's sequence is under way, whose turn it is not.
 *
 *   CPU0 kdmflush                         CPU1 a writer
 *   serves the flush of a barrier, waits
 *   until nothing is in flight
 *                                         submits: request_fn gets what is next, the write of the
 *                                         barrier itself or what came after it
 *   waits for that too; the write may be
 *   durable before what the flush is for
 *
 * The flush of a request-based device relies on the drain of its queue: it has none of its own.
 */
import type { Ordered } from '../../block/ordered.ts';
import { blkDoOrdered } from '../../block/ordered.ts';
import type { Request } from '../../block/request.ts';
import type { RequestQueue } from '../../block/request-queue.ts';
import { type Kernel, resolved } from '../../machine/kernel.ts';
import type { Bug } from '../bug.ts';

const doOrdered = (q: RequestQueue, rq: Request): Kernel<Ordered> =>
  q.ordseq === 0 ? blkDoOrdered(q, rq) : resolved({ rq, again: false });

export const rqbDrainAssumption: Bug = {
  id: 'rqb-drain-assumption',
  title: 'Requests are dispatched while a flush is under way',
  commit: 'd0bcb8786532',
  seed: '002',
  preset: 'unified',
  swaps: { doOrdered },
  scenario: 'rq-two-barriers',
  suite: null,
  model: { kind: 'reorder', invariants: ['I22'] },
  real: null,
};
