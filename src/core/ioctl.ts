/**
 * The verbs that a user has: create, load, suspend, resume, remove, open, close, wait, status.
 *
 * Models dm-ioctl.c with do_suspend and do_resume, and the life of a mapped device (alloc_dev, free_dev, __bind, __unbind,
 * dm_swap_table). All of it in process context.
 */
import { Bio } from '../block/bio.ts';
import {
  addBlockDevice,
  BlockDevice,
  closeBlockDevice,
  devNumber,
  minorLock,
  removeBlockDevice,
} from '../block/block-device.ts';
import { createSinglethreadWorkqueue, destroyWorkqueue, initWork, Work, Workqueue } from '../irq/workqueue.ts';
import { EBUSY, EINVAL, ENOMEM, ENXIO } from '../machine/errno.ts';
import { EV_BIND, EV_MD_FREE, emit } from '../machine/events.ts';
import { CHOICE_ALLOCATION, type Kernel } from '../machine/kernel.ts';
import { printk } from '../machine/log.ts';
import { ops } from '../machine/operations.ts';
import { atBoot } from '../shared/boot.ts';
import { Mempool, mempoolCreate, mempoolDestroy } from '../shared/mempool.ts';
import { assertMutexHeld, mutexLock, mutexUnlock } from '../shared/mutex.ts';
import { cpu } from '../shared/per-cpu.ts';
import { declareRwSemaphore, downRead, downWrite, type RwSemaphore, upRead, upWrite } from '../shared/rw-semaphore.ts';
import { writeLockIrqsave, writeUnlockIrqrestore } from '../shared/rwlock.ts';
import { spinLock, spinUnlock } from '../shared/spinlock.ts';
import type { Struct, StructType } from '../shared/struct.ts';
import { __setSize, dropInode } from './bdev-policy.ts';
import { DM_ANY_CONGESTED } from './congested.ts';
import { DM_WQ_WORK, KDMFLUSH } from './deferred.ts';
import { DmIo, DmTargetIo } from './dm-io.ts';
import {
  DmTable,
  dmTableCreate,
  dmTableDestroy,
  dmTablePostsuspendTargets,
  dmTablePresuspendTargets,
  dmTablePut,
  dmTableSize,
  dmTableText,
} from './dm-table.ts';
import { dmTableBindEvents } from './event.ts';
import { DM_TYPE_BIO_BASED, DMF_FREEING, DMF_SUSPENDED, MappedDevice } from './mapped-device.ts';
import { allocRqDev, freeRqDev, makeStackable } from './rq-queue.ts';
import { DM_RQ_MAKE_REQUEST } from './rq-request-fn.ts';
import { seams } from './seams.ts';
import { DM_MAKE_REQUEST, dmGetTable } from './submit.ts';
import { DM_SUSPEND_LOCKFS_FLAG, DM_SUSPEND_NOFLUSH_FLAG, dmResume, dmSuspend, dmSuspended } from './suspend.ts';

export const DM_MAJOR = 254;

/** Guards the inactive tables, and which devices have a name. Dropped before any suspend, swap or resume. */
export let hashLock: RwSemaphore;
atBoot('hash-lock', () => {
  hashLock = declareRwSemaphore('&_hash_lock');
});

export interface CreateOptions {
  readonly name: string;
  readonly minor: number;
  /** Reserves of the pools; the deadlocks need 1 to 4. */
  readonly reserve?: number;
  /** CPU of kdmflush; default the creator's. */
  readonly cpu?: number;
  /**
   * The device takes requests, and tables whose targets do; default no. In the kernel the first table says so, and a target that
   * can do both is what the device is.
   */
  readonly requestBased?: boolean;
  /** Requests in its queue's pool; default 4. */
  readonly nrRequests?: number;
}

