/**
 * The inode of a block device's file: its size, who has it, and the two locks that a resize can stall on.
 *
 * Models bdget, bdput, __wait_on_inode, unlock_new_inode and wake_up_inode as far as device-mapper meets them, with struct
 * block_device's fsfreeze fields, which lie in the same allocation there. An inode is in memory while somebody refers to it; the
 * inode cache that would keep it longer is not modelled. i_size is in sectors.
 *
 *   i_state   bit 0  I_LOCK   somebody sets the inode up, or writes it back; set and cleared in one step by that task,
 *                             and waited for on inode_wait
 *             bit 1  I_NEW    it is being set up; only with I_LOCK
 *
 * invariant: whoever reads or writes a field refers to the inode, so it is not freed under him.
 */
import { bugOn } from '../machine/finding.ts';
import { CHOICE_ALLOCATION, type Kernel } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import { atBoot } from '../shared/boot.ts';
import { type Mutex, mutexField, mutexLock, mutexUnlock } from '../shared/mutex.ts';
import { declareSpinLock, type SpinLock, spinLock, spinLockField, spinUnlock } from '../shared/spinlock.ts';
import { atomic, defineStruct, embed, flags, marked, plain, type Struct } from '../shared/struct.ts';
import { current, TASK_UNINTERRUPTIBLE } from '../shared/task.ts';
import { declareWaitQueue, type WaitQueue, waitEvent, wakeUpAll } from '../shared/wait-queue.ts';
import type { Atomic, Flags, Marked } from '../shared/word.ts';
import { BlockDevice } from './block-device.ts';

export const I_LOCK = 1 << 0;
export const I_NEW = 1 << 1;

/** Sectors of a device that can have a page; a page is one sector. */
export const INODE_PAGES = 16;

export interface Inode extends Struct {
  /** Handle of the device that it belongs to. */
  bdev: number;
  /** Who refers to it; guarded by inode_lock. */
  count: number;
  readonly iState: Flags;
  /** Task that has I_LOCK, for findings; written by that task. */
  lockedBy: number;
  /** Sectors. Written under suspend_lock of the mapped device, before 2.6.38 under i_mutex as well. */
  readonly iSize: Marked;
  readonly iMutex: Mutex;
  /** Guards the dirty pages: `dirty`, a bit for each, and `pages`, what each is to hold (page-cache.ts). */
  readonly treeLock: SpinLock;
  dirty: number;
  readonly pages: { readonly word: number };
  /** A bit for each page that is on its way to the device; set under tree_lock, cleared by the end of its bio. */
  readonly writeback: Flags;
  /** The first error of a write, until somebody is told. */
  readonly error: Atomic;
  /** How often the device is frozen; guarded by bd_fsfreeze_mutex. */
  fsfreezeCount: number;
  readonly bdFsfreezeMutex: Mutex;
  /** Handle of the file system that is mounted on the device, 0: none. Guarded by sb_lock. */
  superBlock: number;
}

export const Inode = defineStruct<Inode>('inode', 'inode', 6, {
  bdev: plain,
  count: plain,
  iState: flags,
  lockedBy: plain,
  iSize: marked,
  iMutex: mutexField,
  treeLock: spinLockField,
  dirty: plain,
  pages: embed(INODE_PAGES, (word) => ({ word })),
  writeback: flags,
  error: atomic,
  fsfreezeCount: plain,
  bdFsfreezeMutex: mutexField,
  superBlock: plain,
});

/** Guards which device has its inode in memory, and the reference counts. Process context. */
export let inodeLock: SpinLock;
/** Who waits for I_LOCK of any inode: as in the kernel the queue is not the inode's, which may be gone when it is woken. */
export let inodeWait: WaitQueue;
atBoot('inode', () => {
  inodeLock = declareSpinLock('&inode_lock');
  inodeWait = declareWaitQueue('&inode_wait');
});

/** The inode with a reference; null when its allocation fails. Allocates, and waits while somebody has I_LOCK. May sleep. */
export function* bdget(bdev: BlockDevice): Kernel<Inode | null> {
  const known = yield* takeReference(bdev);
  if (known !== null) return yield* waitedFor(known);
  if (yield* allocationFails(bdev)) return null;
  const fresh = Inode.alloc();
  if (fresh === null) return null;
  fresh.bdev = bdev.handle;
  fresh.count = 1;
  fresh.lockedBy = current().handle;
  yield* fresh.iState.set(I_LOCK | I_NEW, HERE);
  yield* spinLock(inodeLock, HERE);
  const other = bdev.inode === 0 ? null : Inode.at(bdev.inode);
  if (other === null) bdev.inode = fresh.handle;
  else other.count++;
  yield* spinUnlock(inodeLock, HERE);
  if (other !== null) {
    Inode.free(fresh);
    return yield* waitedFor(other);
  }
  yield* setUp(fresh, bdev);
  return fresh;
}

