/**
 * I42 FLUSH_FANOUT: which flushes a table asks for. Target after target each flush has its number, from 0 on, once in an attempt.
 */
import { DmTable, dmTableTarget } from '../core/dm-table.ts';
import { DmTarget } from '../core/dm-target.ts';
import { report } from '../machine/finding.ts';
import type { Site } from '../machine/site.ts';

/** Of all targets before one; without one, of all. */
export function flushesOf(table: DmTable, before = 0): number {
  let count = 0;
  for (let i = 0; i < table.numTargets; i++) {
    const ti = dmTableTarget(table, i);
    if (ti.handle === before) break;
    count += ti.numFlushRequests;
  }
  return count;
}

/** A target is asked for the flush `number`, after `asked` others of the same attempt. */
export function flushAsked(asked: number, address: number, number: number, site: Site): void {
  const ti = DmTarget.atAddress(address);
  const flushes = ti.numFlushRequests;
  if (number < 0 || number >= flushes)
    report('assertion', 'I42', `flush ${number} of a target that needs ${flushes}`, site);
  const turn = asked - flushesOf(DmTable.at(ti.table), ti.handle);
  if (number !== turn) report('assertion', 'I42', `flush ${number} of a target when flush ${turn} is due`, site);
}
