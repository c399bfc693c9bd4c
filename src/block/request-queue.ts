/**
 * request_queue: requests that wait for a driver, and when the driver is asked to take them.
 *
 * Models struct request_queue, blk_plug_device, blk_remove_plug, __generic_unplug_device, blk_run_queue, blk_start_queue and
 * blk_stop_queue of blk-core.c (2.6.33). The elevator is noop: one list, oldest first.
 *
 * queue.queueFlags, all under queue_lock:
 *   PLUGGED   requests are collected; the unplug timer is running, or kblockd is about to run the queue
 *   STOPPED   the driver is not asked; a plug has no effect
 *   REENTER   request_fn is under way; who would run it a second time leaves it to kblockd
 *
 * Two queue_locks are never held together (I19).
 */
import { addTimer, delTimer, Timer, timerFunctions } from '../irq/timer.ts';
import { queueWork, Work, workFunctions } from '../irq/workqueue.ts';
import { EV_RQ_RUN, emit, listening } from '../machine/events.ts';
import { type Kernel, resolved } from '../machine/kernel.ts';
import { FunctionTable } from '../shared/function-table.ts';
import {
  lockdepAssertHeld,
  type SpinLock,
  spinLockField,
  spinLockIrq,
  spinLockIrqsave,
  spinUnlockIrq,
  spinUnlockIrqrestore,
} from '../shared/spinlock.ts';
import { defineStruct, embed, marked, plain, type Struct } from '../shared/struct.ts';
import { type WaitQueue, waitQueueField } from '../shared/wait-queue.ts';
import type { Marked } from '../shared/word.ts';
import { kblockd } from './kblockd.ts';
import type { Request } from './request.ts';

export const QUEUE_FLAG_PLUGGED = 1;
export const QUEUE_FLAG_STOPPED = 2;
export const QUEUE_FLAG_REENTER = 4;

/** A plugged queue waits so long for more requests, in microseconds. */
const UNPLUG_DELAY_US = 3000;

/** What prep_rq_fn says. */
export const BLKPREP_OK = 0;
/** The request ends with −EIO. */
export const BLKPREP_KILL = 1;
/** It stays at the head of the queue, to be prepared later. */
export const BLKPREP_DEFER = 2;

/** The driver of a queue. */
export interface QueueDriver {
  readonly name: string;
  /** Takes requests off the queue, for as long as it likes. queue_lock is held and interrupts are off. */
  requestFn(q: RequestQueue): Kernel<void>;
  /** Prepares a request: BLKPREP_*. queue_lock is held. */
  prepRqFn?(q: RequestQueue, rq: Request): Kernel<number>;
  /** 1 while it can take no more, for drivers that look before they send it something. Any context; missing: it always can. */
  lldBusyFn?(q: RequestQueue): Kernel<number>;
  /** Marks a request as this driver's flush. */
  prepareFlushFn(rq: Request): void;
  /** The way out of blkCompleteRequest, in the softirq, without a lock. */
  softirqDoneFn(rq: Request): Kernel<void>;
}

export const queueDrivers = new FunctionTable<QueueDriver>('queue driver');

export interface RequestQueue extends Struct {
  readonly queueLock: SpinLock;
  /** Woken when a request has gone back to the pool. */
  readonly rqWait: WaitQueue;
  /** The queue: oldest and newest request. */
  first: number;
  last: number;
  queueFlags: number;
  /** Started requests of type FS. */
  inFlight: number;
  /** Requests out of the pool, and how many there may be. */
  rqCount: number;
  nrRequests: number;
  /** Requests are not merged across multiples of this many sectors; 0: there is no such boundary. */
  chunkSectors: number;
  /** An entry of `queueDrivers`, and the handle of the driver's own object. */
  driver: number;
  queuedata: number;
  /** Device-mapper may clone its requests. Read without the lock. */
  readonly stackable: Marked;
  // The ordered sequence: ordered.ts.
  nextOrdered: number;
  ordered: number;
  ordseq: number;
  orderr: number;
  ordcolor: number;
  origBarRq: number;
  preFlushRq: number;
  barRq: number;
  postFlushRq: number;
  unplugTimer: number;
  /** 1 from when the timer is set until it has run or was stopped: one that went off and has not run must not be set again. */
  timerSet: number;
  unplugWork: number;
  /** The oracles' alone; check/request.ts draws them. */
  readonly oracle: { readonly word: number };
}

export const QUEUE_ORACLE_WORDS = 4;

export const RequestQueue = defineStruct<RequestQueue>('request-queue', 'q', 0, {
  queueLock: spinLockField,
  rqWait: waitQueueField,
  first: plain,
  last: plain,
  queueFlags: plain,
  inFlight: plain,
  rqCount: plain,
  nrRequests: plain,
  chunkSectors: plain,
  driver: plain,
  queuedata: plain,
  stackable: marked,
  nextOrdered: plain,
  ordered: plain,
  ordseq: plain,
  orderr: plain,
  ordcolor: plain,
  origBarRq: plain,
  preFlushRq: plain,
  barRq: plain,
  postFlushRq: plain,
  unplugTimer: plain,
  timerSet: plain,
  unplugWork: plain,
  oracle: embed(QUEUE_ORACLE_WORDS, (word) => ({ word })),
});

