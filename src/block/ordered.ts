/**
 * The ordered sequence of a barrier, DRAIN_FLUSH: drain, pre-flush, the barrier, post-flush, one after the other.
 *
 * Models blk-barrier.c (2.6.33). queue_lock is held throughout.
 *
 * The barrier that was met at the head of the queue stands aside (origBarRq). In its place the driver gets three requests of the
 * queue's own, preFlushRq, barRq and postFlushRq; barRq borrows the bios of the barrier and ends none of them. Their end_io
 * notes that a part is over. An error does not shorten the sequence; the barrier ends with the first one, after all parts.
 */
import { EOPNOTSUPP } from '../machine/errno.ts';
import { EV_ORD_SKIP, EV_RQ_ASIDE, emit, listening } from '../machine/events.ts';
import type { Kernel } from '../machine/kernel.ts';
import { Bio } from './bio.ts';
import { blkDequeueRequest, ELEVATOR_INSERT_FRONT, elvCompletedRequest, elvInsert } from './elevator.ts';
import { __blkEndRequestAll } from './end-request.ts';
import {
  blkOrderedCurSeq,
  blkOrderedReqSeq,
  markOrdseq,
  QUEUE_ORDSEQ_BAR,
  QUEUE_ORDSEQ_DONE,
  QUEUE_ORDSEQ_DRAIN,
  QUEUE_ORDSEQ_POSTFLUSH,
  QUEUE_ORDSEQ_PREFLUSH,
  QUEUE_ORDSEQ_STARTED,
} from './ordered-seq.ts';
import { blkBarrierRq, blkFsRequest, blkRqInit, initRequestFromBio, Request, requestEndIos } from './request.ts';
import { driverOf, RequestQueue } from './request-queue.ts';

/** Barriers are refused. */
export const QUEUE_ORDERED_NONE = 0;
/** The device has a volatile cache, and no order of its own. */
export const QUEUE_ORDERED_DRAIN_FLUSH = 1;

/** The request at the head of the queue may be what the driver gets: it, another in its place, or null, which means: look again, or wait. */
export interface Ordered {
  /** What the driver gets; null: nothing now. */
  readonly rq: Request | null;
  /** The head has gone: look at the next one. */
  readonly again: boolean;
}

const WAIT: Ordered = { rq: null, again: false };
const AGAIN: Ordered = { rq: null, again: true };

/** Models blk_do_ordered. */
export function* blkDoOrdered(q: RequestQueue, rq: Request): Kernel<Ordered> {
  if (q.ordseq === 0) {
    if (!(blkFsRequest(rq) && blkBarrierRq(rq))) return { rq, again: false };
    if (q.nextOrdered !== QUEUE_ORDERED_NONE) return yield* startOrdered(q, rq);
    blkDequeueRequest(q, rq);
    if (listening !== 0) emit(EV_RQ_ASIDE, rq.address, q.address, HERE);
    yield* __blkEndRequestAll(q, rq, -EOPNOTSUPP);
    return AGAIN;
  }
  // Commands are no part of the order.
  if (!blkFsRequest(rq) && rq.handle !== q.preFlushRq && rq.handle !== q.postFlushRq) return { rq, again: false };
  return blkOrderedReqSeq(q, rq) > blkOrderedCurSeq(q) ? WAIT : { rq, again: false };
}

/** The barrier stands aside, and the parts that it has are put at the head, the first one last. Models start_ordered. */
function* startOrdered(q: RequestQueue, rq: Request): Kernel<Ordered> {
  q.orderr = 0;
  q.ordered = q.nextOrdered;
  q.ordseq = QUEUE_ORDSEQ_STARTED;
  blkDequeueRequest(q, rq);
  q.origBarRq = rq.handle;
  if (listening !== 0) emit(EV_RQ_ASIDE, rq.address, q.address, HERE);
  // Without data there is nothing to write, and nothing of it to make durable.
  const empty = rq.sectors === 0;
  let skip = 0;
  if (empty) skip = QUEUE_ORDSEQ_BAR | QUEUE_ORDSEQ_POSTFLUSH;
  else {
    yield* queueFlush(q, q.postFlushRq, POST_FLUSH_END_IO);
    yield* queueBar(q, rq);
  }
  yield* queueFlush(q, q.preFlushRq, PRE_FLUSH_END_IO);
  const drained = q.inFlight === 0;
  if (drained) skip |= QUEUE_ORDSEQ_DRAIN;
  if (listening !== 0) emit(EV_ORD_SKIP, q.address, skip, HERE);
  if (skip !== 0) q.ordseq |= skip;
  return drained ? { rq: Request.at(q.preFlushRq), again: false } : WAIT;
}

/** Models queue_flush. */
function* queueFlush(q: RequestQueue, handle: number, endIo: number): Kernel<void> {
  const flush = Request.at(handle);
  blkRqInit(flush, q.handle);
  flush.endIo = endIo;
  driverOf(q).prepareFlushFn(flush);
  yield* elvInsert(q, flush, ELEVATOR_INSERT_FRONT);
}

function* queueBar(q: RequestQueue, original: Request): Kernel<void> {
  const bar = Request.at(q.barRq);
  blkRqInit(bar, q.handle);
  initRequestFromBio(bar, Bio.at(original.bioHead));
  bar.endIo = BAR_END_IO;
  yield* elvInsert(q, bar, ELEVATOR_INSERT_FRONT);
}

/** A part is over. After the last one the barrier itself ends, and the queue is as it was. Models blk_ordered_complete_seq. */
function* blkOrderedCompleteSeq(q: RequestQueue, seq: number, error: number): Kernel<void> {
  markOrdseq(q, seq, error);
  if (blkOrderedCurSeq(q) !== QUEUE_ORDSEQ_DONE) return;
  q.ordseq = 0;
  const original = Request.at(q.origBarRq);
  q.origBarRq = 0;
  yield* __blkEndRequestAll(q, original, q.orderr);
}

const partEndIo = (name: string, seq: number): number =>
  requestEndIos.define(name, function* endPart(rq, error): Kernel<void> {
    const q = RequestQueue.at(rq.queue);
    yield* elvCompletedRequest(q, rq);
    yield* blkOrderedCompleteSeq(q, seq, error);
  });

const PRE_FLUSH_END_IO = partEndIo('pre_flush_end_io', QUEUE_ORDSEQ_PREFLUSH);
const BAR_END_IO = partEndIo('bar_end_io', QUEUE_ORDSEQ_BAR);
const POST_FLUSH_END_IO = partEndIo('post_flush_end_io', QUEUE_ORDSEQ_POSTFLUSH);
