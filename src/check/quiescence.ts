/**
 * What must hold when nothing can move: I3 CONSERVATION, I4 PENDING_EXACT, I5 IO_COUNT, I7, I8, I18, I21 ONE_FLUSH, I29 POOL,
 * I45 Q_EMPTY, I46 SUSPENDED_EMPTY, I48 for the kernel's own threads. Sums over many objects are taken here, where they stand still.
 */
import { Bio } from '../block/bio.ts';
import { Request } from '../block/request.ts';
import { blkQueueStopped, driverOf, elvQueueEmpty, RequestQueue } from '../block/request-queue.ts';
import { DmIo, DmTargetIo } from '../core/dm-io.ts';
import { DMF_NOFLUSH_SUSPENDING, DMF_QUEUE_IO_TO_THREAD, DMF_SUSPENDED, MappedDevice } from '../core/mapped-device.ts';
import { Alarm } from '../irq/alarm.ts';
import { Workqueue } from '../irq/workqueue.ts';
import { report } from '../machine/finding.ts';
import { memory } from '../shared/memory.ts';
import { Mempool } from '../shared/mempool.ts';
import { RWSEM_OWNER } from '../shared/rw-semaphore.ts';
import { SpinLock, spinLockOwner } from '../shared/spinlock.ts';
import { eachLiveLock, wordName } from '../shared/struct-registry.ts';
import { Task, taskName } from '../shared/task.ts';
import { DEFERRED, isLeaked, isNowhere, locationName, locationOf, PUSHBACK, TARGET } from './bio-location.ts';
import { checkFlushSlot, clonesInFlight, clonesOf } from './rq-clone.ts';
import {
  addressOf,
  BIO_NEXT,
  BIO_ORDER,
  bioName,
  eachLive,
  IO_COUNT,
  IO_MD,
  MD_DEFERRED,
  MD_FIRST_DEFERRED,
  MD_FLAGS,
  MD_NEXT_DEFERRED,
  MD_PENDING,
  MD_PUSHBACK,
  mdName,
  TIO_CLONE,
  TIO_IO,
} from './words.ts';
import { checkWorks } from './work.ts';

const POOL_MIN = Mempool.offsetOf('minNr');
const POOL_CURR = Mempool.offsetOf('currNr');
const ALARM_ARG = Alarm.offsetOf('arg');
const RQ_BIO_HEAD = Request.offsetOf('bioHead');

/** Whether a disk or a request queue has the bio: the request that it is, or is in, refers to it. */
function atDisk(bio: number): boolean {
  let found = false;
  eachLive(Alarm, (alarm) => {
    if (memory.words[alarm + ALARM_ARG] !== 0 && addressOf(memory.words[alarm + ALARM_ARG] as number) === bio)
      found = true;
  });
  return found || inRequest(bio);
}

function inRequest(bio: number): boolean {
  const w = memory.words;
  let found = false;
  eachLive(Request, (rq) => {
    for (let handle = w[rq + RQ_BIO_HEAD] as number; handle !== 0; handle = w[addressOf(handle) + BIO_NEXT] as number)
      if (addressOf(handle) === bio) found = true;
  });
  return found;
}

/** Bios on a list, each of which must say that it is there. */
function countOnList(list: number, place: number, what: string): number {
  let count = 0;
  for (let handle = memory.words[list] as number; handle !== 0; count++) {
    const bio = addressOf(handle);
    if (locationOf(bio) !== place)
      report('assertion', 'I3', `${bioName(bio)} is on the ${what} list, but it is ${locationName(bio)}`);
    handle = memory.words[bio + BIO_NEXT] as number;
  }
  return count;
}