/** Creates a device without a table; −EBUSY when its name or number is taken, −ENOMEM. The creator holds its one reference. */
export function* dmCreate(options: CreateOptions): Kernel<MappedDevice | number> {
  if ((yield* ops.choice(CHOICE_ALLOCATION, 2, HERE)) !== 0) return -ENOMEM;
  const md = MappedDevice.alloc();
  if (md === null) return -ENOMEM;
  md.holders.init(1);
  let made = allocDev(md, options);
  if (made && options.requestBased === true)
    made = yield* allocRqDev(md, { reserve: options.reserve ?? 1, nrRequests: options.nrRequests ?? 4 });
  const result = made ? yield* publish(md, options) : -ENOMEM;
  if (result === 0) return md;
  yield* giveUp(md);
  return result;
}

/** A device that could not be made. Once it had its number, somebody may have found it, and puts it last. */
function* giveUp(md: MappedDevice): Kernel<void> {
  if (md.bdev === 0) {
    yield* freeDev(md);
    return;
  }
  yield* spinLock(minorLock, HERE);
  BlockDevice.at(md.bdev).deleting = 1;
  yield* spinUnlock(minorLock, HERE);
  yield* dmPut(md);
}

/** All that a device is made of; false when something is missing. */
function allocDev(md: MappedDevice, options: CreateOptions): boolean {
  const reserve = options.reserve ?? 1;
  md.type = DM_TYPE_BIO_BASED;
  md.ioPool = mempoolCreate(DmIo, reserve)?.handle ?? 0;
  md.tioPool = mempoolCreate(DmTargetIo, reserve)?.handle ?? 0;
  md.bioSet = mempoolCreate(Bio, reserve)?.handle ?? 0;
  md.bioSplit = mempoolCreate(Bio, reserve)?.handle ?? 0;
  md.wq = createSinglethreadWorkqueue(KDMFLUSH, options.cpu ?? cpu)?.handle ?? 0;
  md.work = initWork(DM_WQ_WORK, md.handle).handle;
  return md.ioPool !== 0 && md.tioPool !== 0 && md.bioSet !== 0 && md.bioSplit !== 0 && md.wq !== 0;
}

/** Others can find the device's number from now on, and in the end its name. Without a table it fails what it is sent. */
function* publish(md: MappedDevice, { minor, name }: CreateOptions): Kernel<number> {
  const bdev = yield* addBlockDevice({
    major: DM_MAJOR,
    minor,
    name,
    makeRequest: md.queue === 0 ? DM_MAKE_REQUEST : DM_RQ_MAKE_REQUEST,
    congestedFn: DM_ANY_CONGESTED,
    private: md.handle,
    queue: md.queue,
  });
  if (typeof bdev === 'number') return bdev;
  md.bdev = bdev.handle;
  const result = yield* seams.bdevPolicy.create(md);
  if (result === 0) yield* hashInsert(md);
  return result;
}

/** Models dm_hash_insert and dm_set_mdptr: the name leads to the device. */
function* hashInsert(md: MappedDevice): Kernel<void> {
  yield* downWrite(hashLock, HERE);
  md.hashed = 1;
  yield* upWrite(hashLock, HERE);
}

/** Puts a table into the inactive slot, in place of one that is there; a refused table changes nothing. */
export function* dmTableLoad(md: MappedDevice, text: string): Kernel<number> {
  const table = yield* dmTableCreate(md.handle, devNumber(BlockDevice.at(md.bdev)), text);
  if (typeof table === 'number') return table;
  yield* downWrite(hashLock, HERE);
  const old = md.newMap;
  md.newMap = table.handle;
  yield* upWrite(hashLock, HERE);
  if (old !== 0) yield* dmTableDestroy(DmTable.at(old));
  return 0;
}

/** Drops the inactive table, if there is one. */
export function* dmTableClear(md: MappedDevice): Kernel<void> {
  const old = yield* takeInactive(md);
  if (old !== null) yield* dmTableDestroy(old);
}

function* takeInactive(md: MappedDevice): Kernel<DmTable | null> {
  yield* downWrite(hashLock, HERE);
  const handle = md.newMap;
  md.newMap = 0;
  yield* upWrite(hashLock, HERE);
  return handle === 0 ? null : DmTable.at(handle);
}

