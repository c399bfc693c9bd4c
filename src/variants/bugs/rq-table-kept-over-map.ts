/**
 * request_fn goes on with the table that it had begun with, whatever has happened while it mapped a request without queue_lock.
 *
 *   CPU0 request_fn                        CPU1
 *   maps a request, which ends elsewhere
 *                                          suspend: stops the queue, nothing is in flight
 *                                          swaps the tables; resume: starts the queue
 *   the queue is not stopped: maps
 *   the next one by the old table
 *
 * Found by the suite rq-mpath-flush on threads; no report is known. The old table is not freed meanwhile, since request_fn has a
 * reference on it.
 */
import type { Bug } from '../bug.ts';

export const rqTableKeptOverMap: Bug = {
  id: 'rq-table-kept-over-map',
  title: 'A request is mapped by a table that was replaced while another request was mapped',
  commit: '-',
  seed: '002',
  preset: 'unified',
  swaps: { isLive: () => true },
  scenario: 'rq-swap',
  suite: null,
  model: { kind: 'assertion', invariants: ['I10'] },
  real: null,
};
