/**
 * A file system on a block device, as far as freezing it is concerned.
 *
 * Models freeze_bdev and thaw_bdev of fs/block_dev.c, get_active_super, deactivate_super, vfs_check_frozen and mounting (2.6.33). Its data are
 * pages of the device's file (page-cache.ts). 2.6.20 held the mount semaphore from freeze to thaw and had no count: not modelled.
 *
 *   sb.frozen   SB_UNFROZEN   writers write
 *               SB_FREEZE_WRITE   new writers wait; what they wrote before is being synced
 *               SB_FREEZE_TRANS   the device's own pages are being synced, then nothing is dirty
 *   Written by freezeBdev and thawBdev under bd_fsfreeze_mutex; read by writers without.
 *
 * A writer tests the level and dirties its page afterwards, so one may slip through, as in every kernel before 3.6. Its page
 * stays dirty until a sync after the thaw.
 */
import { EBUSY, EINVAL, ENOMEM } from '../machine/errno.ts';
import type { Kernel } from '../machine/kernel.ts';
import { atBoot } from '../shared/boot.ts';
import { mutexLock, mutexUnlock } from '../shared/mutex.ts';
import { downWrite, type RwSemaphore, rwSemaphoreField, upWrite } from '../shared/rw-semaphore.ts';
import { declareSpinLock, type SpinLock, spinLock, spinUnlock } from '../shared/spinlock.ts';
import { atomic, defineStruct, marked, plain, type Struct } from '../shared/struct.ts';
import { TASK_UNINTERRUPTIBLE } from '../shared/task.ts';
import { type WaitQueue, waitEvent, waitQueueField, wakeUpAll } from '../shared/wait-queue.ts';
import type { Atomic, Marked } from '../shared/word.ts';
import { BlockDevice, closeBlockDevice, openBlockDevice } from './block-device.ts';
import { bdget, bdput, Inode } from './inode.ts';
import { blkdevFsync, dirtyPage, syncBlockdev } from './page-cache.ts';

export const SB_UNFROZEN = 0;
export const SB_FREEZE_WRITE = 1;
export const SB_FREEZE_TRANS = 2;

export interface SuperBlock extends Struct {
  /** Handle of the device's inode, to which the mount refers. */
  inode: number;
  /** References: the mount, and a freeze. Guarded by sb_lock. */
  active: number;
  readOnly: number;
  readonly frozen: Marked;
  /** Writers wait here for the thaw. */
  readonly sWaitUnfrozen: WaitQueue;
  /** Against unmounting. */
  readonly sUmount: RwSemaphore;
  /** So many freezes fail with this error (a number below 0) each time the word is not 0; it is used up. */
  readonly failFreeze: Atomic;
}

export const SuperBlock = defineStruct<SuperBlock>('super-block', 'sb', 3, {
  inode: plain,
  active: plain,
  readOnly: plain,
  frozen: marked,
  sWaitUnfrozen: waitQueueField,
  sUmount: rwSemaphoreField,
  failFreeze: atomic,
});

/** Guards which inode has which file system, and references to those. Process context. */
let sbLock: SpinLock;
atBoot('sb-lock', () => {
  sbLock = declareSpinLock('&sb_lock');
});

/** Mounts a file system on a device, which is open from then on; −EBUSY while the device is frozen, −ENOMEM. */
export function* mountBdev(path: string, readOnly = false): Kernel<SuperBlock | number> {
  const bdev = yield* openBlockDevice(path);
  if (bdev === null) return -EINVAL;
  const inode = yield* bdget(bdev);
  const mounted = inode === null ? -ENOMEM : yield* attachSuper(inode, readOnly);
  if (typeof mounted !== 'number') return mounted;
  if (inode !== null) yield* bdput(inode);
  yield* closeBlockDevice(bdev);
  return mounted;
}

function* attachSuper(inode: Inode, readOnly: boolean): Kernel<SuperBlock | number> {
  const sb = SuperBlock.alloc();
  if (sb === null) return -ENOMEM;
  sb.inode = inode.handle;
  sb.active = 1;
  sb.readOnly = readOnly ? 1 : 0;
  yield* mutexLock(inode.bdFsfreezeMutex, HERE);
  const busy = inode.fsfreezeCount > 0 || inode.superBlock !== 0;
  if (!busy) {
    yield* spinLock(sbLock, HERE);
    inode.superBlock = sb.handle;
    yield* spinUnlock(sbLock, HERE);
  }
  yield* mutexUnlock(inode.bdFsfreezeMutex, HERE);
  if (!busy) return sb;
  SuperBlock.free(sb);
  return -EBUSY;
}

/** Unmounts: nobody else uses the file system. Waits for a thaw, since it writes what is dirty. */
export function* umountBdev(sb: SuperBlock): Kernel<void> {
  yield* vfsCheckFrozen(sb, SB_FREEZE_WRITE);
  yield* syncBlockdev(Inode.at(sb.inode));
  yield* deactivateSuper(sb);
}