export const driverOf = (q: RequestQueue): QueueDriver => queueDrivers.at(q.driver);
export const elvQueueEmpty = (q: RequestQueue): boolean => q.first === 0;
export const blkQueuePlugged = (q: RequestQueue): boolean => (q.queueFlags & QUEUE_FLAG_PLUGGED) !== 0;
export const blkQueueStopped = (q: RequestQueue): boolean => (q.queueFlags & QUEUE_FLAG_STOPPED) !== 0;

/** Models blk_lld_busy. Any context. */
export const blkLldBusy = (q: RequestQueue): Kernel<number> => driverOf(q).lldBusyFn?.(q) ?? resolved(0);

const timerOf = (q: RequestQueue): Timer => Timer.at(q.unplugTimer);

/** Requests are collected from now on, until somebody unplugs or the timer runs. queue_lock is held. */
export function* blkPlugDevice(q: RequestQueue): Kernel<void> {
  lockdepAssertHeld(q.queueLock, HERE);
  if (blkQueueStopped(q) || blkQueuePlugged(q)) return;
  q.queueFlags |= QUEUE_FLAG_PLUGGED;
  if (q.timerSet !== 0) return;
  q.timerSet = 1;
  yield* addTimer(timerOf(q), UNPLUG_DELAY_US, HERE);
}

/** Gives 1 if the queue was plugged. queue_lock is held. */
export function* blkRemovePlug(q: RequestQueue): Kernel<number> {
  lockdepAssertHeld(q.queueLock, HERE);
  if (!blkQueuePlugged(q)) return 0;
  q.queueFlags &= ~QUEUE_FLAG_PLUGGED;
  if (q.timerSet !== 0 && (yield* delTimer(timerOf(q), HERE)) !== 0) q.timerSet = 0;
  return 1;
}

/** Asks the driver. queue_lock is held. */
function* callRequestFn(q: RequestQueue): Kernel<void> {
  if (listening !== 0) emit(EV_RQ_RUN, q.address, 0, HERE);
  yield* driverOf(q).requestFn(q);
}

/** Asks the driver if the queue was plugged. queue_lock is held. */
export function* __genericUnplugDevice(q: RequestQueue): Kernel<void> {
  if (blkQueueStopped(q)) return;
  if ((yield* blkRemovePlug(q)) !== 0) yield* callRequestFn(q);
}

/** Asks the driver if there is something, also when the queue is plugged. queue_lock is held. */
export function* __blkRunQueue(q: RequestQueue): Kernel<void> {
  yield* blkRemovePlug(q);
  if (blkQueueStopped(q) || elvQueueEmpty(q)) return;
  if ((q.queueFlags & QUEUE_FLAG_REENTER) !== 0) {
    // The driver is being asked already, perhaps further up this very stack.
    q.queueFlags |= QUEUE_FLAG_PLUGGED;
    yield* kblockdScheduleWork(q);
    return;
  }
  q.queueFlags |= QUEUE_FLAG_REENTER;
  yield* callRequestFn(q);
  q.queueFlags &= ~QUEUE_FLAG_REENTER;
}

/** Any context, without queue_lock. */
export function* blkRunQueue(q: RequestQueue): Kernel<void> {
  const saved = yield* spinLockIrqsave(q.queueLock, HERE);
  yield* __blkRunQueue(q);
  yield* spinUnlockIrqrestore(q.queueLock, saved, HERE);
}

/** The same from kblockd, some time later: for who may stand inside another driver. */
export function* kblockdScheduleWork(q: RequestQueue): Kernel<void> {
  yield* queueWork(kblockd(), Work.at(q.unplugWork), HERE);
}

/** The driver is not asked any more. queue_lock is held. */
export function* blkStopQueue(q: RequestQueue): Kernel<void> {
  yield* blkRemovePlug(q);
  q.queueFlags |= QUEUE_FLAG_STOPPED;
}

/** The driver is asked again, at once if there is something. queue_lock is held. */
export function* blkStartQueue(q: RequestQueue): Kernel<void> {
  q.queueFlags &= ~QUEUE_FLAG_STOPPED;
  yield* __blkRunQueue(q);
}

export const BLK_UNPLUG_WORK = workFunctions.define('blk_unplug_work', function* blkUnplugWork(handle): Kernel<void> {
  const q = RequestQueue.at(handle);
  yield* spinLockIrq(q.queueLock, HERE);
  yield* __blkRunQueue(q);
  yield* spinUnlockIrq(q.queueLock, HERE);
});

export const BLK_UNPLUG_TIMEOUT = timerFunctions.define(
  'blk_unplug_timeout',
  function* blkUnplugTimeout(handle): Kernel<void> {
    const q = RequestQueue.at(handle);
    const saved = yield* spinLockIrqsave(q.queueLock, HERE);
    q.timerSet = 0;
    // Under the lock: who takes the queue apart waits for timerSet, and flushes kblockd afterwards.
    yield* kblockdScheduleWork(q);
    yield* spinUnlockIrqrestore(q.queueLock, saved, HERE);
  },
);
