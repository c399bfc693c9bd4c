/**
 * Disks with a request queue and, if asked for, a volatile write cache.
 *
 *   inline          request_fn serves and ends the request, with queue_lock held
 *   hardirqDirect   the interrupt actor serves it; the hard interrupt ends it, with queue_lock held
 *   softirq         the same, but the hard interrupt leaves the end to the BLOCK softirq
 *   thread          a thread of the disk's own serves and ends it, as loop does
 *
 * Barriers: the queue keeps their order and sends flushes (`flush`), or refuses them (`none`); or it sends flushes that the disk
 * refuses with −EOPNOTSUPP (`refuse`). Faults: the next n requests or flushes fail, all that is finished is held back, flushes
 * lie, power is cut. The words of disk.heldBack, failNext and failFlush are changed by scenarios without a lock.
 *
 * The data is moved by the device: in the modes hardirqDirect and softirq by the interrupt actor alone, else with queue_lock held.
 */
import { Alarm, devices } from '../irq/alarm.ts';
import { LINE_DEVICE } from '../irq/interrupt.ts';
import {
  createSinglethreadWorkqueue,
  defineWorker,
  initWork,
  queueWork,
  Work,
  Workqueue,
  workFunctions,
} from '../irq/workqueue.ts';
import { EINVAL, EIO, EOPNOTSUPP, errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import { cpu } from '../shared/per-cpu.ts';
import { spinLockIrqsave, spinUnlockIrqrestore } from '../shared/spinlock.ts';
import { atomic, defineStruct, marked, plain, type Struct } from '../shared/struct.ts';
import type { Atomic, Marked } from '../shared/word.ts';
import { Bio, bioData, REQ_WRITE, setBioData } from './bio.ts';
import { blkCompleteRequest } from './blk-softirq.ts';
import { addBlockDevice } from './block-device.ts';
import { DISK_MAJOR } from './disk.ts';
import { type HeldBack, heldBackField, holdBack, startOrder, startService, takeFault } from './disk-faults.ts';
import { blkStartRequest } from './elevator.ts';
import { __blkEndRequestAll, blkEndRequestAll } from './end-request.ts';
import { blkInitQueue } from './init-queue.ts';
import { MAKE_REQUEST } from './make-request.ts';
import { QUEUE_ORDERED_DRAIN_FLUSH, QUEUE_ORDERED_NONE } from './ordered.ts';
import { blkPeekRequest } from './peek-request.ts';
import { blkPcRequest, CMD_FLUSH, CMD_TEST_UNIT_READY, REQ_TYPE_BLOCK_PC, Request } from './request.ts';
import { __blkRunQueue, queueDrivers, RequestQueue } from './request-queue.ts';
import { WriteCache } from './write-cache.ts';

export const REQUEST_DISK_MODES = ['inline', 'hardirqDirect', 'softirq', 'thread'] as const;
export type RequestDiskMode = (typeof REQUEST_DISK_MODES)[number];
const INLINE = 0;
const HARDIRQ_DIRECT = 1;
const THREAD = 3;

export const BARRIERS = ['flush', 'refuse', 'none'] as const;
const REFUSE = 1;

export interface RequestDiskOptions {
  /** As table lines name it. */
  readonly name: string;
  readonly minor: number;
  readonly sectors: number;
  readonly mode: RequestDiskMode;
  /** A volatile write cache; default yes. */
  readonly cache?: boolean;
  /** Default flush. */
  readonly barriers?: (typeof BARRIERS)[number];
  /** Requests that it serves at a time; default 2. Not inline. */
  readonly depth?: number;
  /** Whether it says when it serves as many as it can; default no. Not inline. */
  readonly saysBusy?: boolean;
  /** Requests in the queue's pool; default 4. */
  readonly nrRequests?: number;
  /** Shortest service time and how much longer it can be, in microseconds. */
  readonly latencyUs?: readonly [number, number];
  /** Interrupt any CPU instead of the one that started the request. */
  readonly anyCpu?: boolean;
}

export interface RequestDisk extends Struct {
  bdev: number;
  queue: number;
  media: number;
  sectors: number;
  cache: number;
  mode: number;
  barriers: number;
  depth: number;
  latencyUs: number;
  latencySpreadUs: number;
  anyCpu: number;
  /** Requests that it has; under queue_lock. */
  active: number;
  /** 1: it says when it has `depth` of them, in `busy`, which is changed under queue_lock and read without. */
  saysBusy: number;
  readonly busy: Marked;
  /** Its thread and the one item of it; mode thread only. */
  wq: number;
  work: number;
  /** The request that the thread has, 0: none; under queue_lock. */
  inHand: number;
  /** So many requests, or flushes, fail with −EIO from now on. */
  readonly failNext: Atomic;
  readonly failFlush: Atomic;
  /** Not inline and thread. */
  readonly heldBack: HeldBack;
  /** 1: a flush says that it is done and does nothing. */
  readonly lies: Marked;
  /** Handle of another disk whose power is cut with this one's, 0: none. */
  powerNext: number;
}

export const RequestDisk = defineStruct<RequestDisk>('request-disk', 'disk', 0, {
  bdev: plain,
  queue: plain,
  media: plain,
  sectors: plain,
  cache: plain,
  mode: plain,
  barriers: plain,
  depth: plain,
  latencyUs: plain,
  latencySpreadUs: plain,
  anyCpu: plain,
  active: plain,
  saysBusy: plain,
  busy: marked,
  wq: plain,
  work: plain,
  inHand: plain,
  failNext: atomic,
  failFlush: atomic,
  heldBack: heldBackField,
  lies: marked,
  powerNext: plain,
});

const KLOOPD = defineWorker('kloopd');

/** Plugs a disk in; `media` is of declareCachedMedia. */
export function* addRequestDisk(options: RequestDiskOptions, media: number): Kernel<RequestDisk> {
  const disk = RequestDisk.alloc();
  if (disk === null) report('assertion', '', `there is no room for disk ${options.name}`);
  const { minor, name, barriers = 'flush', nrRequests = 4 } = options;
  disk.media = media;
  disk.sectors = options.sectors;
  disk.cache = options.cache === false ? 0 : 1;
  disk.mode = REQUEST_DISK_MODES.indexOf(options.mode);
  disk.barriers = BARRIERS.indexOf(barriers);
  disk.depth = options.depth ?? 2;
  disk.saysBusy = options.saysBusy === true ? 1 : 0;
  disk.latencyUs = options.latencyUs?.[0] ?? 20;
  disk.latencySpreadUs = options.latencyUs?.[1] ?? 60;
  disk.anyCpu = options.anyCpu === true ? 1 : 0;
  const ordered = barriers === 'none' ? QUEUE_ORDERED_NONE : QUEUE_ORDERED_DRAIN_FLUSH;
  const q = yield* blkInitQueue({ driver: DISK_QUEUE, queuedata: disk.handle, ordered, nrRequests });
  yield* q.stackable.write(1, HERE);
  disk.queue = q.handle;
  if (disk.mode === THREAD) {
    disk.wq = createSinglethreadWorkqueue(KLOOPD, cpu)?.handle ?? 0;
    disk.work = initWork(LOOP_WORK, disk.handle).handle;
  }
  const bdev = yield* addBlockDevice({
    major: DISK_MAJOR,
    minor,
    name,
    makeRequest: MAKE_REQUEST,
    private: disk.handle,
    queue: q.handle,
  });
  if (typeof bdev === 'number') report('assertion', '', `disk ${name} cannot be added: ${errnoText(bdev)}`);
  yield* bdev.capacity.write(options.sectors, HERE);
  disk.bdev = bdev.handle;
  return disk;
}

export const cacheOf = (disk: RequestDisk): WriteCache => new WriteCache(disk.media, disk.sectors, disk.cache !== 0);
const diskOf = (q: RequestQueue): RequestDisk => RequestDisk.at(q.queuedata);

/** Serves a request; 0 or the error that it ends with, which stands in the request too. */
function* serve(disk: RequestDisk, rq: Request): Kernel<number> {
  rq.errors = yield* answer(disk, rq);
  return rq.errors;
}

function* answer(disk: RequestDisk, rq: Request): Kernel<number> {
  const cache = cacheOf(disk);
  const flush = rq.cmd === CMD_FLUSH;
  if (flush && disk.barriers === REFUSE) return -EOPNOTSUPP;
  if (cache.isOff || (yield* takeFault(flush ? disk.failFlush : disk.failNext))) return -EIO;
  if (flush) {
    if ((yield* disk.lies.read(HERE)) === 0) cache.flush();
    return 0;
  }
  if (blkPcRequest(rq) && rq.cmd !== CMD_TEST_UNIT_READY) return -EINVAL;
  for (let handle = rq.bioHead; handle !== 0; handle = Bio.at(handle).next) yield* transfer(cache, Bio.at(handle));
  return 0;
}

function* transfer(cache: WriteCache, bio: Bio): Kernel<void> {
  const write = (bio.bioFlags & REQ_WRITE) !== 0;
  for (let i = 0; i < bio.size; i++) {
    if (write) yield* cache.write(bio.sector + i, bioData(bio, i));
    else setBioData(bio, i, cache.read(bio.sector + i));
  }
}

const DISK_QUEUE = queueDrivers.define('disk', {
  name: 'disk',

  *requestFn(q): Kernel<void> {
    const disk = diskOf(q);
    for (;;) {
      if (disk.mode !== INLINE && disk.active >= disk.depth) return;
      const rq = yield* blkPeekRequest(q);
      if (rq === null) return;
      blkStartRequest(q, rq);
      if (disk.mode === INLINE) yield* __blkEndRequestAll(q, rq, yield* serve(disk, rq));
      else yield* handOver(disk, rq);
    }
  },

  lldBusyFn: (q) => diskOf(q).busy.read(HERE),

  prepareFlushFn(rq): void {
    rq.cmdType = REQ_TYPE_BLOCK_PC;
    rq.cmd = CMD_FLUSH;
  },

  *softirqDoneFn(rq): Kernel<void> {
    const q = RequestQueue.at(rq.queue);
    yield* blkEndRequestAll(rq, rq.errors);
    yield* oneLess(q);
  },
});

/** The device has room for one more. */
function* oneLess(q: RequestQueue): Kernel<void> {
  const saved = yield* spinLockIrqsave(q.queueLock, HERE);
  yield* __oneLess(q);
  yield* spinUnlockIrqrestore(q.queueLock, saved, HERE);
}

/** queue_lock is held. */
function* __oneLess(q: RequestQueue): Kernel<void> {
  const disk = diskOf(q);
  if (disk.saysBusy !== 0 && disk.active === disk.depth) yield* disk.busy.write(0, HERE);
  disk.active--;
  yield* __blkRunQueue(q);
}

/** To the thread, or to the interrupt actor. queue_lock is held. */
function* handOver(disk: RequestDisk, rq: Request): Kernel<void> {
  disk.active++;
  if (disk.saysBusy !== 0 && disk.active === disk.depth) yield* disk.busy.write(1, HERE);
  if (disk.mode === THREAD) {
    rq.completionData = disk.inHand;
    disk.inHand = rq.handle;
    yield* queueWork(Workqueue.at(disk.wq), Work.at(disk.work), HERE);
    return;
  }
  yield* startService(disk, DISK_DEVICE, rq.handle);
}

const LOOP_WORK = workFunctions.define('loop_work', function* loopWork(handle): Kernel<void> {
  const disk = RequestDisk.at(handle);
  const q = RequestQueue.at(disk.queue);
  for (;;) {
    const saved = yield* spinLockIrqsave(q.queueLock, HERE);
    const rq = disk.inHand === 0 ? null : Request.at(disk.inHand);
    if (rq !== null) {
      disk.inHand = rq.completionData;
      rq.completionData = 0;
      yield* serve(disk, rq);
    }
    yield* spinUnlockIrqrestore(q.queueLock, saved, HERE);
    if (rq === null) return;
    yield* blkEndRequestAll(rq, rq.errors);
    yield* oneLess(q);
  }
});

const DISK_DEVICE = devices.define('request-disk', {
  line: LINE_DEVICE,
  *elapsed(alarm): Kernel<number> {
    const rq = Request.at(alarm.arg);
    const disk = diskOf(RequestQueue.at(rq.queue));
    if (yield* holdBack(disk, alarm)) return 0;
    yield* serve(disk, rq);
    return 1;
  },
  *interrupt(alarm): Kernel<void> {
    const rq = Request.at(alarm.arg);
    const q = RequestQueue.at(rq.queue);
    Alarm.free(alarm);
    if (diskOf(q).mode !== HARDIRQ_DIRECT) {
      yield* blkCompleteRequest(rq, HERE);
      return;
    }
    const saved = yield* spinLockIrqsave(q.queueLock, HERE);
    yield* __blkEndRequestAll(q, rq, rq.errors);
    yield* __oneLess(q);
    yield* spinUnlockIrqrestore(q.queueLock, saved, HERE);
  },
});

/** The power of the two is cut in one moment. Not inline and thread. In `setup`. */
export function sharePower(disk: RequestDisk, other: RequestDisk): void {
  disk.powerNext = other.handle;
}

/** Cuts the disk's power: what was only in its cache is gone, in part and in any order, and from now on it fails all it is asked. */
export function* cutPower(disk: RequestDisk): Kernel<void> {
  if (disk.mode === INLINE || disk.mode === THREAD) {
    const q = RequestQueue.at(disk.queue);
    const saved = yield* spinLockIrqsave(q.queueLock, HERE);
    yield* cacheOf(disk).cut();
    yield* spinUnlockIrqrestore(q.queueLock, saved, HERE);
    return;
  }
  yield* startOrder(CUT_DEVICE, disk.handle);
  while (!cacheOf(disk).isOff) yield* ops.relax(HERE);
}

const CUT_DEVICE = devices.define('request-disk-cut', {
  line: LINE_DEVICE,
  *elapsed(alarm): Kernel<number> {
    for (let handle = alarm.arg; handle !== 0; handle = RequestDisk.at(handle).powerNext)
      yield* cacheOf(RequestDisk.at(handle)).cut();
    return 1;
  },
  *interrupt(alarm): Kernel<void> {
    Alarm.free(alarm);
  },
});
