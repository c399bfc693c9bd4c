/**
 * An interrupted suspend opens the gate, and leaves what was deferred where it is.
 *
 *   CPU0 dmSuspend                        CPU1 a submitter
 *   set BLOCK_IO
 *                                         W2: on the deferred list
 *   a signal: clear BLOCK_IO, return -EINTR
 *   the device is active, and nobody looks at the list before some resume
 */
import type { Bug } from '../bug.ts';
import { askFirst, openGate, quiesceAnd } from '../core-2.6.20.ts';

export const interruptedSuspendLimbo: Bug = {
  id: 'interrupted-suspend-limbo',
  title: 'An interrupted suspend does not let go what was deferred',
  commit: '1ecac7fd74f2',
  seed: '000',
  preset: '2.6.20',
  swaps: { quiesce: quiesceAnd(askFirst, openGate) },
  scenario: 'interrupted-two',
  suite: 'interrupted-suspend',
  model: { kind: 'lost-bio', invariants: ['I45'] },
  real: { kind: 'lost-bio', invariants: ['I45'] },
};
