/**
 * The driver of a request-based mapped device: what the block layer calls.
 *
 * Models dm_request_fn, dm_prep_fn, dm_rq_prepare_flush and dm_make_request of dm.c (2.6.33 with seed 002).
 */
import { makeRequests } from '../block/block-device.ts';
import { blkStartRequest } from '../block/elevator.ts';
import { __makeRequest } from '../block/make-request.ts';
import { blkPeekRequest } from '../block/peek-request.ts';
import { CMD_FLUSH, REQ_DONTPREP, REQ_TYPE_LINUX_BLOCK, Request } from '../block/request.ts';
import {
  BLKPREP_DEFER,
  BLKPREP_KILL,
  BLKPREP_OK,
  blkPlugDevice,
  blkQueuePlugged,
  blkQueueStopped,
  elvQueueEmpty,
  queueDrivers,
  RequestQueue,
} from '../block/request-queue.ts';
import { queueWork, Work, Workqueue } from '../irq/workqueue.ts';
import { EIO } from '../machine/errno.ts';
import { EV_FLUSH_REQUEST, EV_IO_START, emit, listening } from '../machine/events.ts';
import { bugOn } from '../machine/finding.ts';
import { type Kernel, resolved } from '../machine/kernel.ts';
import { printk } from '../machine/log.ts';
import { spinLock, spinUnlock } from '../shared/spinlock.ts';
import { cloneRqAtomic, dmRqIsFlushRequest } from './dm-rq-target-io.ts';
import { type DmTable, dmTablePut, dmTableTarget, typeOf } from './dm-table.ts';
import { DMF_BLOCK_IO_FOR_SUSPEND, MappedDevice } from './mapped-device.ts';
import { dmSoftirqDone, END_CLONE_REQUEST } from './rq-end.ts';
import { mapRequest } from './rq-map.ts';
import { seams } from './seams.ts';
import { dmGetTable } from './submit.ts';

const mdOf = (q: RequestQueue): MappedDevice => MappedDevice.at(q.queuedata);

/** Seam dmPrepFn: attaches a clone; a flush gets its clones from kdmflush, which may sleep. queue_lock is held. */
export function* dmPrepFn(q: RequestQueue, rq: Request): Kernel<number> {
  if (dmRqIsFlushRequest(rq)) return BLKPREP_OK;
  if (rq.special !== 0) {
    printk('device-mapper: core: Already has something in rq->special.');
    return BLKPREP_KILL;
  }
  const clone = yield* cloneRqAtomic(mdOf(q), rq, END_CLONE_REQUEST);
  if (clone === null) return BLKPREP_DEFER;
  rq.special = clone.handle;
  rq.cmdFlags |= REQ_DONTPREP;
  return BLKPREP_OK;
}

/** Seam dmRequestFn: takes what can be taken. What is left is tried again when the unplug timer has run. */
export function* dmRequestFn(q: RequestQueue): Kernel<void> {
  const md = mdOf(q);
  const table = yield* dmGetTable(md);
  if (table === null) return;
  const retry = yield* serveQueue(q, md, table);
  if (retry && !elvQueueEmpty(q)) yield* blkPlugDevice(q);
  yield* dmTablePut(table);
}

/** Seam isLive: with queue_lock held and the queue not stopped, so that nobody binds a table meanwhile. */
export const isLive = (md: MappedDevice, table: DmTable): boolean => md.map === table.handle;

/**
 * Gives true when something may be left for later. While a request is mapped queue_lock is free, and the table may be replaced:
 *
 *   CPU0 request_fn                        CPU1
 *   maps a request, which ends elsewhere
 *                                          suspend: stops the queue, nothing is in flight
 *                                          swaps the tables; resume: starts the queue
 *   the queue is not stopped: maps
 *   the next one by the old table
 */
function* serveQueue(q: RequestQueue, md: MappedDevice, table: DmTable): Kernel<boolean> {
  while (!blkQueuePlugged(q) && !blkQueueStopped(q)) {
    if (!seams.isLive(md, table)) return true;
    const rq = yield* blkPeekRequest(q);
    if (rq === null) return true;
    if (dmRqIsFlushRequest(rq)) {
      if (listening !== 0) emit(EV_FLUSH_REQUEST, md.address, rq.address, HERE);
      yield* seams.handToKdmflush(q, md, rq);
      return false;
    }
    const ti = seams.findTarget(table, rq.sector);
    const busy = ti === null ? undefined : typeOf(ti).busy;
    if (busy !== undefined && ti !== null && (yield* busy(ti)) !== 0) return true;
    blkStartRequest(q, rq);
    const clone = Request.at(rq.special);
    // Under the lock that STOPPED was tested under: a suspend that has stopped the queue sees it.
    yield* md.pending.add(1, HERE);
    if (listening !== 0) emit(EV_IO_START, md.address, 0, HERE);
    // Interrupts stay off.
    yield* spinUnlock(q.queueLock, HERE);
    let requeued = false;
    if (ti !== null) requeued = yield* mapRequest(ti, clone, md);
    else {
      yield* md.holders.get(HERE);
      yield* seams.dmKillUnmappedRequest(clone, -EIO);
    }
    yield* spinLock(q.queueLock, HERE);
    if (requeued && seams.leaveAfterRequeue) return true;
  }
  return true;
}

/** Seam handToKdmflush. One flush at a time: the sequence has no other that could come. queue_lock is held. */
export function* handToKdmflush(q: RequestQueue, md: MappedDevice, rq: Request): Kernel<void> {
  bugOn(md.flushRequest !== 0, 'a flush comes while another is being served');
  md.flushRequest = rq.handle;
  blkStartRequest(q, rq);
  yield* queueWork(Workqueue.at(md.wq), Work.at(md.barrierWork), HERE);
}

/** Whether a device above should send nothing for now: the queue is stopped or about to be, or some target is busy. Models dm_lld_busy. */
function* dmLldBusy(q: RequestQueue): Kernel<number> {
  const md = mdOf(q);
  if (((yield* md.flags.read(HERE)) & DMF_BLOCK_IO_FOR_SUSPEND) !== 0) return 1;
  const table = yield* dmGetTable(md);
  if (table === null) return 1;
  const ti = dmTableTarget(table, 0);
  const busy = yield* typeOf(ti).busy?.(ti) ?? resolved(0);
  yield* dmTablePut(table);
  return busy;
}

export const DM_QUEUE = queueDrivers.define('dm', {
  name: 'dm',
  lldBusyFn: dmLldBusy,
  requestFn: (q) => seams.dmRequestFn(q),
  prepRqFn: (q, rq) => seams.dmPrepFn(q, rq),
  prepareFlushFn(rq): void {
    rq.cmdType = REQ_TYPE_LINUX_BLOCK;
    rq.cmd = CMD_FLUSH;
  },
  softirqDoneFn: dmSoftirqDone,
});

/** A bio enters a request-based device. Until its first table is bound it is a device like any other. */
export const DM_RQ_MAKE_REQUEST = makeRequests.define(
  'dm_make_request',
  function* dmMakeRequest(bdev, bio): Kernel<void> {
    const q = RequestQueue.at(bdev.queue);
    if ((yield* q.stackable.read(HERE)) !== 0) yield* __makeRequest(q, bio);
    else yield* seams.gate(MappedDevice.at(bdev.private), bio);
  },
);