/** Keeps a suspend from freezing the file system, which it does by default. */
export const DM_SKIP_LOCKFS_FLAG = 1 << 10;

/** What the flags of a command ask of dm_suspend. */
function suspendFlagsOf(flags: number): number {
  return (flags & DM_SUSPEND_NOFLUSH_FLAG) | ((flags & DM_SKIP_LOCKFS_FLAG) === 0 ? DM_SUSPEND_LOCKFS_FLAG : 0);
}

/**
 * Suspends unless it is suspended already, which is success. `flags`: DM_SUSPEND_NOFLUSH_FLAG, DM_SKIP_LOCKFS_FLAG, here and in
 * doResume.
 */
export function* doSuspend(md: MappedDevice, flags: number): Kernel<number> {
  if (yield* dmSuspended(md)) return 0;
  return yield* dmSuspend(md, suspendFlagsOf(flags));
}

/** Binds the inactive table, if there is one, suspending first where needed, and resumes. */
export function* doResume(md: MappedDevice, flags: number): Kernel<number> {
  const next = yield* takeInactive(md);
  let old: DmTable | null = null;
  if (next !== null) {
    // The error of this suspend is ignored: if it was interrupted the swap below says −EINVAL (spec B20).
    if (!(yield* dmSuspended(md))) yield* dmSuspend(md, suspendFlagsOf(flags));
    const swapped = yield* dmSwapTable(md, next);
    if (typeof swapped === 'number') {
      yield* dmTableDestroy(next);
      return swapped;
    }
    old = swapped.old;
  }
  const result = (yield* dmSuspended(md)) ? yield* dmResume(md) : 0;
  if (old !== null) yield* dmTableDestroy(old);
  return result;
}

/** Replaces the live table of a suspended device; gives the old one, or −EINVAL. */
export function* dmSwapTable(md: MappedDevice, table: DmTable): Kernel<{ old: DmTable | null } | number> {
  yield* mutexLock(md.suspendLock, HERE);
  if (((yield* md.flags.read(HERE)) & DMF_SUSPENDED) === 0) {
    yield* mutexUnlock(md.suspendLock, HERE);
    return -EINVAL;
  }
  if (!(yield* seams.bdevPolicy.mayBind(md, dmTableSize(table)))) {
    yield* mutexUnlock(md.suspendLock, HERE);
    return -EINVAL;
  }
  if (table.type !== md.type) {
    printk("device-mapper: core: can't change the device type after a table is bound");
    yield* mutexUnlock(md.suspendLock, HERE);
    return -EINVAL;
  }
  const old = yield* seams.replaceTable(md, table);
  yield* mutexUnlock(md.suspendLock, HERE);
  return { old };
}

/** Seam replaceTable: in one step, so that there is a table at every moment. With suspend_lock held. */
export function* bindInPlace(md: MappedDevice, table: DmTable): Kernel<DmTable | null> {
  const old = md.map === 0 ? null : DmTable.at(md.map);
  if (old !== null) yield* dmTableBindEvents(old, false);
  yield* __bind(md, table);
  return old;
}

/** Makes a table the live one. With suspend_lock held. */
export function* __bind(md: MappedDevice, table: DmTable): Kernel<void> {
  assertMutexHeld(md.suspendLock, HERE);
  yield* dmTableBindEvents(table, true);
  // The size changes before the table does: what was queued for a longer table is refused by the table itself.
  yield* __setSize(md, dmTableSize(table));
  yield* seams.setMap(md, table.handle);
  yield* makeStackable(md, table);
  emit(EV_BIND, md.address, table.address, HERE);
}

/** Takes the live table away; gives it back. */
export function* __unbind(md: MappedDevice): Kernel<DmTable | null> {
  if (md.map === 0) return null;
  const table = DmTable.at(md.map);
  yield* dmTableBindEvents(table, false);
  yield* seams.setMap(md, 0);
  return table;
}

