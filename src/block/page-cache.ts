/**
 * The pages of a block device's file: what is written to memory first and to the device by a sync.
 *
 * Models mark_buffer_dirty, filemap_fdatawrite, filemap_fdatawait, sync_blockdev, block_fsync and __writeback_single_inode. A page is one
 * sector. Reads, page locks and reclaim are not modelled.
 *
 *   clean ── dirtyPage ──► dirty ── submit ──► write-back ── end of the bio ──► clean
 *                            ▲                     │ dirtyPage: both
 *                            └─────────────────────┘
 * A page that is under write-back and dirty again is submitted only when the first write has ended.
 */

import { bugOn, report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { atBoot } from '../shared/boot.ts';
import { memory } from '../shared/memory.ts';
import { mutexLock, mutexUnlock } from '../shared/mutex.ts';
import { spinLock, spinUnlock } from '../shared/spinlock.ts';
import { TASK_UNINTERRUPTIBLE } from '../shared/task.ts';
import { declareWaitQueue, type WaitQueue, waitEvent, wakeUp } from '../shared/wait-queue.ts';
import { type Bio, bioAlloc, bioPut, endIos, REQ_WRITE, setBioData } from './bio.ts';
import { BDI_WRITE_CONGESTED, BlockDevice, bdiCongested } from './block-device.ts';
import { INODE_PAGES, Inode, inodeLock, lockInode, unlockInode } from './inode.ts';
import { genericMakeRequest } from './submit.ts';

/** Who waits for the write-back of any page. Not the inode's own: whoever waited for the last page may free the inode. */
export let pageWait: WaitQueue;
atBoot('page-wait', () => {
  pageWait = declareWaitQueue('&page_wait');
});

/** Puts `stamp` into a page; the device has it after a sync. 0 is not a stamp. */
export function* dirtyPage(inode: Inode, sector: number, stamp: number): Kernel<void> {
  bugOn(sector >= INODE_PAGES || stamp === 0, 'a page has a number below INODE_PAGES and a stamp that is not 0');
  yield* spinLock(inode.treeLock, HERE);
  memory.words[inode.pages.word + sector] = stamp;
  inode.dirty |= 1 << sector;
  yield* spinUnlock(inode.treeLock, HERE);
}

/** Submits every dirty page, after the end of a write of the same page that is under way. */
function* filemapFdatawrite(inode: Inode): Kernel<void> {
  for (;;) {
    yield* spinLock(inode.treeLock, HERE);
    const { dirty } = inode;
    const busy = dirty === 0 ? 0 : yield* inode.writeback.read(HERE);
    const free = dirty & ~busy;
    const sector = 31 - Math.clz32(free & -free);
    let stamp = 0;
    if (free !== 0) {
      inode.dirty = dirty & ~(1 << sector);
      stamp = memory.words[inode.pages.word + sector] as number;
      yield* inode.writeback.set(1 << sector, HERE);
    }
    yield* spinUnlock(inode.treeLock, HERE);
    if (dirty === 0) return;
    if (free === 0) yield* waitOnPages(inode, dirty);
    else yield* submitPage(inode, sector, stamp);
  }
}

function* submitPage(inode: Inode, sector: number, stamp: number): Kernel<void> {
  const bio = bioAlloc();
  if (bio === null) report('assertion', '', 'no bio is free for a page');
  bio.sector = sector;
  bio.size = 1;
  bio.bioFlags = REQ_WRITE;
  bio.bdev = inode.bdev;
  bio.endIo = PAGE_ENDIO;
  bio.private = inode.handle;
  setBioData(bio, 0, stamp);
  yield* genericMakeRequest(bio);
}

/** Clearing the bit is the last touch of the inode. Pairs with the wait in waitOnPages. */
const PAGE_ENDIO = endIos.define('end_buffer_async_write', function* endPage(bio: Bio, error): Kernel<void> {
  const inode = Inode.at(bio.private);
  const { sector } = bio;
  yield* bioPut(bio, HERE);
  if (error !== 0) yield* inode.error.cmpxchg(0, error, HERE);
  yield* inode.writeback.clear(1 << sector, HERE);
  yield* wakeUp(pageWait, HERE);
});

/** Waits until each of these pages has been seen without a write under way. Ignores signals. */
function* waitOnPages(inode: Inode, pages: number): Kernel<void> {
  let left = pages;
  const written = function* written(): Kernel<number> {
    left &= yield* inode.writeback.read(HERE);
    return left === 0 ? 1 : 0;
  };
  if ((yield* written()) === 0) yield* waitEvent(pageWait, written, TASK_UNINTERRUPTIBLE, HERE);
}

/** Writes all dirty pages and waits for every write under way: issues I/O to the device. */
export function* syncBlockdev(inode: Inode): Kernel<void> {
  yield* filemapFdatawrite(inode);
  yield* waitOnPages(inode, (1 << INODE_PAGES) - 1);
}

/** fsync of the device's file; holds i_mutex while it waits for I/O. Gives 0, or the error that a write has had since the last one. */
export function* blkdevFsync(inode: Inode): Kernel<number> {
  yield* mutexLock(inode.iMutex, HERE);
  yield* syncBlockdev(inode);
  yield* mutexUnlock(inode.iMutex, HERE);
  return yield* inode.error.exchange(0, HERE);
}

/**
 * What pdflush does every few seconds: leaves a device alone that is congested, and asks it with inode_lock held. The caller refers
 * to the inode. Models sync_sb_inodes.
 */
export function* syncSbInodes(inode: Inode): Kernel<void> {
  yield* spinLock(inodeLock, HERE);
  const congested = yield* bdiCongested(BlockDevice.at(inode.bdev), BDI_WRITE_CONGESTED);
  yield* spinUnlock(inodeLock, HERE);
  if (congested === 0) yield* writebackSingleInode(inode);
}

/** What pdflush and sync do: holds I_LOCK while it waits for I/O. The caller refers to the inode. */
export function* writebackSingleInode(inode: Inode): Kernel<void> {
  yield* lockInode(inode);
  yield* syncBlockdev(inode);
  yield* unlockInode(inode);
}
