/**
 * The way down: a bio enters the device, is cut at target boundaries, and each piece is mapped.
 *
 * Models dm_request, queue_io, __split_and_process_bio and __map_bio of dm.c (2.6.33), and the split of 4.16: one piece,
 * then the remainder through the engine.
 */
import { BIO_CHAIN, BIO_PART, BIO_RW_BARRIER, Bio, bioChain, bioEndio, REQ_READA } from '../block/bio.ts';
import { type BlockDevice, makeRequests } from '../block/block-device.ts';
import { genericMakeRequest } from '../block/submit.ts';
import { queueWork, Work, Workqueue } from '../irq/workqueue.ts';
import { EIO, EOPNOTSUPP } from '../machine/errno.ts';
import {
  CAUSE_BEYOND_END,
  CAUSE_DEVICE,
  CAUSE_NO_TABLE,
  CAUSE_READA_BLOCKED,
  CAUSE_TARGET,
  EV_BIO_DEFERRED,
  EV_BIO_ERROR,
  EV_BIO_MAPPED,
  EV_BIO_SPLIT,
  EV_CLONE_MAP,
  EV_CLONE_MAPPED,
  EV_CLONE_REQUEUE,
  EV_IO_ERROR,
  EV_IO_START,
  emit,
  listening,
} from '../machine/events.ts';
import { bugOn } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { Mempool, mempoolAlloc } from '../shared/mempool.ts';
import { downRead, downWrite, upRead, upWrite } from '../shared/rw-semaphore.ts';
import { readLock, readUnlock } from '../shared/rwlock.ts';
import { spinLockIrq, spinUnlockIrq } from '../shared/spinlock.ts';
import { current } from '../shared/task.ts';
import { DmIo, DmTargetIo } from './dm-io.ts';
import { DmTable, dmTablePut, dmTableTarget, typeOf } from './dm-table.ts';
import { DM_MAPIO_REMAPPED, DM_MAPIO_REQUEUE, DM_MAPIO_SUBMITTED, type DmTarget } from './dm-target.ts';
import { CLONE_ENDIO, decPending, endBarrierPart, freeTio } from './end-io.ts';
import { DMF_BLOCK_IO_FOR_SUSPEND, DMF_QUEUE_IO_TO_THREAD, MappedDevice } from './mapped-device.ts';
import { seams } from './seams.ts';

/** The live table with a reference, or null. */
export function* dmGetTable(md: MappedDevice): Kernel<DmTable | null> {
  yield* readLock(md.mapLock, HERE);
  const table = md.map === 0 ? null : DmTable.at(md.map);
  if (table !== null) yield* table.holders.get(HERE);
  yield* readUnlock(md.mapLock, HERE);
  return table;
}

/** A bio enters a mapped device. */
export const DM_MAKE_REQUEST = makeRequests.define('dm', (bdev: BlockDevice, bio: Bio) =>
  seams.gate(MappedDevice.at(bdev.private), bio),
);

/** A device without a thread keeps no order. */
export function refuseBarrier(bio: Bio): Kernel<void> {
  if (listening !== 0) emit(EV_BIO_ERROR, bio.address, CAUSE_DEVICE, HERE);
  return bioEndio(bio, -EOPNOTSUPP);
}

/** Seam gate: readers of io_lock may map; barriers are the thread's, and who finds the thread in charge queues behind it. */
export function* dmRequest(md: MappedDevice, bio: Bio): Kernel<void> {
  yield* downRead(md.ioLock, HERE);
  const flags = yield* md.flags.read(HERE);
  if ((flags & DMF_QUEUE_IO_TO_THREAD) === 0 && (bio.bioFlags & BIO_RW_BARRIER) === 0) {
    yield* splitAndProcess(md, bio);
    yield* upRead(md.ioLock, HERE);
    return;
  }
  yield* upRead(md.ioLock, HERE);
  if ((flags & DMF_BLOCK_IO_FOR_SUSPEND) !== 0 && (bio.bioFlags & REQ_READA) !== 0) yield* failReada(bio);
  else yield* seams.queueIo(md, bio);
}

/** Read-ahead does not wait for a resume. */
export function failReada(bio: Bio): Kernel<void> {
  if (listening !== 0) emit(EV_BIO_ERROR, bio.address, CAUSE_READA_BLOCKED, HERE);
  return bioEndio(bio, -EIO);
}

/** Seam queueIo: suspend sets QUEUE_IO_TO_THREAD beforehand, so nothing kicks the thread while it is suspended. */
export function* queueIo(md: MappedDevice, bio: Bio): Kernel<boolean> {
  yield* downWrite(md.ioLock, HERE);
  yield* spinLockIrq(md.deferredLock, HERE);
  if (listening !== 0) emit(EV_BIO_DEFERRED, bio.address, md.address, HERE);
  md.deferred.add(bio);
  yield* spinUnlockIrq(md.deferredLock, HERE);
  const old = yield* md.flags.set(DMF_QUEUE_IO_TO_THREAD, HERE);
  if ((old & DMF_QUEUE_IO_TO_THREAD) === 0) yield* queueWork(Workqueue.at(md.wq), Work.at(md.work), HERE);
  yield* upWrite(md.ioLock, HERE);
  return true;
}

