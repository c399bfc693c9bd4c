/**
 * Where an ordered sequence stands, and when it is each request's turn.
 *
 * Models blk_ordered_cur_seq, blk_ordered_req_seq and part of blk_ordered_complete_seq of blk-barrier.c (2.6.33). queue_lock is
 * held. The bits of q.ordseq, each set once in a sequence (I23):
 *
 *   STARTED   a barrier was met at the head of the queue
 *   DRAIN     nothing that is older is in flight
 *   PREFLUSH  what had been completed is durable
 *   BAR       the barrier itself has ended
 *   POSTFLUSH it is durable
 *   DONE      never set: the lowest bit that is not set, once all others are
 */
import { EV_ORD_DONE, emit, listening } from '../machine/events.ts';
import { bugOn } from '../machine/finding.ts';
import { blkFsRequest, REQ_ORDERED_COLOR, Request } from './request.ts';
import type { RequestQueue } from './request-queue.ts';

export const QUEUE_ORDSEQ_STARTED = 1 << 0;
export const QUEUE_ORDSEQ_DRAIN = 1 << 1;
export const QUEUE_ORDSEQ_PREFLUSH = 1 << 2;
export const QUEUE_ORDSEQ_BAR = 1 << 3;
export const QUEUE_ORDSEQ_POSTFLUSH = 1 << 4;
export const QUEUE_ORDSEQ_DONE = 1 << 5;

/** Whose turn it is: the lowest bit that is not set; 0 without a sequence. */
export function blkOrderedCurSeq(q: RequestQueue): number {
  return q.ordseq === 0 ? 0 : ~q.ordseq & (q.ordseq + 1);
}

/** When it is the request's turn. Only while a sequence is under way. */
export function blkOrderedReqSeq(q: RequestQueue, rq: Request): number {
  bugOn(q.ordseq === 0, 'a request is placed in a sequence that is not there');
  if (rq.handle === q.preFlushRq) return QUEUE_ORDSEQ_PREFLUSH;
  if (rq.handle === q.barRq) return QUEUE_ORDSEQ_BAR;
  if (rq.handle === q.postFlushRq) return QUEUE_ORDSEQ_POSTFLUSH;
  // Commands have no order; older requests are what is drained; newer ones wait for the end.
  if (!blkFsRequest(rq)) return QUEUE_ORDSEQ_DRAIN;
  const color = rq.cmdFlags & REQ_ORDERED_COLOR;
  return color === (Request.at(q.origBarRq).cmdFlags & REQ_ORDERED_COLOR) ? QUEUE_ORDSEQ_DRAIN : QUEUE_ORDSEQ_DONE;
}

/** Notes that parts of the sequence are over; the first error stays. */
export function markOrdseq(q: RequestQueue, seq: number, error: number): void {
  if (error !== 0 && q.orderr === 0) q.orderr = error;
  if (listening !== 0) emit(EV_ORD_DONE, q.address, seq, HERE);
  bugOn((q.ordseq & seq) !== 0, 'a part of an ordered sequence ends twice');
  q.ordseq |= seq;
}

/** Whether the drain has just ended: nothing is in flight, and nothing older will be. `next` is the head of the queue. */
export function blkOrderedDrained(q: RequestQueue, next: Request | null): boolean {
  if (q.inFlight !== 0 || blkOrderedCurSeq(q) !== QUEUE_ORDSEQ_DRAIN) return false;
  if (next !== null && blkOrderedReqSeq(q, next) === QUEUE_ORDSEQ_DRAIN) return false;
  markOrdseq(q, QUEUE_ORDSEQ_DRAIN, 0);
  return true;
}
