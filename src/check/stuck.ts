/**
 * Why nothing can move while tasks are left, or why some of them never can: I47 NO_LOST_WAKE, I45 Q_EMPTY, I49 SUSPEND_PROGRESS,
 * I51 STALL_FREE_RESIZE. Who finds nothing here has a plain deadlock (I48).
 *
 * A wake-up is lost when a task sleeps and what it waits for is true.
 */

import { Request } from '../block/request.ts';
import { DmTargetIo } from '../core/dm-io.ts';
import { DmRqTargetIo } from '../core/dm-rq-target-io.ts';
import { DMF_SUSPENDED, MappedDevice, SUSPEND_PHASES } from '../core/mapped-device.ts';
import { Workqueue } from '../irq/workqueue.ts';
import { report } from '../machine/finding.ts';
import { Completion } from '../shared/completion.ts';
import { memory } from '../shared/memory.ts';
import { Mempool } from '../shared/mempool.ts';
import { Mutex } from '../shared/mutex.ts';
import { taskName } from '../shared/program.ts';
import { RwSemaphore } from '../shared/rw-semaphore.ts';
import { Semaphore } from '../shared/semaphore.ts';
import type { Sleepers } from '../shared/sleepers.ts';
import { eachLiveLock, type LockType } from '../shared/struct-registry.ts';
import { TASK_NORMAL, type Task, Task as Tasks } from '../shared/task.ts';
import type { WaitQueue } from '../shared/wait-queue.ts';
import { locationOf, TARGET } from './bio-location.ts';
import { checkMultipaths } from './multipath.ts';
import { noflushIsSet } from './pushback.ts';
import { checkLists } from './quiescence.ts';
import { wasInserted } from './request.ts';
import { checkStalledResize } from './sizes.ts';
import {
  addressOf,
  eachLive,
  MD_DEFERRED,
  MD_FLAGS,
  MD_PENDING,
  MD_PUSHBACK,
  mdName,
  mdOfTio,
  TIO_CLONE,
} from './words.ts';

const sleeps = (task: Task): boolean => ((memory.words[task.state.word] as number) & TASK_NORMAL) !== 0;

function lostWakeup(task: Task, what: string): never {
  report('lost-wakeup', 'I47', `${taskName(task)} sleeps for ever although ${what}`);
}

function checkQueue(queue: WaitQueue, what: string): void {
  for (const task of queue.waiters()) if (sleeps(task)) lostWakeup(task, what);
}

function checkSleepers(sleepers: Sleepers, what: string): void {
  const task = sleepers.first();
  if (task !== null && sleeps(task)) lostWakeup(task, what);
}

function checkLock(word: number, name: string, type: LockType): void {
  const value = memory.words[word] as number;
  if (type === 'mutex') {
    if (value === 0) checkSleepers(new Mutex(word).sleepers, `${name} is free`);
  } else if (type === 'semaphore') {
    if (value > 0) checkSleepers(new Semaphore(word).sleepers, `${name} has a unit`);
  } else if (type === 'rw-semaphore') {
    // Neither a writer nor a reader inside.
    if ((value & ~2) === 0) checkSleepers(new RwSemaphore(word).sleepers, `${name} is free`);
  } else if (type === 'completion') {
    if (value > 0) checkQueue(new Completion(word).wait, `${name} is complete`);
  }
}

function checkWorkqueue(address: number): void {
  const wq = Workqueue.atAddress(address);
  if (wq.first !== 0) checkQueue(wq.moreWork, 'there is work');
  else if (wq.queued === wq.done) checkQueue(wq.flushed, 'all work is done');
}

/** Tasks that sleep although what they wait for is true. Daemons count too, so it also runs at quiescence. */
export function checkWakeups(): void {
  eachLive(MappedDevice, (md) => {
    if (memory.words[md + MD_PENDING] === 0)
      checkQueue(MappedDevice.atAddress(md).wait, `pending of ${mdName(md)} is 0`);
  });
  eachLive(Mempool, (address) => {
    const pool = Mempool.atAddress(address);
    if (pool.currNr > 0) checkQueue(pool.wait, 'the pool has an element');
  });
  eachLive(Workqueue, checkWorkqueue);
  eachLiveLock(checkLock);
}

/** Bios that nobody will look at: no suspend is under way, and kdmflush sleeps with nothing to do. */
function checkForgotten(address: number): void {
  const w = memory.words;
  const md = MappedDevice.atAddress(address);
  if (w[md.suspendLock.word] !== 0) return;
  if (w[address + MD_PUSHBACK] !== 0 && !noflushIsSet(address))
    report('lost-bio', 'I45', `a bio lies on the pushback list of ${mdName(address)} and no suspend is under way`);
  const wq = Workqueue.at(md.wq);
  const idle = wq.first === 0 && Tasks.at(wq.worker).blockedOn === wq.moreWork.word;
  if (idle && w[address + MD_DEFERRED] !== 0 && ((w[address + MD_FLAGS] as number) & DMF_SUSPENDED) === 0)
    report('lost-bio', 'I45', `a bio lies on the deferred list of ${mdName(address)} and nobody will map it`);
}

/** Whether a queue below has a clone of the device: it was inserted there. */
function requestsBelow(md: number): boolean {
  let below = false;
  eachLive(DmRqTargetIo, (tio) => {
    const record = DmRqTargetIo.atAddress(tio);
    if (addressOf(record.md) === md && wasInserted(Request.at(record.clone).address)) below = true;
  });
  return below;
}

/** A noflush suspend that waits for I/O that only targets have. */
function checkProgress(address: number): void {
  const md = MappedDevice.atAddress(address);
  if (!noflushIsSet(address) || SUSPEND_PHASES[md.phase.value] !== 'wait') return;
  let below = requestsBelow(address);
  eachLive(DmTargetIo, (tio) => {
    const handle = memory.words[tio + TIO_CLONE] as number;
    if (handle !== 0 && mdOfTio(tio) === address && locationOf(addressOf(handle)) !== TARGET) below = true;
  });
  if (!below) report('deadlock', 'I49', `a noflush suspend of ${mdName(address)} waits for I/O that its targets keep`);
}

/** Says why tasks that are left cannot move; returns when it is a plain deadlock. */
export function checkStuck(): void {
  checkWakeups();
  checkLists();
  checkMultipaths();
  eachLive(MappedDevice, (md) => checkStalledResize(md));
  eachLive(MappedDevice, checkForgotten);
  eachLive(MappedDevice, checkProgress);
}

/** Says why these tasks can never go on, whatever others do; returns when it is a plain deadlock. */
export function checkClosed(tasks: readonly Task[]): void {
  eachLive(MappedDevice, (md) => checkStalledResize(md, tasks));
}
