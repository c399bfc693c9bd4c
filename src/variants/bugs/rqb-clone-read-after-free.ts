/**
 * What is needed of a clone is read after it was freed.
 *
 *   CPU0 a clone ends                     CPU1 another request is cloned
 *   the clone goes back to the pool
 *                                         gets the same memory, and makes it a clone of its own
 *   was it a flush? whose?
 *
 * Memory that was freed cannot be read here, so the first row is enough.
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
  const tio = tioOf(clone);
  const md = MappedDevice.at(tio.md);
  const original = Request.at(tio.orig);
  yield* freeRqClone(clone);
  if (!blkBarrierRq(clone)) {
    yield* blkEndRequestAll(original, error);
    yield* seams.rqCompleted(md, true);
    return;
  }
  yield* flushCloneSays(md, error);
  yield* seams.rqCompleted(md, false);
}

export const rqbCloneReadAfterFree: Bug = {
  id: 'rqb-clone-read-after-free',
  title: 'Whether a clone is that of a flush is read after it was freed',
  commit: 'd0bcb8786532',
  seed: '002',
  preset: 'unified',
  swaps: { dmEndRequest },
  scenario: 'rq-suspend-order',
  suite: 'rq-mpath-flush',
  model: { kind: 'use-after-free', invariants: ['I14'] },
  real: { kind: 'use-after-free', invariants: ['I14'] },
};
