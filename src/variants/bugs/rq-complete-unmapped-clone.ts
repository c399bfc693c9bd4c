/**
 * The end of a clone expects that all its bios have ended.
 *
 *   CPU0 request_fn                       CPU0 softirq
 *   the target has no path and does not
 *   queue: the clone is killed as it is
 *                                         the clone is done with, and has its bios: BUG
 *
 * Nothing need happen at the same time.
 */
import { blkEndRequestAll } from '../../block/end-request.ts';
import { blkBarrierRq, Request } from '../../block/request.ts';
import { freeRqClone, tioOf } from '../../core/dm-rq-target-io.ts';
import { MappedDevice } from '../../core/mapped-device.ts';
import { flushCloneSays } from '../../core/rq-end.ts';
import { seams } from '../../core/seams.ts';
import { bugOn } from '../../machine/finding.ts';
import type { Kernel } from '../../machine/kernel.ts';
import type { Bug } from '../bug.ts';

function* dmEndRequest(clone: Request, error: number): Kernel<void> {
  const barrier = blkBarrierRq(clone);
  const tio = tioOf(clone);
  const md = MappedDevice.at(tio.md);
  const original = Request.at(tio.orig);
  bugOn(clone.bioHead !== 0, 'the clone of a request ends before its bios');
  yield* freeRqClone(clone);
  if (barrier) yield* flushCloneSays(md, error);
  else yield* blkEndRequestAll(original, error);
  yield* seams.rqCompleted(md, !barrier);
}

export const rqCompleteUnmappedClone: Bug = {
  id: 'rq-complete-unmapped-clone',
  title: 'A clone that was never mapped ends with its bios',
  commit: 'a77e28c7e1dc',
  seed: '002',
  preset: 'unified',
  swaps: { dmEndRequest },
  scenario: 'rq-last-path',
  suite: null,
  model: { kind: 'assertion', invariants: [''] },
  real: null,
};
