/**
 * The block device under a mapped device: I32 SIZE_CONSISTENT, I33 NO_FREEZE_UNDER_NOFLUSH, I51 STALL_FREE_RESIZE.
 *
 * I32 is checked with suspend_lock held, for the inode only while the device itself refers to it: others' may be gone at any moment.
 * At quiescence every inode is looked at.
 */

import { BlockDevice } from '../block/block-device.ts';
import { SB_UNFROZEN, SuperBlock } from '../block/file-system.ts';
import { I_NEW, Inode, inodeWait } from '../block/inode.ts';
import { DmTable, dmTableSize } from '../core/dm-table.ts';
import { DMF_FROZEN, MappedDevice } from '../core/mapped-device.ts';
import { report } from '../machine/finding.ts';
import type { Site } from '../machine/site.ts';
import { memory } from '../shared/memory.ts';
import { mutexOwner } from '../shared/mutex.ts';
import { Task, taskName } from '../shared/task.ts';
import { noflushIsSet } from './pushback.ts';
import { addressOf, eachLive, MD_FLAGS, mdName } from './words.ts';

const BDEV_CAPACITY = BlockDevice.offsetOf('capacity');
const BDEV_INODE = BlockDevice.offsetOf('inode');
const INODE_STATE = Inode.offsetOf('iState');
const INODE_SIZE = Inode.offsetOf('iSize');

/** lock_fs begins. */
export function freezeAllowed(md: number, site: Site): void {
  if (noflushIsSet(md))
    report('assertion', 'I33', `${mdName(md)} is frozen in a noflush suspend: what it syncs may be pushed back`, site);
}

/** A thaw begins. */
export function thawAllowed(md: number, site: Site): void {
  if ((Atomics.load(memory.words, md + MD_FLAGS) & DMF_FROZEN) === 0)
    report('assertion', 'I33', `${mdName(md)} is thawed, and it has not been frozen`, site);
}

/** A table has been bound, or suspend or resume returns. */
export function sizeConsistent(address: number, site: Site): void {
  const md = MappedDevice.atAddress(address);
  if (md.map === 0 || md.bdev === 0) return;
  checkSize(address, md.suspendedBdev, site);
}

function checkSize(address: number, inode: number, site: Site): void {
  const w = memory.words;
  const md = MappedDevice.atAddress(address);
  const size = dmTableSize(DmTable.at(md.map));
  const capacity = Atomics.load(w, addressOf(md.bdev) + BDEV_CAPACITY);
  if (capacity !== size)
    report('assertion', 'I32', `${mdName(address)} has ${capacity} sectors, and its table has ${size}`, site);
  if (inode === 0 || (Atomics.load(w, addressOf(inode) + INODE_STATE) & I_NEW) !== 0) return;
  const iSize = Atomics.load(w, addressOf(inode) + INODE_SIZE);
  if (iSize !== size)
    report('assertion', 'I32', `i_size of ${mdName(address)} is ${iSize}, and its table has ${size} sectors`, site);
}

/** A resume returns. */
export function resumedClean(md: number, result: number, site: Site): void {
  sizeConsistent(md, site);
  if (result === 0 && (Atomics.load(memory.words, md + MD_FLAGS) & DMF_FROZEN) !== 0)
    report('assertion', 'I33', `resume of ${mdName(md)} gives 0 and leaves it frozen`, site);
}

/** At quiescence: sizes agree, and what is frozen is frozen by a suspend. Nobody else may leave a device frozen at the end of a program. */
export function checkSizesAndFreezes(): void {
  eachLive(MappedDevice, (address) => {
    const { map, bdev } = MappedDevice.atAddress(address);
    if (map === 0 || bdev === 0) return;
    const inode = memory.words[addressOf(bdev) + BDEV_INODE] as number;
    checkSize(address, inode, 0);
    if (inode !== 0) checkFreeze(address, Inode.at(inode));
  });
}

function checkFreeze(md: number, inode: Inode): void {
  const frozen = ((memory.words[md + MD_FLAGS] as number) & DMF_FROZEN) !== 0;
  if (inode.fsfreezeCount !== (frozen ? 1 : 0))
    report(
      'assertion',
      'I33',
      `${mdName(md)} is ${frozen ? '' : 'not '}frozen, and its freeze count is ${inode.fsfreezeCount}`,
    );
  const sb = inode.superBlock === 0 ? null : SuperBlock.at(inode.superBlock);
  if (sb === null || frozen) return;
  if (memory.words[sb.frozen.word] !== SB_UNFROZEN)
    report('assertion', 'I33', `the file system of ${mdName(md)} is frozen, and the device is not`);
}

/** Whoever holds suspend_lock waits for an inode. Nothing can move, or not `stuck` at least. */
export function checkStalledResize(address: number, stuck: readonly Task[] | null = null): void {
  const owner = mutexOwner(MappedDevice.atAddress(address).suspendLock);
  if (owner === null || stuck?.every(({ handle }) => handle !== owner.handle)) return;
  const stalled = (what: string, holder: string): never =>
    report(
      'deadlock',
      'I51',
      `${taskName(owner)} holds suspend_lock of ${mdName(address)} and waits for ${what}, which ${holder} has`,
    );
  for (const inode of Inode.live()) {
    const fsync = mutexOwner(inode.iMutex);
    if (owner.blockedOn === inode.iMutex.word && fsync !== null) stalled('i_mutex', taskName(fsync));
    if (owner.blockedOn === inodeWait.word && inode.lockedBy !== 0)
      stalled('I_LOCK of an inode', taskName(Task.at(inode.lockedBy)));
  }
}
