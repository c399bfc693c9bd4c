/**
 * The destructor does not wait for the work item that makes an event.
 *
 *   CPU0 the resume that replaces the table   CPU1 a message
 *   postsuspend has waited for kmultipathd
 *                                             the path has failed: an event is to be made
 *   the multipath is destroyed
 *                                             kmultipathd: the work item is gone
 *
 * The kernel's item was on the system's work queue, which the destructor did not flush; here it is on kmultipathd.
 */
import { resolved } from '../../machine/kernel.ts';
import type { Bug } from '../bug.ts';

export const mpathEventWorkAfterFree: Bug = {
  id: 'mpath-event-work-after-free',
  title: 'A multipath is freed while the work item for its events is queued',
  commit: '53b351f972a8',
  seed: '000',
  preset: 'unified',
  swaps: {},
  multipath: { flushBeforeFree: () => resolved(undefined) },
  scenario: 'mpath-message',
  suite: null,
  model: { kind: 'use-after-free', invariants: ['I14'] },
  real: null,
};
