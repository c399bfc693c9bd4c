/**
 * Clones of a flush are completed through their original, as those of ordinary requests are. It is one for all of them.
 *
 *   CPU0 a clone of the flush ends        CPU1 the other clone ends
 *   original->completion_data := this one
 *   COMPLETE was clear: raises the softirq
 *                                         original->completion_data := that one
 *                                         COMPLETE is set: somebody has raised the softirq
 *   the softirq finishes whichever is in completion_data; the other one never ends
 */
import { blkCompleteRequest } from '../../block/blk-softirq.ts';
import { Request } from '../../block/request.ts';
import { DmRqTargetIo, tioOf } from '../../core/dm-rq-target-io.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { Marked } from '../../shared/word.ts';
import type { Bug } from '../bug.ts';

const ERROR = DmRqTargetIo.offsetOf('error');
const COMPLETION_DATA = Request.offsetOf('completionData');

function* dmCompleteRequest(clone: Request, error: number): Kernel<void> {
  const tio = tioOf(clone);
  const original = Request.at(tio.orig);
  yield* new Marked(tio.address + ERROR).write(error, HERE);
  yield* new Marked(original.address + COMPLETION_DATA).write(clone.handle, HERE);
  yield* blkCompleteRequest(original, HERE);
}

export const rqbSoftirqOnSharedOriginal: Bug = {
  id: 'rqb-softirq-on-shared-original',
  title: 'Clones of a flush wait for the softirq in the place of the one original that they share',
  commit: 'd0bcb8786532',
  seed: '002',
  preset: 'unified',
  swaps: { dmCompleteRequest },
  scenario: 'rq-flush-two-disks',
  suite: null,
  model: { kind: 'deadlock', invariants: ['I48'] },
  real: null,
};
