/**
 * What the core does for targets: devices, sectors, events, and whether a noflush suspend is under way.
 */
import { BlockDevice, closeBlockDevice, devNumber, openBlockDevice } from '../block/block-device.ts';
import type { Kernel } from '../machine/kernel.ts';
import { DmTable } from './dm-table.ts';
import type { DmTarget } from './dm-target.ts';
import { __noflushSuspending } from './end-io.ts';
import { dmTableEvent as tableEvent } from './event.ts';
import { MappedDevice } from './mapped-device.ts';

/** Opens the device that a table line names and remembers it in ti.device; false when there is none, or it is the device itself. */
export function* dmGetDevice(ti: DmTarget, path: string): Kernel<boolean> {
  const bdev = yield* openBlockDevice(path);
  if (bdev === null) return false;
  if (bdev.handle === MappedDevice.at(DmTable.at(ti.table).md).bdev) {
    yield* closeBlockDevice(bdev);
    return false;
  }
  ti.device = bdev.handle;
  return true;
}

export function* dmPutDevice(ti: DmTarget): Kernel<void> {
  yield* closeBlockDevice(BlockDevice.at(ti.device));
}

/** The device below as table lines print it: always MAJ:MIN. */
export function targetDeviceNumber(ti: DmTarget): string {
  return devNumber(BlockDevice.at(ti.device));
}

/** A sector as a table line gives it, or null; its number must fit a word. */
export function parseSector(text: string | undefined): number | null {
  if (text === undefined || !/^\d+$/.test(text)) return null;
  const sector = Number(text);
  return sector <= 0x7fffffff ? sector : null;
}

/** Whether the target may hand its I/O back with REQUEUE. A hint: the core tests again under pushback_lock. */
export function dmNoflushSuspending(ti: DmTarget): Kernel<boolean> {
  return __noflushSuspending(MappedDevice.at(DmTable.at(ti.table).md));
}

/** Tells who waits for events of the device that something happened. Process context. */
export function dmTableEvent(ti: DmTarget): Kernel<void> {
  return tableEvent(DmTable.at(ti.table));
}
