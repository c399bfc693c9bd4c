/**
 * Groups are switched to, bypassed, and used again, as a message says.
 *
 * Models switch_pg_num, bypass_pg and bypass_pg_num of dm-mpath.c.
 */
import { EINVAL, type Kernel, printk, spinLockIrqsave, spinUnlockIrqrestore } from '../../core/device-mapper.ts';
import { forgetCurrent } from './choose.ts';
import { groupsOf, kickEvent, Multipath, type PriorityGroup } from './multipath.ts';

/** The group of this number as a message gives it, or null. */
function groupByNumber(m: Multipath, text: string, who: string): PriorityGroup | null {
  for (const pg of groupsOf(m)) if (/^\d+$/.test(text) && pg.pgNum === Number(text)) return pg;
  printk(`device-mapper: multipath: invalid PG number supplied to ${who}`);
  return null;
}

/** The next I/O tries this group first, and no group is bypassed any more. */
export function* switchPgNum(m: Multipath, text: string): Kernel<number> {
  const chosen = groupByNumber(m, text, 'switch_pg_num');
  if (chosen === null) return -EINVAL;
  const saved = yield* spinLockIrqsave(m.lock, HERE);
  for (const pg of groupsOf(m)) pg.bypassed = 0;
  forgetCurrent(m);
  m.nextPg = chosen.handle;
  yield* kickEvent(m);
  yield* spinUnlockIrqrestore(m.lock, saved, HERE);
  return 0;
}

/** The group is used only if nothing else works, or like the others again; either way the next I/O chooses anew. Any context. */
export function* bypassPg(pg: PriorityGroup, bypassed: boolean): Kernel<void> {
  const m = Multipath.at(pg.m);
  const saved = yield* spinLockIrqsave(m.lock, HERE);
  pg.bypassed = bypassed ? 1 : 0;
  forgetCurrent(m);
  yield* kickEvent(m);
  yield* spinUnlockIrqrestore(m.lock, saved, HERE);
}

export function* bypassPgNum(m: Multipath, text: string, bypassed: boolean): Kernel<number> {
  const pg = groupByNumber(m, text, 'bypass_pg');
  if (pg === null) return -EINVAL;
  yield* bypassPg(pg, bypassed);
  return 0;
}
