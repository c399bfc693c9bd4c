/**
 * A multipath says that it is busy while I/O has to be queued, which only a map can change.
 *
 *   a new table: I/O is queued until a group is chosen, and activated
 *   request_fn asks busy: it is; the request stays on the queue of the device
 *   map would have chosen the group and had it activated
 *
 * Shows on sequential orders too. The queue is asked again and again, each time the unplug timer has run.
 */
import { type Kernel, resolved } from '../../machine/kernel.ts';
import type { Multipath } from '../../targets/multipath/multipath.ts';
import { busy } from '../../targets/multipath/request.ts';
import type { Bug } from '../bug.ts';

const busyWhileQueueing = (m: Multipath): Kernel<number> => (m.queueIo !== 0 ? resolved(1) : busy(m));

export const mpathBusyBlocksItself: Bug = {
  id: 'mpath-busy-blocks-itself',
  title: 'A multipath that must activate a group is busy until it has been asked to map',
  commit: '-',
  seed: '002',
  preset: 'unified',
  swaps: {},
  multipath: { busy: busyWhileQueueing },
  scenario: 'rq-mpath-activation',
  suite: null,
  model: { kind: 'livelock', invariants: ['I48'] },
  real: null,
};
