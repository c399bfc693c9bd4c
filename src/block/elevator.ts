/**
 * The queue's one list of requests: where each goes, and what it counts as.
 *
 * Models elevator.c (2.6.33) with the noop elevator, whose fifo and dispatch list are one here. queue_lock is held throughout.
 */
import { EV_RQ_COMPLETED, EV_RQ_INSERT, EV_RQ_REQUEUE, EV_RQ_START, emit, listening } from '../machine/events.ts';
import { bugOn } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { lockdepAssertHeld } from '../shared/spinlock.ts';
import { blkOrderedDrained, blkOrderedReqSeq } from './ordered-seq.ts';
import {
  blkAccountRq,
  blkBarrierRq,
  REQ_HARDBARRIER,
  REQ_ORDERED_COLOR,
  REQ_SOFTBARRIER,
  REQ_STARTED,
  Request,
} from './request.ts';
import { __blkRunQueue, __genericUnplugDevice, blkQueuePlugged, type RequestQueue } from './request-queue.ts';

/** A plugged queue with so many requests waiting is unplugged. */
const UNPLUG_THRESH = 4;

export const ELEVATOR_INSERT_FRONT = 1;
/** At the end, and the driver is asked at once. */
export const ELEVATOR_INSERT_BACK = 2;
/** Where the elevator puts a new request: with noop, at the end. */
export const ELEVATOR_INSERT_SORT = 3;
/** In front of whatever must not be served before it. */
export const ELEVATOR_INSERT_REQUEUE = 5;

/** Puts a request in front of `before`, or at the end. */
function insertBefore(q: RequestQueue, rq: Request, before: number): void {
  bugOn(rq.queued !== 0, 'a request is put on its queue twice');
  rq.queued = 1;
  rq.next = before;
  let previous = 0;
  for (let handle = q.first; handle !== before; handle = Request.at(handle).next) previous = handle;
  if (previous === 0) q.first = rq.handle;
  else Request.at(previous).next = rq.handle;
  if (before === 0) q.last = rq.handle;
}

/** Takes the request off the list, wherever it is. */
function removeFromList(q: RequestQueue, rq: Request): void {
  bugOn(rq.queued === 0, 'a request that is not on its queue is taken off it');
  let previous = 0;
  for (let handle = q.first; handle !== rq.handle; handle = Request.at(handle).next) previous = handle;
  if (previous === 0) q.first = rq.next;
  else Request.at(previous).next = rq.next;
  if (q.last === rq.handle) q.last = previous;
  rq.next = 0;
  rq.queued = 0;
}

/** The place of a requeued request while a sequence is under way: in front of the first one that comes at its turn or later. */
function placeInSequence(q: RequestQueue, rq: Request): number {
  const seq = blkOrderedReqSeq(q, rq);
  let handle = q.first;
  while (handle !== 0 && blkOrderedReqSeq(q, Request.at(handle)) < seq) handle = Request.at(handle).next;
  return handle;
}

/** Models elv_insert. */
export function* elvInsert(q: RequestQueue, rq: Request, where: number): Kernel<void> {
  lockdepAssertHeld(q.queueLock, HERE);
  if (where !== ELEVATOR_INSERT_SORT) rq.cmdFlags |= REQ_SOFTBARRIER;
  switch (where) {
    case ELEVATOR_INSERT_FRONT:
      insertBefore(q, rq, q.first);
      break;
    case ELEVATOR_INSERT_REQUEUE:
      insertBefore(q, rq, q.ordseq === 0 ? q.first : placeInSequence(q, rq));
      break;
    default:
      insertBefore(q, rq, 0);
  }
  if (where !== ELEVATOR_INSERT_REQUEUE && listening !== 0) emit(EV_RQ_INSERT, rq.address, q.address, HERE);
  if (where === ELEVATOR_INSERT_BACK) yield* __blkRunQueue(q);
  // What comes back did so because somebody is busy: no reason for haste.
  else if (where === ELEVATOR_INSERT_SORT && blkQueuePlugged(q) && q.rqCount - q.inFlight >= UNPLUG_THRESH)
    yield* __genericUnplugDevice(q);
}

/** A new request joins the queue. After a barrier the queue has another colour: what is older has the barrier's. Models __elv_add_request. */
export function* __elvAddRequest(q: RequestQueue, rq: Request, where: number): Kernel<void> {
  let place = where;
  if (q.ordcolor !== 0) rq.cmdFlags |= REQ_ORDERED_COLOR;
  if ((rq.cmdFlags & (REQ_SOFTBARRIER | REQ_HARDBARRIER)) !== 0) {
    if (blkBarrierRq(rq)) q.ordcolor ^= 1;
    // A barrier does not wait for more: the driver is asked at once.
    if (place === ELEVATOR_INSERT_SORT) place = ELEVATOR_INSERT_BACK;
  }
  yield* elvInsert(q, rq, place);
}

/** The driver has it from now on, and it counts as in flight. Models blk_dequeue_request. */
export function blkDequeueRequest(q: RequestQueue, rq: Request): void {
  removeFromList(q, rq);
  if (blkAccountRq(rq)) q.inFlight++;
}

/** The driver takes the request. Models blk_start_request. */
export function blkStartRequest(q: RequestQueue, rq: Request): void {
  lockdepAssertHeld(q.queueLock, HERE);
  blkDequeueRequest(q, rq);
  if (listening !== 0) emit(EV_RQ_START, rq.address, q.address, HERE);
}

/** The driver gives a started request back: it will be served again. Models blk_requeue_request. */
export function* blkRequeueRequest(q: RequestQueue, rq: Request): Kernel<void> {
  lockdepAssertHeld(q.queueLock, HERE);
  yield* rq.complete.set(0, HERE);
  if (blkAccountRq(rq)) q.inFlight--;
  rq.cmdFlags &= ~REQ_STARTED;
  if (listening !== 0) emit(EV_RQ_REQUEUE, rq.address, q.address, HERE);
  yield* elvInsert(q, rq, ELEVATOR_INSERT_REQUEUE);
}

/** The request no longer counts; the last one that a barrier has waited for lets its sequence go on. Models elv_completed_request. */
export function* elvCompletedRequest(q: RequestQueue, rq: Request): Kernel<void> {
  if (blkAccountRq(rq)) q.inFlight--;
  if (listening !== 0) emit(EV_RQ_COMPLETED, rq.address, q.address, HERE);
  if (q.ordseq === 0) return;
  const next = q.first === 0 ? null : Request.at(q.first);
  if (blkOrderedDrained(q, next)) yield* __blkRunQueue(q);
}
