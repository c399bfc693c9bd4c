/**
 * When a mapped device has the inode of its block device file, and whether a table of another size may be bound.
 *
 * Models bdget_disk and bdput in dm_suspend, dm_resume, alloc_dev and free_dev, the test of dm_swap_table, and __set_size. Four policies
 * (spec B11):
 *
 *   policy               the inode is had                              under noflush
 *   bdgetAlways          from each suspend to its end                  resized; bdget may wait for I_LOCK or fail
 *   bdgetUnlessNoflush   from each flushing suspend to its end         −EINVAL for another size
 *   bdlookupInNoflush    the same; a noflush suspend only looks it up  resized
 *   heldForLife          from the creation of the device               resized
 *
 * invariant: the size changes with suspend_lock held. Outside, two swaps could leave the size of one with the table of the other.
 */
import { BlockDevice } from '../block/block-device.ts';
import { bdget, bdlookup, bdput, Inode, iSizeWriteLocked } from '../block/inode.ts';
import { ENOMEM } from '../machine/errno.ts';
import { type Kernel, resolved } from '../machine/kernel.ts';
import { printk } from '../machine/log.ts';
import { assertMutexHeld } from '../shared/mutex.ts';
import type { MappedDevice } from './mapped-device.ts';
import { seams } from './seams.ts';

export interface BdevPolicy {
  readonly name: string;
  /** When the device has been made: 0 or −ENOMEM. */
  create(md: MappedDevice): Kernel<number>;
  /** After presuspend: 0 or −ENOMEM. With suspend_lock held. */
  suspend(md: MappedDevice, noflush: boolean): Kernel<number>;
  /** The suspend is over, or has failed. With suspend_lock held. */
  release(md: MappedDevice): Kernel<void>;
  /** Whether the suspended device may get a table of this size. With suspend_lock held. */
  mayBind(md: MappedDevice, size: number): Kernel<boolean>;
  /** The inode whose size is set at bind, with a reference that `putInode` gives up; null: there is none. */
  inodeToSize(md: MappedDevice): Kernel<Inode | null>;
}

/** Takes the inode for the device; −ENOMEM. */
function* takeInode(md: MappedDevice): Kernel<number> {
  const inode = yield* bdget(BlockDevice.at(md.bdev));
  if (inode === null) {
    printk('device-mapper: bdget failed in dm_suspend');
    return -ENOMEM;
  }
  md.suspendedBdev = inode.handle;
  return 0;
}

/** Gives up the device's inode, if it has it. */
export function* dropInode(md: MappedDevice): Kernel<void> {
  if (md.suspendedBdev === 0) return;
  const inode = Inode.at(md.suspendedBdev);
  md.suspendedBdev = 0;
  yield* bdput(inode);
}

const nothing = (): Kernel<number> => resolved(0);
const always = (): Kernel<boolean> => resolved(true);
const heldInode = (md: MappedDevice): Kernel<Inode | null> =>
  resolved(md.suspendedBdev === 0 ? null : Inode.at(md.suspendedBdev));

/** As noflush suspend was posted (seed 000): an inode that somebody has locked, and who waits for this device, is waited for. */
export const bdgetAlways: BdevPolicy = {
  name: 'bdgetAlways',
  create: nothing,
  suspend: takeInode,
  release: dropInode,
  mayBind: always,
  inodeToSize: heldInode,
};

/** 2.6.20 to 2.6.30. */
export const bdgetUnlessNoflush: BdevPolicy = {
  name: 'bdgetUnlessNoflush',
  create: nothing,
  suspend: (md, noflush) => (noflush ? resolved(0) : takeInode(md)),
  release: dropInode,
  *mayBind(md, size): Kernel<boolean> {
    return md.suspendedBdev !== 0 || (yield* BlockDevice.at(md.bdev).capacity.read(HERE)) === size;
  },
  inodeToSize: heldInode,
};

/**
 * The proposal of seed 004. An inode that is not in memory has no size to update, but may come while the device is suspended, so
 * the bind looks again.
 */
export const bdlookupInNoflush: BdevPolicy = {
  name: 'bdlookupInNoflush',
  create: nothing,
  *suspend(md, noflush): Kernel<number> {
    if (!noflush) return yield* takeInode(md);
    md.suspendedBdev = (yield* bdlookup(BlockDevice.at(md.bdev)))?.handle ?? 0;
    return 0;
  },
  release: dropInode,
  mayBind: always,
  *inodeToSize(md): Kernel<Inode | null> {
    if (md.suspendedBdev === 0) md.suspendedBdev = (yield* bdlookup(BlockDevice.at(md.bdev)))?.handle ?? 0;
    return yield* heldInode(md);
  },
};

/** 2.6.31 and later. */
export const heldForLife: BdevPolicy = {
  name: 'heldForLife',
  create: takeInode,
  suspend: nothing,
  release: () => resolved(undefined),
  mayBind: always,
  inodeToSize: heldInode,
};

/** Models __set_size: the capacity first, so that whoever brings the inode into memory meanwhile finds the new one (inode.ts). */
export function* __setSize(md: MappedDevice, size: number): Kernel<void> {
  assertMutexHeld(md.suspendLock, HERE);
  yield* BlockDevice.at(md.bdev).capacity.write(size, HERE);
  const inode = yield* seams.bdevPolicy.inodeToSize(md);
  if (inode !== null) yield* seams.iSizeWrite(inode, size);
}

/** Seam iSizeWrite, 2.6.38 and later: suspend_lock is enough. */
export function iSizeWrite(inode: Inode, size: number): Kernel<void> {
  return inode.iSize.write(size, HERE);
}

/** Seam iSizeWrite before 2.6.38: an fsync that waits for this device's I/O holds the mutex. */
export function iSizeWriteUnderIMutex(inode: Inode, size: number): Kernel<void> {
  return iSizeWriteLocked(inode, size);
}
