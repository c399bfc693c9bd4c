/**
 * That a clone of a flush was not mapped is noted in the original, which is the other clones' too.
 *
 *   CPU0 kdmflush                         CPU1 the disk
 *   the target refuses the first clone:
 *   original->cmd_flags |= REQ_FAILED
 *   maps the second clone
 *                                         ends it: not mapped, says the original, so the target
 *                                         does not hear of it, and waits for it ever after
 */
import { blkBarrierRq, REQ_FAILED, Request } from '../../block/request.ts';
import { tioOf } from '../../core/dm-rq-target-io.ts';
import { dmCompleteRequest as completeRequest, dmDone } from '../../core/rq-end.ts';
import { seams } from '../../core/seams.ts';
import type { Kernel } from '../../machine/kernel.ts';
import type { Bug } from '../bug.ts';

function* dmKillUnmappedRequest(clone: Request, error: number): Kernel<void> {
  Request.at(tioOf(clone).orig).cmdFlags |= REQ_FAILED;
  yield* seams.dmCompleteRequest(clone, error);
}

function* dmCompleteRequest(clone: Request, error: number): Kernel<void> {
  if (!blkBarrierRq(clone)) yield* completeRequest(clone, error);
  else yield* dmDone(clone, error, (Request.at(tioOf(clone).orig).cmdFlags & REQ_FAILED) === 0);
}

export const rqbKillFlagShared: Bug = {
  id: 'rqb-kill-flag-shared',
  title: 'One clone of a flush that was not mapped makes all of them look so',
  commit: 'd0bcb8786532',
  seed: '002',
  preset: 'unified',
  swaps: { dmKillUnmappedRequest, dmCompleteRequest },
  scenario: 'rq-flush-map',
  suite: null,
  model: { kind: 'leak', invariants: [''] },
  real: null,
};
