/**
 * A suspend does not wait for the activation of a group that is under way.
 *
 *   CPU0 the resume that replaces the table   CPU1 the hardware handler
 *                                             an activation is under way
 *   postsuspend: kmultipathd has nothing to do
 *   the multipath is destroyed
 *                                             the activation is over: m is gone
 */
import { resolved } from '../../machine/kernel.ts';
import type { Bug } from '../bug.ts';

export const mpathPgInitNotAwaited: Bug = {
  id: 'mpath-pg-init-not-awaited',
  title: 'A suspend does not wait for the activation of a group',
  commit: '2bded7bd7e8b',
  seed: '000',
  preset: 'unified',
  swaps: {},
  multipath: { waitForPgInit: () => resolved(undefined) },
  scenario: 'mpath-activation',
  suite: null,
  model: { kind: 'use-after-free', invariants: ['I14'] },
  real: null,
};
