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
  lockdepAssertHeld,
  spinLockIrqsave,
  spinUnlockIrqrestore,
} from '../../core/device-mapper.ts';
import { BIOS } from './carrier.ts';
import { enqueue, freeMpio, mustPushBack } from './map.ts';
import { MpathIo, type Multipath, multipathOf, Pgpath } from './multipath.ts';
import { failPath } from './path.ts';
import { seams } from './seams.ts';

export function* endIo(ti: DmTarget, clone: Bio, error: number, tio: DmTargetIo): Kernel<number> {
  const mpio = MpathIo.at(tio.info);
  // Not a fault of the path.
  const answer = error === 0 || error === -EOPNOTSUPP ? DM_ENDIO_DONE : yield* doEndIo(multipathOf(ti), clone, mpio);
  if (answer !== DM_ENDIO_INCOMPLETE) yield* freeMpio(mpio, HERE);
  return answer;
}

/** What becomes of a clone that has failed. */
function* doEndIo(m: Multipath, clone: Bio, mpio: MpathIo): Kernel<number> {
  const early = yield* seams.withoutPaths(m);
  if (early !== DM_ENDIO_INCOMPLETE) return early;
  if (mpio.pgpath !== 0) yield* failPath(Pgpath.at(mpio.pgpath));
  dmBioRestore(mpio.details, clone);
  yield* requeue(m, clone);
  return DM_ENDIO_INCOMPLETE;
}

/** Seam withoutPaths. kmultipathd ends clones with interrupts on, and a disk's interrupt may end another one on top. */
export function* withoutPaths(m: Multipath): Kernel<number> {
  const saved = yield* spinLockIrqsave(m.lock, HERE);
  const answer = yield* __withoutPaths(m);
  yield* spinUnlockIrqrestore(m.lock, saved, HERE);
  return answer;
}

/** While no path is left: back to the core, an error, or the queue after all. */
export function* __withoutPaths(m: Multipath): Kernel<number> {
  lockdepAssertHeld(m.lock, HERE);
  if (m.nrValidPaths > 0) return DM_ENDIO_INCOMPLETE;
  if (yield* mustPushBack(m)) return DM_ENDIO_REQUEUE;
  return m.queueIfNoPath === 0 ? -EIO : DM_ENDIO_INCOMPLETE;
}

/** As it was before map, and on the queue. */
function* requeue(m: Multipath, clone: Bio): Kernel<void> {
  const saved = yield* spinLockIrqsave(m.lock, HERE);
  yield* enqueue(m, clone, BIOS);
  yield* spinUnlockIrqrestore(m.lock, saved, HERE);
}
