/**
 * The record of one cloned request, and the making and the end of a clone.
 *
 * Models struct dm_rq_target_io, setup_clone, clone_rq, free_rq_clone and end_clone_bio of dm.c (2.6.33). There the clone is a
 * part of its record; here it is a request of its own, from a pool beside that of the records. Not modelled:
 * dm_rq_clone_bio_info, of which only the record is left, in bio.private.
 */
import { BIO_PART, Bio, bioPut, endIos, REQ_WRITE } from '../block/bio.ts';
import { blkUpdateRequest } from '../block/end-request.ts';
import { blkRqInit, CMD_FLUSH, REQ_HARDBARRIER, REQ_TYPE_FS, REQ_TYPE_LINUX_BLOCK, Request } from '../block/request.ts';
import { RequestQueue } from '../block/request-queue.ts';
import { EV_RQ_FREE, emit, listening } from '../machine/events.ts';
import type { Kernel } from '../machine/kernel.ts';
import { Mempool, mempoolAlloc, mempoolAllocAtomic, mempoolFreer, type Pooled } from '../shared/mempool.ts';
import { defineStruct, embed, plain } from '../shared/struct.ts';
import type { MappedDevice } from './mapped-device.ts';

export interface DmRqTargetIo extends Pooled {
  pool: number;
  md: number;
  target: number;
  /** Handles of the request that was cloned, and of the clone. All clones of a flush share one original. */
  orig: number;
  clone: number;
  /** The first error of a bio of the clone; then that of the clone. */
  error: number;
  /** For the target: which flush it is; then what its map wants its rq_end_io to know. */
  info: number;
  /** The oracles' alone (check/rq-clone.ts): where the clone is. */
  readonly oracle: { readonly word: number };
}

export const DmRqTargetIo = defineStruct<DmRqTargetIo>('dm-rq-target-io', 'tio', 0, {
  pool: plain,
  md: plain,
  target: plain,
  orig: plain,
  clone: plain,
  error: plain,
  info: plain,
  oracle: embed(1, (word) => ({ word })),
});

const freeTioToPool = mempoolFreer(DmRqTargetIo);
const freeCloneToPool = mempoolFreer(Request);

export const tioOf = (clone: Request): DmRqTargetIo => DmRqTargetIo.at(clone.endIoData);

/** Whether a request is the flush of a barrier. Models dm_rq_is_flush_request. */
export const dmRqIsFlushRequest = (rq: Request): boolean => rq.cmdType === REQ_TYPE_LINUX_BLOCK && rq.cmd === CMD_FLUSH;

/** A clone of a request, without sleeping; null when there is no memory. */
export function* cloneRqAtomic(md: MappedDevice, rq: Request, endIo: number): Kernel<Request | null> {
  const tio = yield* mempoolAllocAtomic(DmRqTargetIo, Mempool.at(md.rqTioPool), HERE);
  if (tio === null) return null;
  const clone = yield* mempoolAllocAtomic(Request, Mempool.at(md.clonePool), HERE);
  if (clone === null) {
    yield* freeTioToPool(tio, HERE);
    return null;
  }
  join(md, rq, clone, tio, endIo);
  if (yield* cloneBios(md, rq, clone, tio)) return clone;
  yield* freeRqClone(clone);
  return null;
}

/** A clone of a flush: empty, and a barrier for the queue below. Sleeps until there is memory. */
export function* cloneFlush(md: MappedDevice, flush: Request, endIo: number): Kernel<Request> {
  const tio = yield* mempoolAlloc(DmRqTargetIo, Mempool.at(md.rqTioPool), HERE);
  const clone = yield* mempoolAlloc(Request, Mempool.at(md.clonePool), HERE);
  join(md, flush, clone, tio, endIo);
  clone.cmdFlags = REQ_HARDBARRIER | REQ_WRITE;
  return clone;
}

function join(md: MappedDevice, rq: Request, clone: Request, tio: DmRqTargetIo, endIo: number): void {
  blkRqInit(clone, 0);
  clone.cmdType = REQ_TYPE_FS;
  clone.endIo = endIo;
  clone.endIoData = tio.handle;
  tio.md = md.handle;
  tio.orig = rq.handle;
  tio.clone = clone.handle;
  tio.error = 0;
}

/** Models blk_rq_prep_clone: what it says, direction and data, not the barrier, which is the original queue's business. */
function* cloneBios(md: MappedDevice, rq: Request, clone: Request, tio: DmRqTargetIo): Kernel<boolean> {
  clone.cmdType = rq.cmdType;
  clone.cmd = rq.cmd;
  clone.cmdFlags = rq.cmdFlags & REQ_WRITE;
  clone.sector = rq.sector;
  clone.sectors = rq.sectors;
  for (let handle = rq.bioHead; handle !== 0; ) {
    const original = Bio.at(handle);
    const bio = yield* mempoolAllocAtomic(Bio, Mempool.at(md.bioSet), HERE);
    if (bio === null) return false;
    bio.sector = original.sector;
    bio.size = original.size;
    bio.data = original.data;
    bio.bdev = original.bdev;
    bio.bioFlags = (original.bioFlags & REQ_WRITE) | BIO_PART;
    bio.endIo = END_CLONE_BIO;
    bio.private = tio.handle;
    bio.next = 0;
    if (clone.bioTail === 0) clone.bioHead = bio.handle;
    else Bio.at(clone.bioTail).next = bio.handle;
    clone.bioTail = bio.handle;
    handle = original.next;
  }
  return true;
}

/** Frees a clone, with the bios that it still has because it was never sent out. Any context. */
export function* freeRqClone(clone: Request): Kernel<void> {
  const tio = tioOf(clone);
  for (let handle = clone.bioHead; handle !== 0; ) {
    const bio = Bio.at(handle);
    handle = bio.next;
    yield* bioPut(bio, HERE);
  }
  if (listening !== 0) emit(EV_RQ_FREE, tio.address, 0, HERE);
  yield* freeCloneToPool(clone, HERE);
  yield* freeTioToPool(tio, HERE);
}

/**
 * A bio of a clone ends: so much of the original ends too, but never the original request. After an error nothing does: the
 * request is served again as a whole, or fails. Any context.
 */
const END_CLONE_BIO = endIos.define('end_clone_bio', function* endCloneBio(bio, error): Kernel<void> {
  const tio = DmRqTargetIo.at(bio.private);
  const sectors = bio.size;
  yield* bioPut(bio, HERE);
  if (tio.error !== 0) return;
  if (error !== 0) {
    tio.error = error;
    return;
  }
  const original = Request.at(tio.orig);
  yield* blkUpdateRequest(RequestQueue.at(original.queue), original, 0, sectors);
});
