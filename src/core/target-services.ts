/**
 * What the core does for targets: devices, sectors, events, and whether a noflush suspend is under way.
 */
import { Bio } from '../block/bio.ts';
import { BlockDevice, closeBlockDevice, devNumber, openBlockDevice } from '../block/block-device.ts';
import type { Request } from '../block/request.ts';
import { blkLldBusy, RequestQueue } from '../block/request-queue.ts';
import type { Kernel } from '../machine/kernel.ts';
import { DmTargetIo } from './dm-io.ts';
import { type DmRqTargetIo, tioOf } from './dm-rq-target-io.ts';
import { DmTable } from './dm-table.ts';
import type { DmTarget } from './dm-target.ts';
import { dmTableEvent as tableEvent } from './event.ts';
import { MappedDevice } from './mapped-device.ts';
import { seams } from './seams.ts';

/** Opens the device that a table line names; gives its handle, or 0 when there is none, or it is the target's own device. */
export function* dmOpenDevice(ti: DmTarget, path: string): Kernel<number> {
  const bdev = yield* openBlockDevice(path);
  if (bdev === null) return 0;
  if (bdev.handle !== mdOf(ti).bdev) return bdev.handle;
  yield* closeBlockDevice(bdev);
  return 0;
}

export function* dmCloseDevice(device: number): Kernel<void> {
  yield* closeBlockDevice(BlockDevice.at(device));
}

/** The same for targets with one device, which is remembered in ti.device; false when it cannot be had. */
export function* dmGetDevice(ti: DmTarget, path: string): Kernel<boolean> {
  ti.device = yield* dmOpenDevice(ti, path);
  return ti.device !== 0;
}

export function dmPutDevice(ti: DmTarget): Kernel<void> {
  return dmCloseDevice(ti.device);
}

/** Sends the clone of a request to a device, `offset` sectors further on. */
export function dmRemapRequest(clone: Request, device: number, offset: number): void {
  clone.queue = BlockDevice.at(device).queue;
  clone.sector += offset;
  for (let handle = clone.bioHead; handle !== 0; ) {
    const bio = Bio.at(handle);
    bio.bdev = device;
    bio.sector += offset;
    handle = bio.next;
  }
}

/** Whether a device below can take no more requests for now. Any context. Models dm_underlying_device_busy. */
export const dmDeviceBusy = (device: number): Kernel<number> =>
  blkLldBusy(RequestQueue.at(BlockDevice.at(device).queue));

/** A device as table lines print it: always MAJ:MIN. */
export function deviceNumber(device: number): string {
  return devNumber(BlockDevice.at(device));
}

/** The device below, printed. */
export function targetDeviceNumber(ti: DmTarget): string {
  return deviceNumber(ti.device);
}

const mdOf = (ti: DmTarget): MappedDevice => MappedDevice.at(DmTable.at(ti.table).md);

/** The mapped device that the target belongs to, printed. */
export function mappedDeviceNumber(ti: DmTarget): string {
  return deviceNumber(mdOf(ti).bdev);
}

/** The record of a clone, which map and end_io get too. Models dm_get_mapinfo. */
export function dmGetMapinfo(clone: Bio): DmTargetIo {
  return DmTargetIo.at(clone.private);
}

/** The record of a request's clone, which mapRq and rqEndIo get too. */
export const dmRqMapinfo = (clone: Request): DmRqTargetIo => tioOf(clone);

/** A clone that the target has kept fails, without its rqEndIo; it goes back to the queue of its device. Any context. */
export const dmKillUnmapped = (clone: Request, error: number): Kernel<void> =>
  seams.dmKillUnmappedRequest(clone, error);
export const dmRequeueUnmapped = (clone: Request): Kernel<void> => seams.dmRequeueUnmappedRequest(clone);

/** A sector as a table line gives it, or null; its number must fit a word. */
export function parseSector(text: string | undefined): number | null {
  if (text === undefined || !/^\d+$/.test(text)) return null;
  const sector = Number(text);
  return sector <= 0x7fffffff ? sector : null;
}

/** Whether the target may hand its I/O back with REQUEUE. A hint: the core tests again under pushback_lock. */
export function dmNoflushSuspending(ti: DmTarget): Kernel<boolean> {
  return seams.noflushSuspending(mdOf(ti));
}

/** Tells who waits for events of the device that something happened. Process context. */
export function dmTableEvent(ti: DmTarget): Kernel<void> {
  return tableEvent(DmTable.at(ti.table));
}
