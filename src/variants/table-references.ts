/**
 * References on tables as they were until 2.6.28: whoever gives up the last one takes the table apart, wherever he stands.
 *
 * Models dm_table_put of 2.6.20. Nobody waits for anybody, so the one who replaces a table may be done while it still exists.
 */
import { type DmTable, destroyTargets } from '../core/dm-table.ts';
import { bindInPlace } from '../core/ioctl.ts';
import type { MappedDevice } from '../core/mapped-device.ts';
import type { Seams } from '../core/seams.ts';
import type { Kernel } from '../machine/kernel.ts';

export function* destroyAtLastPut(table: DmTable): Kernel<void> {
  if ((yield* table.holders.put(HERE)) === 0) yield* destroyTargets(table);
}

/** The device's own reference on the old table is given up as soon as the new one is there. */
function* bindThenPut(md: MappedDevice, table: DmTable): Kernel<null> {
  const old = yield* bindInPlace(md, table);
  if (old !== null) yield* destroyAtLastPut(old);
  return null;
}

/** The seams of it. */
export const countedTables = {
  tablePut: destroyAtLastPut,
  tableDestroy: destroyAtLastPut,
  replaceTable: bindThenPut,
} satisfies Partial<Seams>;
