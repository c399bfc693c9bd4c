/**
 * request_fn goes on after a target has wanted a request back, and finds that request at the head of the queue again.
 *
 *   CPU0 request_fn, interrupts off       CPU1 noflush suspend
 *   map_rq: no path, REQUEUE              presuspend is over
 *   the request is at the head again
 *   map_rq: no path, REQUEUE              waits for queue_lock, to stop the queue
 *   … for as long as CPU1 does not get it
 *
 * Two requests are needed: with one the queue is empty when it comes back, which plugs the queue.
 */
import type { Bug } from '../bug.ts';

export const rqRequeueBusyLoop: Bug = {
  id: 'rq-requeue-busy-loop',
  title: 'A request that a target wants back is mapped again and again with interrupts off',
  commit: '9eef87da2a8e',
  seed: '002',
  preset: 'unified',
  swaps: { leaveAfterRequeue: false },
  scenario: 'rq-mpath-two',
  suite: 'rq-suspend',
  model: { kind: 'livelock', invariants: ['I52'] },
  real: { kind: 'livelock', invariants: ['I52'] },
};
