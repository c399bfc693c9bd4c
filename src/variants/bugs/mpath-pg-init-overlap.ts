/**
 * The activation of a group is begun while another one is under way.
 *
 *   CPU0 kmultipathd                      CPU1 the hardware handler
 *   activates group 1
 *   group 2 is chosen: activates it too
 *                                         group 1 is active: no activation is under way, says m
 *   a suspend waits for no more
 *   the multipath is destroyed
 *                                         group 2 is active: m is gone
 */
import type { Multipath } from '../../targets/multipath/multipath.ts';
import type { Bug } from '../bug.ts';

const mayActivate = (m: Multipath): boolean => m.pgInitRequired !== 0;

export const mpathPgInitOverlap: Bug = {
  id: 'mpath-pg-init-overlap',
  title: 'Two groups of one multipath are activated at once',
  commit: 'c3cd4f6b275d',
  seed: '000',
  preset: 'unified',
  swaps: {},
  multipath: { mayActivate },
  scenario: 'mpath-two-groups',
  suite: null,
  // Two activations meet in the handler before the second one finds the multipath gone.
  model: { kind: 'use-after-free', invariants: ['I14'], or: { kind: 'race', invariants: [''] } },
  real: null,
};