/**
 * Gives up a reference; the last one detaches the file system. Nobody can find it then, so s_umount is free. Whoever is not the last one
 * must not touch it: the last one may free it at any moment.
 */
function* deactivateSuper(sb: SuperBlock): Kernel<void> {
  const inode = Inode.at(sb.inode);
  yield* spinLock(sbLock, HERE);
  const last = --sb.active === 0;
  if (last) inode.superBlock = 0;
  yield* spinUnlock(sbLock, HERE);
  if (!last) return;
  yield* downWrite(sb.sUmount, HERE);
  yield* upWrite(sb.sUmount, HERE);
  const bdev = BlockDevice.at(inode.bdev);
  SuperBlock.free(sb);
  yield* bdput(inode);
  yield* closeBlockDevice(bdev);
}

/** get_active_super: the file system of a device with a reference, and its s_umount held for writing; or null. */
function* getActiveSuper(inode: Inode): Kernel<SuperBlock | null> {
  yield* spinLock(sbLock, HERE);
  const sb = inode.superBlock === 0 ? null : SuperBlock.at(inode.superBlock);
  if (sb !== null) sb.active++;
  yield* spinUnlock(sbLock, HERE);
  if (sb !== null) yield* downWrite(sb.sUmount, HERE);
  return sb;
}

/** Waits until the file system is frozen less than `level`. Ignores signals. */
export function* vfsCheckFrozen(sb: SuperBlock, level: number): Kernel<void> {
  if ((yield* sb.frozen.read(HERE)) < level) return;
  const thawed = function* thawed(): Kernel<number> {
    return (yield* sb.frozen.read(HERE)) < level ? 1 : 0;
  };
  yield* waitEvent(sb.sWaitUnfrozen, thawed, TASK_UNINTERRUPTIBLE, HERE);
}

/** write(2): waits while the file system is frozen; the device has `stamp` after a sync. */
export function* fsWrite(sb: SuperBlock, sector: number, stamp: number): Kernel<void> {
  yield* vfsCheckFrozen(sb, SB_FREEZE_WRITE);
  yield* dirtyPage(Inode.at(sb.inode), sector, stamp);
}

/** fsync(2): all that was written is on the device when it gives 0. Holds i_mutex while it waits for I/O. */
export function fsFsync(sb: SuperBlock): Kernel<number> {
  return blkdevFsync(Inode.at(sb.inode));
}

/**
 * Freezes the device: writers wait and nothing is dirty. Gives the handle of its file system, 0 without one, or the error of the file
 * system's own freeze, after which nothing is frozen. **Issues I/O to the device and waits for it.**
 */
export function* freezeBdev(inode: Inode): Kernel<number> {
  yield* mutexLock(inode.bdFsfreezeMutex, HERE);
  const frozen = ++inode.fsfreezeCount > 1 ? inode.superBlock : yield* freezeFirst(inode);
  if (frozen < 0) inode.fsfreezeCount--;
  yield* mutexUnlock(inode.bdFsfreezeMutex, HERE);
  return frozen;
}

function* freezeFirst(inode: Inode): Kernel<number> {
  const sb = yield* getActiveSuper(inode);
  if (sb === null) {
    yield* syncBlockdev(inode);
    return 0;
  }
  const error = sb.readOnly === 0 ? yield* freezeSuper(sb, inode) : 0;
  yield* upWrite(sb.sUmount, HERE);
  if (error !== 0) {
    yield* deactivateSuper(sb);
    return error;
  }
  yield* syncBlockdev(inode);
  return sb.handle;
}

/** With s_umount held. */
function* freezeSuper(sb: SuperBlock, inode: Inode): Kernel<number> {
  yield* sb.frozen.write(SB_FREEZE_WRITE, HERE);
  yield* syncBlockdev(inode);
  yield* sb.frozen.write(SB_FREEZE_TRANS, HERE);
  yield* syncBlockdev(inode);
  const error = yield* sb.failFreeze.exchange(0, HERE);
  if (error !== 0) yield* thawSuper(sb);
  return error;
}

/** The level is down before anybody is woken: pairs with the wait in vfsCheckFrozen. */
function* thawSuper(sb: SuperBlock): Kernel<void> {
  yield* sb.frozen.write(SB_UNFROZEN, HERE);
  yield* wakeUpAll(sb.sWaitUnfrozen, HERE);
}

/** Undoes one freezeBdev; `frozen` is what that gave. −EINVAL when the device is not frozen. */
export function* thawBdev(inode: Inode, frozen: number): Kernel<number> {
  yield* mutexLock(inode.bdFsfreezeMutex, HERE);
  const was = inode.fsfreezeCount;
  if (was > 0) inode.fsfreezeCount--;
  if (was === 1 && frozen !== 0) {
    const sb = SuperBlock.at(frozen);
    if (sb.readOnly === 0) yield* thawSuper(sb);
    yield* deactivateSuper(sb);
  }
  yield* mutexUnlock(inode.bdFsfreezeMutex, HERE);
  return was > 0 ? 0 : -EINVAL;
}