/**
 * i_size of a new inode is the capacity. Whoever resizes meanwhile writes the capacity first and then looks for the inode, so
 * he finds it, or his capacity is found here:
 *
 *   CPU0 bdget                          CPU1 setSize
 *   inode can be found
 *   reads the capacity: 4
 *                                       capacity := 8; i_size := 8
 *   i_size := 4
 *   reads the capacity again: 8
 */
function* setUp(inode: Inode, bdev: BlockDevice): Kernel<void> {
  for (let size = yield* bdev.capacity.read(HERE); ; ) {
    yield* inode.iSize.write(size, HERE);
    const now = yield* bdev.capacity.read(HERE);
    if (now === size) break;
    size = now;
  }
  yield* unlockInode(inode);
}

function* waitedFor(inode: Inode): Kernel<Inode> {
  yield* waitOnInode(inode);
  return inode;
}

/** An injected failure of the allocation, if one is due, or one that the search chooses. */
function* allocationFails(bdev: BlockDevice): Kernel<boolean> {
  if ((yield* ops.choice(CHOICE_ALLOCATION, 2, HERE)) !== 0) return true;
  if ((yield* bdev.failBdget.read(HERE)) <= 0) return false;
  if ((yield* bdev.failBdget.add(-1, HERE)) > 0) return true;
  // Another CPU took the last one between the two.
  yield* bdev.failBdget.add(1, HERE);
  return false;
}

/** The inode with a reference if it is in memory, else null: never allocates, never waits (the look-up of seed 004). */
export function bdlookup(bdev: BlockDevice): Kernel<Inode | null> {
  return takeReference(bdev);
}

function* takeReference(bdev: BlockDevice): Kernel<Inode | null> {
  yield* spinLock(inodeLock, HERE);
  const found = bdev.inode === 0 ? null : Inode.at(bdev.inode);
  if (found !== null) found.count++;
  yield* spinUnlock(inodeLock, HERE);
  return found;
}

/** Gives up a reference; with the last one the inode is gone, which must be clean by then. */
export function* bdput(inode: Inode): Kernel<void> {
  yield* spinLock(inodeLock, HERE);
  const last = --inode.count === 0;
  if (last) {
    bugOn(inode.dirty !== 0, 'the last reference to an inode is put while it has dirty pages');
    BlockDevice.at(inode.bdev).inode = 0;
    Inode.free(inode);
  }
  yield* spinUnlock(inodeLock, HERE);
}

/** Sleeps while somebody has I_LOCK. Ignores signals. */
export function* waitOnInode(inode: Inode): Kernel<void> {
  // As wait_on_bit: no queue is touched when the bit is clear.
  if (((yield* inode.iState.read(HERE)) & I_LOCK) === 0) return;
  const unlocked = function* unlocked(): Kernel<number> {
    return ((yield* inode.iState.read(HERE)) & I_LOCK) === 0 ? 1 : 0;
  };
  yield* waitEvent(inodeWait, unlocked, TASK_UNINTERRUPTIBLE, HERE);
}

/** Takes I_LOCK; the caller refers to the inode and calls `unlockInode`. */
export function* lockInode(inode: Inode): Kernel<void> {
  while (((yield* inode.iState.set(I_LOCK, HERE)) & I_LOCK) !== 0) yield* waitOnInode(inode);
  inode.lockedBy = current().handle;
}

/** unlock_new_inode and the end of a write-back: pairs with the wait in waitOnInode. */
export function* unlockInode(inode: Inode): Kernel<void> {
  inode.lockedBy = 0;
  yield* inode.iState.clear(I_LOCK | I_NEW, HERE);
  yield* wakeUpAll(inodeWait, HERE);
}

/** i_size_write under i_mutex, as set-size did before 2.6.38. */
export function* iSizeWriteLocked(inode: Inode, size: number): Kernel<void> {
  yield* mutexLock(inode.iMutex, HERE);
  yield* inode.iSize.write(size, HERE);
  yield* mutexUnlock(inode.iMutex, HERE);
}
