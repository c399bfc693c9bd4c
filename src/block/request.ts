/**
 * request: what a queue hands to its driver, one bio or several that follow each other on the disk.
 *
 * Models struct request, blk_rq_init and init_request_from_bio (2.6.33). All fields but `complete` are
 * guarded by queue_lock while the request is on its queue, and its driver's own once it was started.
 */
import type { Kernel } from '../machine/kernel.ts';
import { FunctionTable } from '../shared/function-table.ts';
import type { Pooled } from '../shared/mempool.ts';
import { atomic, defineStruct, embed, plain } from '../shared/struct.ts';
import type { Atomic } from '../shared/word.ts';
import { BIO_RW_BARRIER, type Bio, REQ_WRITE } from './bio.ts';

// request.cmdType.
/** Reads and writes of file systems: they count as in flight, and the ordered sequence keeps their order. */
export const REQ_TYPE_FS = 1;
/** A command to the device as it is; no order is kept. */
export const REQ_TYPE_BLOCK_PC = 2;
/** Something between block layer and driver: the flush of a queue whose driver is device-mapper. */
export const REQ_TYPE_LINUX_BLOCK = 3;

/** request.cmd: what a request says that is not of type FS. */
export const CMD_FLUSH = 1;
/** Is the device there? Nothing is read or written. */
export const CMD_TEST_UNIT_READY = 2;

// request.cmdFlags. REQ_WRITE is the same bit as in a bio.
/** The driver has seen it: it stays at the head of the queue. */
export const REQ_STARTED = 1 << 4;
/** prep_rq_fn has prepared it. */
export const REQ_DONTPREP = 1 << 5;
/** It was never mapped: the target must not hear of its end. Device-mapper's. */
export const REQ_FAILED = 1 << 6;
export const REQ_HARDBARRIER = 1 << 7;
/** Nothing is merged into it or sorted across it. */
export const REQ_SOFTBARRIER = 1 << 8;
/** The colour of its queue when it came: equal to a barrier's means older than that barrier. */
export const REQ_ORDERED_COLOR = 1 << 9;
/** It came from the queue's pool and goes back there. */
export const REQ_ALLOCED = 1 << 10;

export interface Request extends Pooled {
  pool: number;
  /** Handle of its queue. */
  queue: number;
  /** Its neighbour on the queue, and whether it is there. */
  next: number;
  queued: number;
  bioHead: number;
  bioTail: number;
  sector: number;
  /** Sectors that have not ended yet. */
  sectors: number;
  cmdType: number;
  cmd: number;
  cmdFlags: number;
  /** What the driver's prep_rq_fn made: device-mapper's clone. */
  special: number;
  completionData: number;
  /** Runs when it ends, with queue_lock held, instead of going back to the pool: an entry of `requestEndIos`; 0: none. */
  endIo: number;
  endIoData: number;
  /** What the driver found, for its softirq_done_fn. */
  errors: number;
  readonly complete: Atomic;
  completeNext: number;
  /** The oracles' alone; check/request.ts draws them. */
  readonly oracle: { readonly word: number };
}

export const RQ_ORACLE_WORDS = 4;

export const Request = defineStruct<Request>('request', 'rq', 0, {
  pool: plain,
  queue: plain,
  next: plain,
  queued: plain,
  bioHead: plain,
  bioTail: plain,
  sector: plain,
  sectors: plain,
  cmdType: plain,
  cmd: plain,
  cmdFlags: plain,
  special: plain,
  completionData: plain,
  endIo: plain,
  endIoData: plain,
  errors: plain,
  complete: atomic,
  completeNext: plain,
  oracle: embed(RQ_ORACLE_WORDS, (word) => ({ word })),
});

/** The end of a request that its owner wants to hear of. queue_lock is held. */
export type RequestEndIo = (rq: Request, error: number) => Kernel<void>;
export const requestEndIos = new FunctionTable<RequestEndIo>('request end_io');

export const blkFsRequest = (rq: Request): boolean => rq.cmdType === REQ_TYPE_FS;
export const blkPcRequest = (rq: Request): boolean => rq.cmdType === REQ_TYPE_BLOCK_PC;
export const blkBarrierRq = (rq: Request): boolean => (rq.cmdFlags & REQ_HARDBARRIER) !== 0;
/** Whether it counts as in flight. */
export const blkAccountRq = (rq: Request): boolean => (rq.cmdFlags & REQ_STARTED) !== 0 && blkFsRequest(rq);

/** As if it were new, for the requests that a queue uses again and again. */
export function blkRqInit(rq: Request, queue: number): void {
  rq.queue = queue;
  rq.next = 0;
  rq.queued = 0;
  rq.bioHead = 0;
  rq.bioTail = 0;
  rq.sector = 0;
  rq.sectors = 0;
  rq.cmdType = 0;
  rq.cmd = 0;
  rq.cmdFlags = 0;
  rq.special = 0;
  rq.completionData = 0;
  rq.endIo = 0;
  rq.endIoData = 0;
  rq.errors = 0;
  rq.complete.init(0);
}

export function initRequestFromBio(rq: Request, bio: Bio): void {
  rq.cmdType = REQ_TYPE_FS;
  rq.cmdFlags |= bio.bioFlags & REQ_WRITE;
  if ((bio.bioFlags & BIO_RW_BARRIER) !== 0) rq.cmdFlags |= REQ_HARDBARRIER;
  rq.sector = bio.sector;
  rq.sectors = bio.size;
  rq.bioHead = bio.handle;
  rq.bioTail = bio.handle;
  bio.next = 0;
}