/** Seam setMap. */
export function* setMap(md: MappedDevice, table: number): Kernel<void> {
  const saved = yield* writeLockIrqsave(md.mapLock, HERE);
  md.map = table;
  yield* writeUnlockIrqrestore(md.mapLock, saved, HERE);
}

/** Opens the device; 0 or −ENXIO when it is going away. */
export function* dmOpen(md: MappedDevice): Kernel<number> {
  const bdev = BlockDevice.at(md.bdev);
  yield* spinLock(minorLock, HERE);
  const gone = bdev.deleting !== 0;
  if (!gone) bdev.openCount++;
  yield* spinUnlock(minorLock, HERE);
  if (gone) return -ENXIO;
  yield* md.holders.get(HERE);
  return 0;
}

/** Closes it; gives how often it is still open. */
export function* dmClose(md: MappedDevice): Kernel<number> {
  const left = yield* closeBlockDevice(BlockDevice.at(md.bdev));
  yield* dmPut(md);
  return left;
}

/** Removes a device that is not open; 0 or −EBUSY. The device may be gone when this returns. */
export function* dmRemove(md: MappedDevice): Kernel<number> {
  const bdev = BlockDevice.at(md.bdev);
  yield* spinLock(minorLock, HERE);
  const busy = bdev.openCount !== 0 || bdev.deleting !== 0;
  if (!busy) bdev.deleting = 1;
  yield* spinUnlock(minorLock, HERE);
  if (busy) return -EBUSY;
  yield* dmTableClear(md);
  yield* seams.awaitInFlight(md);
  yield* dmPut(md);
  return 0;
}

/** Gives up a reference; the last one takes the device apart, which sleeps. */
export function* dmPut(md: MappedDevice): Kernel<void> {
  if ((yield* md.holders.put(HERE)) !== 0) return;
  const bdev = BlockDevice.at(md.bdev);
  yield* spinLock(minorLock, HERE);
  bdev.deleting = 1;
  yield* md.flags.set(DMF_FREEING, HERE);
  yield* spinUnlock(minorLock, HERE);
  const table = yield* dmGetTable(md);
  if (table !== null) {
    if (!(yield* dmSuspended(md))) {
      yield* dmTablePresuspendTargets(table);
      yield* dmTablePostsuspendTargets(table);
    }
    yield* dmTablePut(table);
  }
  const unbound = yield* __unbind(md);
  if (unbound !== null) yield* dmTableDestroy(unbound);
  yield* freeDev(md);
}

/** Takes apart what there is of a device. */
function* freeDev(md: MappedDevice): Kernel<void> {
  yield* seams.thawAtRemoval(md);
  yield* dropInode(md);
  if (md.bdev !== 0) yield* removeBlockDevice(BlockDevice.at(md.bdev));
  if (md.wq !== 0) yield* destroyWorkqueue(Workqueue.at(md.wq), HERE);
  yield* freeRqDev(md);
  Work.free(Work.at(md.work));
  emit(EV_MD_FREE, md.address, 0, HERE);
  destroyPool(DmIo, md.ioPool);
  destroyPool(DmTargetIo, md.tioPool);
  destroyPool(Bio, md.bioSet);
  destroyPool(Bio, md.bioSplit);
  MappedDevice.free(md);
}

function destroyPool(type: StructType<Struct>, handle: number): void {
  if (handle !== 0) mempoolDestroy(type, Mempool.at(handle));
}

/** The live table as text (`dmsetup table` / `status`), '' without one. */
export function* dmTableStatus(md: MappedDevice, status: boolean): Kernel<string> {
  yield* downRead(hashLock, HERE);
  const table = yield* dmGetTable(md);
  const text = table === null ? '' : yield* dmTableText(table, status);
  if (table !== null) yield* dmTablePut(table);
  yield* upRead(hashLock, HERE);
  return text;
}
