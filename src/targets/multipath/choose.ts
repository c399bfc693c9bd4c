/**
 * Which path takes the next I/O: stay in the current group while it has one, else the first group that has.
 *
 * Models __choose_pgpath, __choose_path_in_pg and __switch_pg of dm-mpath.c. With m->lock held.
 */
import { groupsOf, type Multipath, Pgpath, PriorityGroup } from './multipath.ts';
import { selectorOf } from './path-selector.ts';

/** Another group is the current one: with a hardware handler it must be activated before it takes I/O. */
function switchPg(m: Multipath, pg: PriorityGroup): void {
  m.currentPg = pg.handle;
  const activate = m.hwHandler === 0 ? 0 : 1;
  m.pgInitRequired = activate;
  m.queueIo = activate;
  m.pgInitCount = 0;
}

function choosePathInPg(m: Multipath, pg: PriorityGroup): boolean {
  const pgpath = selectorOf(pg).selectPath(pg);
  if (pgpath === null) return false;
  m.currentPgpath = pgpath.handle;
  m.repeatCount = pgpath.repeatCount;
  if (m.currentPg !== pg.handle) switchPg(m, pg);
  return true;
}

/**
 * Chooses. Without any valid path there is neither a current path nor a current group afterwards, and nothing that I/O could
 * wait for but a path: 2.6.20 left queue_io as it was, and an I/O that was queued then had nobody to look at it.
 */
export function choosePgpath(m: Multipath): void {
  if (m.nrValidPaths > 0 && findPath(m)) return;
  forgetCurrent(m);
  m.queueIo = 0;
}

function findPath(m: Multipath): boolean {
  const next = m.nextPg;
  if (next !== 0) {
    m.nextPg = 0;
    if (choosePathInPg(m, PriorityGroup.at(next))) return true;
  }
  if (m.currentPg !== 0 && choosePathInPg(m, PriorityGroup.at(m.currentPg))) return true;
  for (const bypassed of [0, 1])
    for (const pg of groupsOf(m)) if (pg.bypassed === bypassed && choosePathInPg(m, pg)) return true;
  return false;
}

export const currentPath = (m: Multipath): Pgpath | null => (m.currentPgpath === 0 ? null : Pgpath.at(m.currentPgpath));

/** The current path and group are forgotten: the next I/O chooses anew. */
export function forgetCurrent(m: Multipath): void {
  m.currentPgpath = 0;
  m.currentPg = 0;
}
