/**
 * Whether a mapped device is congested: whether any device below is.
 *
 * Models dm_any_congested of dm.c and dm_table_any_congested of dm-table.c. The caller may hold a spinlock, so nothing here may
 * sleep, and giving the table back must not take it apart (seam tablePut).
 */
import { BlockDevice, bdiCongested, congestedFns } from '../block/block-device.ts';
import type { Kernel } from '../machine/kernel.ts';
import { type DmTable, devicesBelow, dmTablePut, dmTableTarget } from './dm-table.ts';
import { MappedDevice } from './mapped-device.ts';
import { dmGetTable } from './submit.ts';

/** Without a table, as in the kernel, all that is asked for holds. */
export const DM_ANY_CONGESTED = congestedFns.define('dm', function* dmAnyCongested(bdev, bits): Kernel<number> {
  const table = yield* dmGetTable(MappedDevice.at(bdev.private));
  if (table === null) return bits;
  const congested = yield* dmTableAnyCongested(table, bits);
  yield* dmTablePut(table);
  return congested;
});

function* dmTableAnyCongested(table: DmTable, bits: number): Kernel<number> {
  let congested = 0;
  for (let i = 0; i < table.numTargets; i++)
    for (const { device } of devicesBelow(dmTableTarget(table, i)))
      congested |= yield* bdiCongested(BlockDevice.at(device), bits);
  return congested;
}
