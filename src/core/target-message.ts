/**
 * Messages: words from the administrator to one target of the live table.
 *
 * Models target_message of dm-ioctl.c. The reason for a refusal is in the kernel log.
 */
import { EINVAL } from '../machine/errno.ts';
import type { Kernel } from '../machine/kernel.ts';
import { printk } from '../machine/log.ts';
import { type DmTable, dmTableFindTarget, dmTablePut, typeOf } from './dm-table.ts';
import type { MappedDevice } from './mapped-device.ts';
import { dmGetTable } from './submit.ts';

/** Sends the words of `text` to the target that serves `sector`; what it answers, or −EINVAL. Process context. */
export function* dmTargetMessage(md: MappedDevice, sector: number, text: string): Kernel<number> {
  const argv = text.split(/\s+/).filter((word) => word !== '');
  const [first] = argv;
  if (first === undefined) return refuse('Empty message received.');
  // Words for the core itself; it knows none.
  if (first.startsWith('@')) return refuse(`Unsupported message sent to DM core: ${first}`);
  const table = yield* dmGetTable(md);
  if (table === null) return refuse('The device has no table.');
  const result = yield* deliver(table, sector, argv);
  yield* dmTablePut(table);
  return result;
}

function* deliver(table: DmTable, sector: number, argv: readonly string[]): Kernel<number> {
  const ti = dmTableFindTarget(table, sector);
  if (ti === null) return refuse('Target message sector outside device.');
  const handler = typeOf(ti).message;
  if (handler === undefined) return refuse('Target type does not support messages');
  return yield* handler(ti, argv);
}

function refuse(reason: string): number {
  printk(`device-mapper: ioctl: ${reason}`);
  return -EINVAL;
}