/** Maps a bio: with io_lock held, or in kdmflush. Returns when every piece is mapped or the rest is resubmitted. */
export function* splitAndProcess(md: MappedDevice, bio: Bio): Kernel<void> {
  const table = yield* dmGetTable(md);
  if (table === null) {
    if (listening !== 0) emit(EV_BIO_ERROR, bio.address, CAUSE_NO_TABLE, HERE);
    if ((bio.bioFlags & BIO_RW_BARRIER) === 0) yield* bioEndio(bio, -EIO);
    else yield* endBarrierPart(md, -EIO);
    return;
  }
  const io = yield* mempoolAlloc(DmIo, Mempool.at(md.ioPool), HERE);
  io.md = md.handle;
  io.bio = bio.handle;
  io.ioCount.init(1);
  // Start of accounting, while the gate is held: suspend counts every bio that passed it.
  yield* md.pending.add(1, HERE);
  if (listening !== 0) {
    emit(EV_IO_START, md.address, io.address, HERE);
    emit(EV_BIO_MAPPED, bio.address, md.address, HERE);
  }
  let sector = bio.sector;
  let left = bio.size;
  let error = 0;
  if (left === 0) yield* mapFlushes(md, table, io, bio);
  while (left > 0) {
    const ti = seams.findTarget(table, sector);
    if (ti === null) {
      if (listening !== 0) emit(EV_IO_ERROR, io.address, CAUSE_BEYOND_END, HERE);
      error = -EIO;
      break;
    }
    const len = pieceLength(ti, sector, left);
    yield* mapPiece(io, ti, bio, sector, len, md, 0);
    sector += len;
    left -= len;
    if (left > 0 && seams.splitRemainder && current().inMakeRequest !== 0) {
      yield* resubmitRemainder(md, io, bio, sector - bio.sector);
      break;
    }
  }
  yield* decPending(io, error);
  yield* dmTablePut(table);
}

/** An empty barrier: all flushes of all targets. */
function* mapFlushes(md: MappedDevice, table: DmTable, io: DmIo, flush: Bio): Kernel<void> {
  for (let i = 0; i < table.numTargets; i++) {
    const ti = dmTableTarget(table, i);
    for (let number = 0; number < ti.numFlushRequests; number++)
      yield* mapPiece(io, ti, flush, flush.sector, 0, md, number);
  }
}

/** Up to the end of the target or to its next split boundary. */
function pieceLength(ti: DmTarget, sector: number, left: number): number {
  let len = Math.min(left, ti.begin + ti.len - sector);
  if (ti.splitIo !== 0) len = Math.min(len, ti.splitIo - ((sector - ti.begin) % ti.splitIo));
  return len;
}

/** The data of a barrier is an ordinary write: what makes it one are the flushes around it. */
const NOT_IN_DATA = BIO_CHAIN | BIO_RW_BARRIER;

/**
 * Makes a clone of a piece, or a flush when `len` is 0, asks the target, and does what it says. After SUBMITTED the clone is
 * the target's.
 */
function* mapPiece(
  io: DmIo,
  ti: DmTarget,
  bio: Bio,
  sector: number,
  len: number,
  md: MappedDevice,
  number: number,
): Kernel<void> {
  const tio = yield* mempoolAlloc(DmTargetIo, Mempool.at(md.tioPool), HERE);
  const clone = yield* mempoolAlloc(Bio, Mempool.at(md.bioSet), HERE);
  clone.sector = sector;
  clone.size = len;
  clone.data = bio.data + (sector - bio.sector);
  clone.bdev = bio.bdev;
  clone.bioFlags = (bio.bioFlags & ~(len === 0 ? BIO_CHAIN : NOT_IN_DATA)) | BIO_PART;
  clone.endIo = CLONE_ENDIO;
  clone.private = tio.handle;
  tio.io = io.handle;
  tio.target = ti.handle;
  tio.clone = clone.handle;
  tio.info = number;
  // Counted before map: the clone may have ended when map returns.
  yield* io.ioCount.add(1, HERE);
  if (listening !== 0) emit(EV_CLONE_MAP, tio.address, ti.address, HERE);
  const said = yield* typeOf(ti).map(ti, clone, tio);
  if (said === DM_MAPIO_REMAPPED) {
    if (listening !== 0) emit(EV_CLONE_MAPPED, tio.address, clone.address, HERE);
    yield* genericMakeRequest(clone);
  } else if (said !== DM_MAPIO_SUBMITTED && seams.mapHasEnded(said)) {
    if (listening !== 0) {
      if (said === DM_MAPIO_REQUEUE) emit(EV_CLONE_REQUEUE, tio.address, md.address, HERE);
      else emit(EV_IO_ERROR, io.address, CAUSE_TARGET, HERE);
    }
    yield* freeTio(tio, clone);
    yield* decPending(io, said);
  }
}

/** Seam mapHasEnded: an error, or the target wants the I/O back. */
export function mapHasEnded(said: number): boolean {
  bugOn(said > DM_MAPIO_REQUEUE, `unimplemented target map return value: ${said}`);
  return true;
}

/**
 * The mapped part gets a bio of its own, chained to the original, which goes through the engine again for the rest. The part
 * is trimmed to what was mapped: untrimmed, a push-back of it would map the rest twice (fixed after 18a25da8).
 */
function* resubmitRemainder(md: MappedDevice, io: DmIo, bio: Bio, mapped: number): Kernel<void> {
  const part = yield* mempoolAlloc(Bio, Mempool.at(md.bioSplit), HERE);
  part.sector = bio.sector;
  part.size = mapped;
  part.data = bio.data;
  part.bdev = bio.bdev;
  part.bioFlags = (bio.bioFlags & ~BIO_CHAIN) | BIO_PART;
  yield* bioChain(part, bio, HERE);
  io.bio = part.handle;
  bio.sector += mapped;
  bio.size -= mapped;
  bio.data += mapped;
  if (listening !== 0) emit(EV_BIO_SPLIT, bio.address, part.address, HERE);
  yield* genericMakeRequest(bio);
}