/** Every bio that says that it is on a list is on one. Also holds while tasks are stuck. */
export function checkLists(): void {
  let deferred = 0;
  let pushedBack = 0;
  eachLive(MappedDevice, (md) => {
    deferred += countOnList(md + MD_DEFERRED, DEFERRED, 'deferred');
    pushedBack += countOnList(md + MD_PUSHBACK, PUSHBACK, 'pushback');
  });
  eachLive(Bio, (bio) => {
    const place = locationOf(bio);
    if (place === DEFERRED) deferred--;
    else if (place === PUSHBACK) pushedBack--;
  });
  if (deferred !== 0) report('lost-bio', 'I3', 'a bio that was deferred is on no list');
  if (pushedBack !== 0) report('lost-bio', 'I3', 'a bio that was pushed back is on no list');
}

function checkBios(): void {
  eachLive(Bio, (bio) => {
    if (isNowhere(bio, atDisk)) report('lost-bio', 'I3', `nobody has ${bioName(bio)}: it is ${locationName(bio)}`);
    if (isLeaked(bio)) report('leak', 'I29', `${bioName(bio)} has ended and was never freed`);
  });
}

/** The numbers on the deferred list have no hole, so nobody took a bio off it unseen. */
function checkNumbers(md: number): void {
  const w = memory.words;
  let order = w[md + MD_FIRST_DEFERRED] as number;
  for (let handle = w[md + MD_DEFERRED] as number; handle !== 0; handle = w[addressOf(handle) + BIO_NEXT] as number) {
    if (w[addressOf(handle) + BIO_ORDER] !== order)
      report('reorder', 'I37', `the deferred list of ${mdName(md)} is out of order`);
    order = (order + 1) | 0;
  }
  if (order !== w[md + MD_NEXT_DEFERRED])
    report('lost-bio', 'I3', `a bio was taken off the deferred list of ${mdName(md)} unseen`);
}

/** pending is the number of records in flight, and io_count of each is the number of its clones. */
function checkCounts(md: number): number {
  const w = memory.words;
  let ios = 0;
  eachLive(DmIo, (io) => {
    if (w[io + IO_MD] === 0 || addressOf(w[io + IO_MD] as number) !== md) return;
    ios++;
    let clones = 0;
    eachLive(DmTargetIo, (tio) => {
      if (w[tio + TIO_IO] !== 0 && addressOf(w[tio + TIO_IO] as number) === io) clones++;
    });
    if (w[io + IO_COUNT] !== clones)
      report(
        'assertion',
        'I5',
        `io_count of a dm_io of ${mdName(md)} is ${w[io + IO_COUNT]} with ${clones} clones in flight`,
      );
  });
  ios += clonesInFlight(md).count;
  const pending = w[md + MD_PENDING] as number;
  if (ios > pending) report('leak', 'I29', `${ios} dm_io of ${mdName(md)} are out while pending is ${pending}`);
  if (ios < pending) report('assertion', 'I4', `pending of ${mdName(md)} is ${pending} with ${ios} dm_io in flight`);
  return pending;
}

/** Whether some clone is a target's or a disk's: then I/O may well be in flight while nothing moves. */
function somebodyHolds(): boolean {
  let held = false;
  eachLive(DmTargetIo, (tio) => {
    const handle = memory.words[tio + TIO_CLONE] as number;
    if (handle !== 0 && (locationOf(addressOf(handle)) === TARGET || atDisk(addressOf(handle)))) held = true;
  });
  return held;
}

function checkPools(md: MappedDevice): void {
  const prepared = md.queue !== 0 && !elvQueueEmpty(RequestQueue.at(md.queue));
  // A request that waits may have its clone already.
  const rqPools = md.queue === 0 ? [] : [md.rqTioPool, md.clonePool];
  if (prepared) return;
  const clones = clonesOf(md.address);
  if (clones > 0) report('leak', 'I29', `${clones} clones of requests of ${mdName(md.address)} are left`);
  for (const handle of [md.ioPool, md.tioPool, md.bioSet, md.bioSplit, ...rqPools]) {
    const pool = addressOf(handle);
    const min = memory.words[pool + POOL_MIN] as number;
    const curr = memory.words[pool + POOL_CURR] as number;
    if (curr !== min)
      report('leak', 'I29', `a pool of ${mdName(md.address)} has ${curr} of ${min} elements and no I/O is in flight`);
  }
}

