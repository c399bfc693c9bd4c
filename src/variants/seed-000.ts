/**
 * What the patch of seed 000 had by nature, as posted for 2.6.19-rc6: mistakes that were found in it later.
 *
 *   noflush-query-puts-md      the query for NOFLUSH takes and drops a reference on the device, also while it is taken apart
 *   dec-pending-error-rmw      bugs/dec-pending-error-rmw.ts
 *   io-freed-after-endio       bugs/io-freed-after-endio.ts
 *   suspend-wait-no-barrier    bugs/suspend-wait-no-barrier.ts
 *   null-map-window-in-swap    the old table is unbound before the new one is bound
 *   congested-destroys-table, table-last-put-anywhere    table-references.ts
 *   thaw-without-freeze        bugs/thaw-without-freeze.ts
 *   io-beyond-table-end        a look-up beyond the last target gives what lies behind it
 *   nf-refused-in-success      core-2.6.20.ts, quiesceAskingLast
 *
 * docs/FOUND.md has what the search finds of it, and what the patch had that is not here.
 */
import { type DmTable, dmTableFindTarget, dmTablePut, dmTableTarget } from '../core/dm-table.ts';
import type { DmTarget } from '../core/dm-target.ts';
import { __noflushSuspending } from '../core/end-io.ts';
import { __bind, __unbind, dmPut } from '../core/ioctl.ts';
import type { MappedDevice } from '../core/mapped-device.ts';
import type { Kernel } from '../machine/kernel.ts';

/** dm_table_get_md and dm_put around the look at the flag. At the last dm_put there is no reference left to take. */
export function* noflushSuspendingWithReference(md: MappedDevice): Kernel<boolean> {
  yield* md.holders.get(HERE);
  const said = yield* __noflushSuspending(md);
  yield* dmPut(md);
  return said;
}

/** Between the two the device has no table: status shows none, and whoever maps fails. */
export function* unbindThenBind(md: MappedDevice, table: DmTable): Kernel<DmTable | null> {
  const old = yield* __unbind(md);
  yield* __bind(md, table);
  return old;
}

/** The same, and the old table's reference is given up at once. */
export function* unbindPutThenBind(md: MappedDevice, table: DmTable): Kernel<null> {
  const old = yield* __unbind(md);
  if (old !== null) yield* dmTablePut(old);
  yield* __bind(md, table);
  return null;
}

/** The index of the sector's target, or of the place behind the last one. */
export function findTargetUnchecked(table: DmTable, sector: number): DmTarget {
  return dmTableFindTarget(table, sector) ?? dmTableTarget(table, table.numTargets);
}
