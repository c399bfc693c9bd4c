/**
 * The activation is begun through the current path as it is by then, without m->lock.
 *
 *   CPU0 kmultipathd                      CPU1 a message, or a clone that fails
 *   under m->lock: the group is to be
 *   activated through the current path
 *                                         m->lock; the path has failed: current_pgpath := 0
 *   the handler gets current_pgpath: NULL
 *
 * The access is a marked one: there the field was as unguarded as here.
 */
import type { Kernel } from '../../machine/kernel.ts';
import { Marked } from '../../shared/word.ts';
import { Multipath, Pgpath } from '../../targets/multipath/multipath.ts';
import { activate } from '../../targets/multipath/work.ts';
import type { Bug } from '../bug.ts';

const CURRENT_PGPATH = Multipath.offsetOf('currentPgpath');

function* activateCurrent(m: Multipath, _pgpath: Pgpath, delayUs: number): Kernel<void> {
  const current = yield* new Marked(m.address + CURRENT_PGPATH).read(HERE);
  yield* activate(m, Pgpath.at(current), delayUs);
}

export const mpathActivateNullPath: Bug = {
  id: 'mpath-activate-null-path',
  title: 'A group is activated through whatever path is the current one by then',
  commit: '7253a3343424',
  seed: '000',
  preset: 'unified',
  swaps: {},
  multipath: { activate: activateCurrent },
  scenario: 'mpath-activation',
  suite: null,
  model: { kind: 'use-after-free', invariants: ['I14'] },
  real: null,
};