function checkDevice(address: number): void {
  const w = memory.words;
  const flags = w[address + MD_FLAGS] as number;
  if ((flags & DMF_NOFLUSH_SUSPENDING) !== 0)
    report('assertion', 'I7', `NOFLUSH of ${mdName(address)} is set and nobody suspends`);
  if (w[address + MD_PUSHBACK] !== 0)
    report('lost-bio', 'I8', `the pushback list of ${mdName(address)} is not empty and nobody suspends`);
  checkNumbers(address);
  const pending = checkCounts(address);
  if ((flags & DMF_SUSPENDED) !== 0) {
    if (pending !== 0) report('assertion', 'I46', `${mdName(address)} is suspended with ${pending} bios in flight`);
  } else {
    if (w[address + MD_DEFERRED] !== 0)
      report('lost-bio', 'I45', `deferred bios of ${mdName(address)} wait and nobody maps them`);
    if (pending !== 0 && !somebodyHolds() && !clonesInFlight(address).below)
      report('lost-bio', 'I45', `${pending} bios of ${mdName(address)} are in flight and nobody has them`);
    if ((flags & DMF_QUEUE_IO_TO_THREAD) !== 0)
      report('assertion', 'I45', `I/O of ${mdName(address)} goes through kdmflush, which has nothing to do`);
  }
  if (pending === 0) checkPools(MappedDevice.atAddress(address));
}

/** Requests wait only where nobody is asked, or for others that the driver has. */
function checkQueue(address: number): void {
  const q = RequestQueue.atAddress(address);
  const ownerOf = driverOf(q).name === 'dm' ? MappedDevice.at(q.queuedata) : null;
  const suspended = ownerOf !== null && ((memory.words[ownerOf.address + MD_FLAGS] as number) & DMF_SUSPENDED) !== 0;
  if (suspended && (q.inFlight !== 0 || ownerOf.flushRequest !== 0))
    report('assertion', 'I46', `${mdName(ownerOf.address)} is suspended with requests in flight`);
  if (ownerOf !== null) checkFlushSlot(ownerOf);
  if (!elvQueueEmpty(q) && !blkQueueStopped(q) && q.inFlight === 0)
    report('lost-bio', 'I45', 'requests wait on a queue and nobody asks its driver');
  if (blkQueueStopped(q) && !suspended) report('assertion', 'I45', 'a queue is stopped and nobody suspends');
}

/** A thread of the kernel's own waits for work and for nothing else. */
function checkWorkers(): void {
  eachLive(Workqueue, (address) => {
    const wq = Workqueue.atAddress(address);
    const worker = Task.at(wq.worker);
    if (worker.blockedOn !== wq.moreWork.word)
      report('deadlock', 'I48', `${taskName(worker)} waits for ${wordName(worker.blockedOn)} for ever`);
  });
}

function checkLocks(): void {
  const w = memory.words;
  eachLiveLock((word, name, type) => {
    const held =
      type === 'spinlock'
        ? spinLockOwner(new SpinLock(word)) !== 0
        : type === 'rw-semaphore'
          ? w[word] !== 0 || w[word + RWSEM_OWNER] !== 0
          : (type === 'rwlock' || type === 'mutex') && w[word] !== 0;
    if (held) report('leak', 'I18', `${name} is held and nobody is left to release it`);
  });
}

/** Checks the machine while nothing can move and no task but the kernel's own threads is left. */
export function checkResting(): void {
  checkWorkers();
  checkWorks();
  checkLists();
  checkBios();
  eachLive(MappedDevice, checkDevice);
  eachLive(RequestQueue, checkQueue);
  checkLocks();
}
