/**
 * Work queues with one thread each: functions that run later in process context, in the order in which they were queued.
 *
 * Models create_singlethread_workqueue, queue_work, flush_workqueue, destroy_workqueue.
 *
 * work.pending: 0 idle, 1 queued. Set by queue_work (test-and-set, so an item is on at most one list), cleared by the worker
 * BEFORE it calls the function: an item that is queued while it runs will run once more (invariant I20).
 *
 * `queued` and `done` count items; a flush waits until `done` reaches what `queued` was when it began, which is what the
 * kernel's marker item does on a queue with a single thread.
 */
import { EV_FLUSH, EV_WORK_BEGIN, EV_WORK_END, EV_WORK_QUEUED, emit, listening } from '../machine/events.ts';
import { report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Site } from '../machine/site.ts';
import { type Completion, complete, completionField, waitForCompletion } from '../shared/completion.ts';
import { FunctionTable } from '../shared/function-table.ts';
import { type SpinLock, spinLockField, spinLockIrqsave, spinUnlockIrqrestore } from '../shared/spinlock.ts';
import { atomic, defineStruct, plain, type Struct } from '../shared/struct.ts';
import { current, mightSleep, PF_DAEMON, programs, spawn, TASK_UNINTERRUPTIBLE, Task } from '../shared/task.ts';
import {
  defineWait,
  finishWait,
  freeWait,
  prepareToWait,
  scheduleOn,
  type WaitQueue,
  waitQueueField,
  wakeUp,
} from '../shared/wait-queue.ts';
import type { Atomic } from '../shared/word.ts';

/** What a work item runs, with the number it was set up with. */
export const workFunctions = new FunctionTable<(arg: number) => Kernel<void>>('work');

export interface Work extends Struct {
  readonly pending: Atomic;
  fn: number;
  arg: number;
  next: number;
}

export const Work = defineStruct<Work>('work', 'work', 16, { pending: atomic, fn: plain, arg: plain, next: plain });

export interface Workqueue extends Struct {
  readonly lock: SpinLock;
  readonly moreWork: WaitQueue;
  readonly flushed: WaitQueue;
  first: number;
  last: number;
  /** Items ever queued and ever finished; wrap. */
  queued: number;
  done: number;
  worker: number;
  /** destroy_workqueue asks the worker to end, and the worker says that it has. */
  stopping: number;
  readonly stopped: Completion;
}

export const Workqueue = defineStruct<Workqueue>('workqueue', 'wq', 4, {
  lock: spinLockField,
  moreWork: waitQueueField,
  flushed: waitQueueField,
  first: plain,
  last: plain,
  queued: plain,
  done: plain,
  worker: plain,
  stopping: plain,
  stopped: completionField,
});

/** Sets up a work item that runs `fn(arg)`. */
export function initWork(fn: number, arg: number): Work {
  const work = Work.alloc();
  if (work === null) report('assertion', '', 'no work item is free');
  work.fn = fn;
  work.arg = arg;
  return work;
}

/** A work queue whose one thread runs program `program` on `cpu`. */
export function createSinglethreadWorkqueue(program: number, cpu: number): Workqueue | null {
  const wq = Workqueue.alloc();
  if (wq === null) return null;
  wq.worker = spawn(cpu, program, wq.handle, PF_DAEMON).handle;
  return wq;
}

/** The program of a queue's thread, under the queue's name. */
export function defineWorker(name: string): number {
  return programs.define(name, workerThread);
}

/** Queues an item unless it is queued already; gives 1 if it was not. Any context. */
export function* queueWork(wq: Workqueue, work: Work, site: Site): Kernel<number> {
  if ((yield* work.pending.exchange(1, site)) !== 0) return 0;
  const saved = yield* spinLockIrqsave(wq.lock, site);
  work.next = 0;
  if (wq.first === 0) wq.first = work.handle;
  else Work.at(wq.last).next = work.handle;
  wq.last = work.handle;
  wq.queued = (wq.queued + 1) | 0;
  if (listening !== 0) emit(EV_WORK_QUEUED, work.address, wq.address, site);
  // Under the lock: as soon as it is free the item may have run and, after a flush, the queue be gone.
  yield* wakeUp(wq.moreWork, site);
  yield* spinUnlockIrqrestore(wq.lock, saved, site);
  return 1;
}

/** Waits until all that was queued before this call has run. Uninterruptible; not from the queue's own worker. */
export function* flushWorkqueue(wq: Workqueue, site: Site): Kernel<void> {
  mightSleep('flush_workqueue', site);
  if (wq.worker === current().handle)
    report('self-deadlock', 'I48', `${programs.nameOf(current().program)} flushes the work queue that it serves`, site);
  if (listening !== 0) emit(EV_FLUSH, 0, Task.at(wq.worker).program, site);
  const entry = defineWait();
  let target: number | null = null;
  for (;;) {
    yield* prepareToWait(wq.flushed, entry, TASK_UNINTERRUPTIBLE, site);
    const saved = yield* spinLockIrqsave(wq.lock, site);
    target ??= wq.queued;
    const done = ((wq.done - target) | 0) >= 0;
    yield* spinUnlockIrqrestore(wq.lock, saved, site);
    if (done) break;
    yield* scheduleOn(wq.flushed, site);
  }
  yield* finishWait(wq.flushed, entry, site);
  freeWait(entry);
}

/** Runs what is queued, ends the thread, and frees the queue. */
export function* destroyWorkqueue(wq: Workqueue, site: Site): Kernel<void> {
  yield* flushWorkqueue(wq, site);
  const saved = yield* spinLockIrqsave(wq.lock, site);
  wq.stopping = 1;
  yield* spinUnlockIrqrestore(wq.lock, saved, site);
  yield* wakeUp(wq.moreWork, site);
  yield* waitForCompletion(wq.stopped, site);
  Workqueue.free(wq);
}

function* workerThread(handle: number): Kernel<void> {
  const wq = Workqueue.at(handle);
  const entry = defineWait();
  for (;;) {
    yield* prepareToWait(wq.moreWork, entry, TASK_UNINTERRUPTIBLE, HERE);
    const saved = yield* spinLockIrqsave(wq.lock, HERE);
    const work = wq.first === 0 ? null : Work.at(wq.first);
    if (work !== null) wq.first = work.next;
    const stopping = wq.stopping;
    yield* spinUnlockIrqrestore(wq.lock, saved, HERE);
    if (work !== null) {
      yield* finishWait(wq.moreWork, entry, HERE);
      yield* runWork(wq, work);
    } else if (stopping !== 0) {
      break;
    } else {
      yield* scheduleOn(wq.moreWork, HERE);
    }
  }
  yield* finishWait(wq.moreWork, entry, HERE);
  freeWait(entry);
  // The last touch of the queue: who waits for it frees it.
  yield* complete(wq.stopped, HERE);
}

function* runWork(wq: Workqueue, work: Work): Kernel<void> {
  const fn = work.fn;
  const arg = work.arg;
  const { program } = current();
  yield* work.pending.set(0, HERE);
  if (listening !== 0) emit(EV_WORK_BEGIN, 0, program, HERE);
  yield* workFunctions.at(fn)(arg);
  if (listening !== 0) emit(EV_WORK_END, 0, program, HERE);
  const saved = yield* spinLockIrqsave(wq.lock, HERE);
  wq.done = (wq.done + 1) | 0;
  yield* spinUnlockIrqrestore(wq.lock, saved, HERE);
  yield* wakeUp(wq.flushed, HERE);
}
