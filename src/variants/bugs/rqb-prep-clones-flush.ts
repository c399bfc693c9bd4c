/**
 * A flush is prepared like any other request: it gets a clone.
 *
 *   CPU0 request_fn                       CPU1 kdmflush
 *   prep_fn makes a clone of the flush;
 *   hands the flush over
 *                                         makes the clones that the targets need, and ends the flush
 *   nobody has the first clone any more
 *
 * Nothing need happen at the same time.
 */
import { REQ_DONTPREP, type Request } from '../../block/request.ts';
import { BLKPREP_DEFER, BLKPREP_KILL, BLKPREP_OK, type RequestQueue } from '../../block/request-queue.ts';
import { cloneRqAtomic } from '../../core/dm-rq-target-io.ts';
import { MappedDevice } from '../../core/mapped-device.ts';
import { END_CLONE_REQUEST } from '../../core/rq-end.ts';
import type { Kernel } from '../../machine/kernel.ts';
import type { Bug } from '../bug.ts';

function* dmPrepFn(q: RequestQueue, rq: Request): Kernel<number> {
  if (rq.special !== 0) return BLKPREP_KILL;
  const clone = yield* cloneRqAtomic(MappedDevice.at(q.queuedata), rq, END_CLONE_REQUEST);
  if (clone === null) return BLKPREP_DEFER;
  rq.special = clone.handle;
  rq.cmdFlags |= REQ_DONTPREP;
  return BLKPREP_OK;
}

export const rqbPrepClonesFlush: Bug = {
  id: 'rqb-prep-clones-flush',
  title: 'A flush is given a clone like any other request',
  commit: 'd0bcb8786532',
  seed: '002',
  preset: 'unified',
  swaps: { dmPrepFn },
  scenario: 'rq-suspend-order',
  suite: 'rq-mpath-flush',
  model: { kind: 'leak', invariants: ['I29'] },
  real: { kind: 'leak', invariants: ['I29'] },
};
