/**
 * The way back: an error on a path takes the path out of service, and the I/O tries another.
 *
 * Models multipath_end_io and do_end_io of dm-mpath.c (2.6.20). Any context.
 */
import {
  type Bio,
  DM_ENDIO_DONE,
  DM_ENDIO_INCOMPLETE,
  DM_ENDIO_REQUEUE,
  type DmTarget,
  type DmTargetIo,
  dmBioRestore,
  EIO,
  EOPNOTSUPP,
  type Kernel,
  spinLockIrqsave,
  spinUnlockIrqrestore,
} from '../../core/device-mapper.ts';
import { BIOS } from './carrier.ts';
import { enqueue, freeMpio, mustPushBack } from './map.ts';
import { MpathIo, type Multipath, multipathOf, Pgpath } from './multipath.ts';
import { failPath } from './path.ts';

export function* endIo(ti: DmTarget, clone: Bio, error: number, tio: DmTargetIo): Kernel<number> {
  const mpio = MpathIo.at(tio.info);
  // Not a fault of the path.
  const answer = error === 0 || error === -EOPNOTSUPP ? DM_ENDIO_DONE : yield* doEndIo(multipathOf(ti), clone, mpio);
  if (answer !== DM_ENDIO_INCOMPLETE) yield* freeMpio(mpio, HERE);
  return answer;
}

/** What becomes of a clone that has failed. */
function* doEndIo(m: Multipath, clone: Bio, mpio: MpathIo): Kernel<number> {
  const early = yield* withoutPaths(m);
  if (early !== DM_ENDIO_INCOMPLETE) return early;
  if (mpio.pgpath !== 0) yield* failPath(Pgpath.at(mpio.pgpath));
  dmBioRestore(mpio.details, clone);
  yield* requeue(m, clone);
  return DM_ENDIO_INCOMPLETE;
}

/** While no path is left: back to the core, an error, or the queue after all. */
function* withoutPaths(m: Multipath): Kernel<number> {
  const saved = yield* spinLockIrqsave(m.lock, HERE);
  let answer = DM_ENDIO_INCOMPLETE;
  if (m.nrValidPaths === 0) {
    if (yield* mustPushBack(m)) answer = DM_ENDIO_REQUEUE;
    else if (m.queueIfNoPath === 0) answer = -EIO;
  }
  yield* spinUnlockIrqrestore(m.lock, saved, HERE);
  return answer;
}

/** As it was before map, and on the queue. */
function* requeue(m: Multipath, clone: Bio): Kernel<void> {
  const saved = yield* spinLockIrqsave(m.lock, HERE);
  yield* enqueue(m, clone, BIOS);
  yield* spinUnlockIrqrestore(m.lock, saved, HERE);
}
