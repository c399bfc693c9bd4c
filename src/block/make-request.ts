/**
 * From bio to request: a bio is merged into the last request, or gets one of its own from the pool.
 *
 * Models __make_request, get_request, get_request_wait and blk_insert_cloned_request of blk-core.c (2.6.33). Not modelled: two
 * pools, one for those who wait for their I/O; front merges.
 */
import { EIO, EOPNOTSUPP } from '../machine/errno.ts';
import { CAUSE_DEVICE, EV_BIO_ERROR, emit, listening } from '../machine/events.ts';
import { bugOn } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { spinLockIrq, spinLockIrqsave, spinUnlockIrq, spinUnlockIrqrestore } from '../shared/spinlock.ts';
import { TASK_UNINTERRUPTIBLE } from '../shared/task.ts';
import { defineWait, finishWait, freeWait, prepareToWaitExclusive, scheduleOn } from '../shared/wait-queue.ts';
import { BIO_RW_BARRIER, BIO_RW_UNPLUG, Bio, bioEndio, REQ_WRITE } from './bio.ts';
import { makeRequests } from './block-device.ts';
import { __elvAddRequest, ELEVATOR_INSERT_BACK, ELEVATOR_INSERT_SORT } from './elevator.ts';
import { QUEUE_ORDERED_NONE } from './ordered.ts';
import {
  blkFsRequest,
  blkRqInit,
  initRequestFromBio,
  REQ_ALLOCED,
  REQ_HARDBARRIER,
  REQ_SOFTBARRIER,
  REQ_STARTED,
  Request,
} from './request.ts';
import { __genericUnplugDevice, blkPlugDevice, elvQueueEmpty, RequestQueue } from './request-queue.ts';

/** The most sectors of a request. */
const MAX_SECTORS = 8;
const NOMERGE = REQ_STARTED | REQ_SOFTBARRIER | REQ_HARDBARRIER;

/** A bio for a device with a request queue. Process context; sleeps while the pool is exhausted. */
export function* __makeRequest(q: RequestQueue, bio: Bio): Kernel<void> {
  // Read before the bio joins the queue: it may have ended before this goes on.
  const barrier = (bio.bioFlags & BIO_RW_BARRIER) !== 0;
  const unplug = (bio.bioFlags & BIO_RW_UNPLUG) !== 0;
  yield* spinLockIrq(q.queueLock, HERE);
  if (barrier && q.nextOrdered === QUEUE_ORDERED_NONE) {
    yield* spinUnlockIrq(q.queueLock, HERE);
    if (listening !== 0) emit(EV_BIO_ERROR, bio.address, CAUSE_DEVICE, HERE);
    yield* bioEndio(bio, -EOPNOTSUPP);
    return;
  }
  if (barrier || !mergeBack(q, bio)) {
    const rq = yield* getRequestWait(q);
    initRequestFromBio(rq, bio);
    if (elvQueueEmpty(q)) yield* blkPlugDevice(q);
    yield* __elvAddRequest(q, rq, ELEVATOR_INSERT_SORT);
  }
  if (unplug) yield* __genericUnplugDevice(q);
  yield* spinUnlockIrq(q.queueLock, HERE);
}

/** The make_request function of every device whose own object is its queue. */
export const MAKE_REQUEST = makeRequests.define('__make_request', (bdev, bio) =>
  __makeRequest(RequestQueue.at(bdev.queue), bio),
);

/** Whether the bio could be joined to the newest request. */
function mergeBack(q: RequestQueue, bio: Bio): boolean {
  if (q.last === 0 || bio.size === 0) return false;
  const rq = Request.at(q.last);
  const end = rq.sector + rq.sectors;
  const boundary = q.chunkSectors !== 0 && end % q.chunkSectors === 0;
  const fits = rq.sectors + bio.size <= MAX_SECTORS && !boundary;
  const sameKind = blkFsRequest(rq) && (rq.cmdFlags & REQ_WRITE) === (bio.bioFlags & REQ_WRITE);
  if ((rq.cmdFlags & NOMERGE) !== 0 || !fits || !sameKind || bio.sector !== end) return false;
  Bio.at(rq.bioTail).next = bio.handle;
  bio.next = 0;
  rq.bioTail = bio.handle;
  rq.sectors += bio.size;
  return true;
}

/** A request from the pool, or null when all are out. queue_lock is held. */
function getRequest(q: RequestQueue): Request | null {
  if (q.rqCount >= q.nrRequests) return null;
  const rq = Request.alloc();
  bugOn(rq === null, 'there are fewer request slots than requests in the pools');
  if (rq === null) return null;
  blkRqInit(rq, q.handle);
  rq.cmdFlags = REQ_ALLOCED;
  q.rqCount++;
  return rq;
}

/** A request; sleeps until one is free. queue_lock is held, but not while this sleeps. */
export function* getRequestWait(q: RequestQueue): Kernel<Request> {
  for (;;) {
    const rq = getRequest(q);
    if (rq !== null) return rq;
    const entry = defineWait();
    // Enqueued with the lock that the count is changed under: no request can come back unseen.
    yield* prepareToWaitExclusive(q.rqWait, entry, TASK_UNINTERRUPTIBLE, HERE);
    // What is waited for may itself be waiting for more to come.
    yield* __genericUnplugDevice(q);
    yield* spinUnlockIrq(q.queueLock, HERE);
    yield* scheduleOn(q.rqWait, HERE);
    yield* spinLockIrq(q.queueLock, HERE);
    yield* finishWait(q.rqWait, entry, HERE);
    freeWait(entry);
  }
}

/** A request that another driver has made for this queue; −EIO when the queue's device cannot take it. Any context; no queue_lock is held. */
export function* blkInsertClonedRequest(q: RequestQueue, rq: Request): Kernel<number> {
  if (rq.sectors > MAX_SECTORS) return -EIO;
  const saved = yield* spinLockIrqsave(q.queueLock, HERE);
  yield* __elvAddRequest(q, rq, ELEVATOR_INSERT_BACK);
  yield* spinUnlockIrqrestore(q.queueLock, saved, HERE);
  return 0;
}
