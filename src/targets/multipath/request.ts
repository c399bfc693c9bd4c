/**
 * Multipath for requests: as for bios, but a clone that has failed is never sent again; the core makes another one.
 *
 * Models multipath_map, multipath_end_io, do_end_io and dispatch_queued_ios of dm-mpath.c (2.6.33). Not modelled: the other path
 * of a group for a request that a path has refused.
 */
import {
  DM_ENDIO_DONE,
  DM_ENDIO_REQUEUE,
  DM_MAPIO_REMAPPED,
  DM_MAPIO_REQUEUE,
  type DmRqTargetIo,
  type DmTarget,
  dmDeviceBusy,
  dmDispatchRequest,
  dmKillUnmapped,
  dmRequeueUnmapped,
  dmRqMapinfo,
  EIO,
  EOPNOTSUPP,
  type Kernel,
  Mempool,
  mempoolAllocAtomic,
  type Request,
  spinLockIrqsave,
  spinUnlockIrqrestore,
} from '../../core/device-mapper.ts';
import { REQUESTS } from './carrier.ts';
import { freeMpio, mapIo, mustPushBack } from './map.ts';
import { MpathIo, type Multipath, multipathOf, Pgpath, PriorityGroup, pathsOf } from './multipath.ts';
import { failPath } from './path.ts';

/** Interrupts may be off, so without a record the request goes back to be mapped later. */
export function* mapRq(ti: DmTarget, clone: Request, tio: DmRqTargetIo): Kernel<number> {
  const m = multipathOf(ti);
  const mpio = yield* mempoolAllocAtomic(MpathIo, Mempool.at(m.mpioPool), HERE);
  if (mpio === null) return DM_MAPIO_REQUEUE;
  tio.info = mpio.handle;
  const answer = yield* mapIo(m, clone, REQUESTS, mpio, false);
  if (answer < 0 || answer === DM_MAPIO_REQUEUE) yield* freeMpio(mpio, HERE);
  return answer;
}

/** A flush comes here with the queue_lock of a path held. */
export function* rqEndIo(ti: DmTarget, _clone: Request, error: number, tio: DmRqTargetIo): Kernel<number> {
  const mpio = MpathIo.at(tio.info);
  const answer = yield* doEndIo(multipathOf(ti), error, mpio);
  yield* freeMpio(mpio, HERE);
  return answer;
}

/** What becomes of a request whose clone has ended. */
function* doEndIo(m: Multipath, error: number, mpio: MpathIo): Kernel<number> {
  if (error === 0) return DM_ENDIO_DONE;
  // Not a fault of the path.
  if (error === -EOPNOTSUPP) return error;
  if (mpio.pgpath !== 0) yield* failPath(Pgpath.at(mpio.pgpath));
  let answer = DM_ENDIO_REQUEUE;
  const saved = yield* spinLockIrqsave(m.lock, HERE);
  if (m.nrValidPaths === 0 && m.queueIfNoPath === 0 && !(yield* mustPushBack(m))) answer = -EIO;
  yield* spinUnlockIrqrestore(m.lock, saved, HERE);
  return answer;
}

/**
 * Seam busy: whether a request should rather wait in the queue of the device: all paths of the group that comes next have as much as they can
 * take. Without a path it should come, to be queued or to fail. With queue_lock held. Models multipath_busy.
 */
export function* busy(m: Multipath): Kernel<number> {
  const saved = yield* spinLockIrqsave(m.lock, HERE);
  let active = 0;
  let full = 0;
  for (const pgpath of nextPaths(m)) {
    if (pgpath.isActive === 0) continue;
    active++;
    full += yield* dmDeviceBusy(pgpath.device);
  }
  yield* spinUnlockIrqrestore(m.lock, saved, HERE);
  return active > 0 && full === active ? 1 : 0;
}

/** The paths of the group that is probably used next; none if it is not known yet. */
function nextPaths(m: Multipath): Iterable<Pgpath> {
  const group = m.currentPgpath === 0 && m.nextPg !== 0 ? m.nextPg : m.currentPg;
  return group === 0 ? [] : pathsOf(PriorityGroup.at(group));
}

/** In kmultipathd: a request that was queued is mapped again. */
export function* dispatchRequest(m: Multipath, clone: Request): Kernel<void> {
  const mpio = MpathIo.at(dmRqMapinfo(clone).info);
  const answer = yield* mapIo(m, clone, REQUESTS, mpio, true);
  if (answer === DM_MAPIO_REMAPPED) {
    yield* dmDispatchRequest(clone);
    return;
  }
  if (answer >= 0 && answer !== DM_MAPIO_REQUEUE) return;
  yield* freeMpio(mpio, HERE);
  if (answer < 0) yield* dmKillUnmapped(clone, answer);
  else yield* dmRequeueUnmapped(clone);
}
