/**
 * The way down of a request: its clone is mapped and goes to the queue below.
 *
 * Models map_request and dm_dispatch_request of dm.c (2.6.33).
 */
import { Bio } from '../block/bio.ts';
import { blkInsertClonedRequest } from '../block/make-request.ts';
import type { Request } from '../block/request.ts';
import { RequestQueue } from '../block/request-queue.ts';
import { EV_BIO_SUBMIT, EV_RQ_MAP, emit, listening } from '../machine/events.ts';
import { bugOn } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { tioOf } from './dm-rq-target-io.ts';
import { typeOf } from './dm-table.ts';
import { DM_MAPIO_REMAPPED, DM_MAPIO_REQUEUE, DM_MAPIO_SUBMITTED, type DmTarget } from './dm-target.ts';
import type { MappedDevice } from './mapped-device.ts';
import { seams } from './seams.ts';

/**
 * Asks the target and does what it says; true when the request is back in the queue. It counts in pending already. Interrupts
 * may be off, queue_lock is not held.
 */
export function* mapRequest(ti: DmTarget, clone: Request, md: MappedDevice): Kernel<boolean> {
  const tio = tioOf(clone);
  tio.target = ti.handle;
  // For as long as it is in flight; seam putInFlight is the end of it.
  yield* md.holders.get(HERE);
  if (listening !== 0) emit(EV_RQ_MAP, tio.address, ti.address, HERE);
  const map = typeOf(ti).mapRq;
  bugOn(map === undefined, 'a request is mapped by a target that takes bios');
  if (map === undefined) return false;
  const said = yield* map(ti, clone, tio);
  // After SUBMITTED the clone is the target's, and may have ended.
  if (said === DM_MAPIO_SUBMITTED) return false;
  if (said === DM_MAPIO_REMAPPED) yield* dmDispatchRequest(clone);
  else if (said === DM_MAPIO_REQUEUE) yield* seams.dmRequeueUnmappedRequest(clone);
  else {
    bugOn(said > 0, `unimplemented target map return value: ${said}`);
    yield* seams.dmKillUnmappedRequest(clone, said);
  }
  return said === DM_MAPIO_REQUEUE;
}

/** Sends a mapped clone to the queue below, which may end it before this returns. */
export function* dmDispatchRequest(clone: Request): Kernel<void> {
  if (listening !== 0)
    for (let handle = clone.bioHead; handle !== 0; handle = Bio.at(handle).next)
      emit(EV_BIO_SUBMIT, Bio.at(handle).address, 0, HERE);
  const error = yield* blkInsertClonedRequest(RequestQueue.at(clone.queue), clone);
  if (error !== 0) yield* seams.dmCompleteRequest(clone, error);
}
