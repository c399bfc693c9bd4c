/**
 * Suspend waits for kdmflush before it stops the request queue.
 *
 *   CPU0 dmSuspend                        CPU1 request_fn
 *   flush_workqueue: nothing to wait for
 *                                         takes a flush, queues barrier_work
 *   stops the queue; pending is 0
 *   suspended; the table may be swapped
 *   (kdmflush) maps clones to the targets of a suspended device
 */

import { RequestQueue } from '../../block/request-queue.ts';
import type { MappedDevice } from '../../core/mapped-device.ts';
import { stopQueue } from '../../core/rq-queue.ts';
import { flushWorkqueue, Workqueue } from '../../irq/workqueue.ts';
import type { Kernel } from '../../machine/kernel.ts';
import type { Bug } from '../bug.ts';

function* stopAndFlush(md: MappedDevice): Kernel<void> {
  yield* flushWorkqueue(Workqueue.at(md.wq), HERE);
  if (md.queue !== 0) yield* stopQueue(RequestQueue.at(md.queue));
}

export const rqbFlushwqBeforeStop: Bug = {
  id: 'rqb-flushwq-before-stop',
  title: 'Suspend flushes the work queue before it stops the request queue',
  commit: 'd0bcb8786532',
  seed: '002',
  preset: 'unified',
  swaps: { stopAndFlush },
  scenario: 'rq-suspend-order',
  suite: 'rq-suspend',
  model: { kind: 'assertion', invariants: ['I9', 'I10', 'I46'] },
  real: { kind: 'assertion', invariants: ['I9', 'I10', 'I46'] },
};
