/**
 * How a command gets at the device that it is for: by number, with a reference.
 *
 * Models dm_get_md of dm.c, find_device and dm_get_mdptr of dm-ioctl.c. Who has the reference may use the device until he puts it;
 * the device may be removed meanwhile, and then his put takes it apart.
 */
import { type BlockDevice, lookupBlockDevice, minorLock } from '../block/block-device.ts';
import type { Kernel } from '../machine/kernel.ts';
import { downRead, upRead } from '../shared/rw-semaphore.ts';
import { spinLock, spinUnlock } from '../shared/spinlock.ts';
import { DM_MAJOR, dmPut, hashLock } from './ioctl.ts';
import { MappedDevice } from './mapped-device.ts';
import { seams } from './seams.ts';

/** The device with this number, with a reference; null when there is none, when it is going away or still being created. */
export function* findDevice(minor: number): Kernel<MappedDevice | null> {
  yield* downRead(hashLock, HERE);
  const md = yield* seams.findMd(minor);
  const named = md !== null && md.hashed !== 0;
  yield* upRead(hashLock, HERE);
  if (named || md === null) return md;
  yield* seams.putNameless(md);
  return null;
}

/**
 * Seam findMd: the look-up, the test of `deleting` and the reference are one section of _minor_lock.
 *
 *   CPU0 a command                      CPU1 dm_remove
 *   finds the device
 *                                       deleting := 1; the last put frees the device
 *   takes a reference on what was freed
 */
export function* dmGetMd(minor: number): Kernel<MappedDevice | null> {
  yield* spinLock(minorLock, HERE);
  const bdev = lookupMd(minor);
  const md = bdev === null || bdev.deleting !== 0 ? null : MappedDevice.at(bdev.private);
  if (md !== null) yield* md.holders.get(HERE);
  yield* spinUnlock(minorLock, HERE);
  return md;
}

/** The block device of the mapped device with this number, or null. With _minor_lock held. */
export const lookupMd = (minor: number): BlockDevice | null => lookupBlockDevice(`${DM_MAJOR}:${minor}`);

/** Seam putNameless. */
export function putNameless(md: MappedDevice): Kernel<void> {
  return dmPut(md);
}
