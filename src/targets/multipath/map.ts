/**
 * The way down: a clone goes to a path, waits on the queue, goes back to the core, or fails.
 *
 * Models multipath_map, map_io and __must_push_back of dm-mpath.c (2.6.20). The sector stays: all paths lead to one disk.
 */
import {
  type Bio,
  DM_MAPIO_REMAPPED,
  DM_MAPIO_REQUEUE,
  DM_MAPIO_SUBMITTED,
  type DmTarget,
  type DmTargetIo,
  dmBioRecord,
  dmNoflushSuspending,
  EIO,
  type Kernel,
  Mempool,
  mempoolAlloc,
  mempoolFreer,
  spinLockIrqsave,
  spinUnlockIrqrestore,
} from '../../core/device-mapper.ts';
import { BIOS, type Carrier } from './carrier.ts';
import { choosePgpath, currentPath } from './choose.ts';
import { kickQueue, MpathIo, type Multipath, multipathOf, said, targetOf } from './multipath.ts';
import { seams } from './seams.ts';

export const freeMpio = mempoolFreer(MpathIo);

/** The core asks. What becomes of the record: it lives as long as the target hears of the clone's end. */
export function* map(ti: DmTarget, clone: Bio, tio: DmTargetIo): Kernel<number> {
  const m = multipathOf(ti);
  const mpio = yield* mempoolAlloc(MpathIo, Mempool.at(m.mpioPool), HERE);
  dmBioRecord(mpio.details, clone);
  tio.info = mpio.handle;
  const answer = yield* mapIo(m, clone, BIOS, mpio, false);
  if (answer < 0 || answer === DM_MAPIO_REQUEUE) yield* freeMpio(mpio, HERE);
  return answer;
}

/** Finds a way for a clone; `wasQueued`: it comes from the queue. */
export function* mapIo<T>(
  m: Multipath,
  clone: T,
  carrier: Carrier<T>,
  mpio: MpathIo,
  wasQueued: boolean,
): Kernel<number> {
  const saved = yield* spinLockIrqsave(m.lock, HERE);
  if (m.currentPgpath === 0 || (m.queueIo === 0 && m.repeatCount > 0 && --m.repeatCount === 0)) choosePgpath(m);
  let pgpath = currentPath(m);
  if (wasQueued) {
    m.queueSize--;
    said(m, -1);
  }
  let answer = -EIO;
  if (pgpath === null ? m.queueIfNoPath !== 0 : m.queueIo !== 0) {
    pgpath = null;
    answer = DM_MAPIO_SUBMITTED;
    yield* enqueue(m, clone, carrier);
  } else if (pgpath !== null) {
    carrier.send(clone, pgpath.device);
    answer = DM_MAPIO_REMAPPED;
  } else if (yield* mustPushBack(m)) {
    answer = DM_MAPIO_REQUEUE;
  }
  // After SUBMITTED the record may be another's as soon as the lock is free.
  mpio.pgpath = pgpath?.handle ?? 0;
  yield* spinUnlockIrqrestore(m.lock, saved, HERE);
  return answer;
}

/** With m->lock held: the clone waits for a path, or for the group to be activated. */
export function* enqueue<T>(m: Multipath, clone: T, carrier: Carrier<T>): Kernel<void> {
  carrier.enqueue(m, clone);
  m.queueSize++;
  said(m);
  if (seams.mayActivate(m) || m.queueIo === 0) yield* kickQueue(m);
}

/**
 * With m->lock held: the flag differs from what was saved between presuspend and resume, if I/O was to be queued at all; and
 * the suspend is one that takes I/O back.
 */
export function* mustPushBack(m: Multipath): Kernel<boolean> {
  return m.queueIfNoPath !== m.savedQueueIfNoPath && (yield* dmNoflushSuspending(targetOf(m)));
}
