/**
 * Wait queues: tasks that sleep until somebody says that a condition may have become true.
 *
 * Models prepare_to_wait, prepare_to_wait_exclusive, finish_wait, wake_up, wake_up_all and autoremove_wake_function.
 *
 *   word 0 … 3   a spinlock, irq-safe: wake-ups come from interrupts
 *   word 4       handle of the first entry; entries are linked through `next`, waiters that share first
 *
 * Why no wake-up is lost:
 *   sleeper                                   waker
 *   prepareToWait: enqueue, state := sleep    condition := true
 *   test the condition                        wakeUp: state := RUNNING for each entry
 *   schedule                                  (pairs with prepareToWait through the queue's lock)
 */

import { EINTR } from '../machine/errno.ts';
import { EV_WAIT, emit, listening } from '../machine/events.ts';
import { report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import type { Site } from '../machine/site.ts';
import { memory, staticWords } from './memory.ts';
import { declarePlain } from './plain-access.ts';
import { lockdepAssertHeld, SPINLOCK_WORDS, SpinLock, spinLockIrqsave, spinUnlockIrqrestore } from './spinlock.ts';
import { defineStruct, embed, plain, type Struct } from './struct.ts';
import { nameWord, wordName } from './struct-registry.ts';
import {
  current,
  mightSleep,
  schedule,
  setCurrentState,
  signalPending,
  TASK_INTERRUPTIBLE,
  TASK_NORMAL,
  TASK_RUNNING,
  Task,
  wakeUpTask,
} from './task.ts';

/** Tasks, by handle, that a sleeper waits for: one of them is enough, or all are needed. For findings. */
export interface Wakers {
  readonly tasks: readonly number[];
  readonly needs: 'all' | 'any';
}

export const WAIT_QUEUE_WORDS = SPINLOCK_WORDS + 1;
const FIRST = SPINLOCK_WORDS;

export const WQ_FLAG_EXCLUSIVE = 1;
/** The entry leaves the queue when its wake-up took effect. */
export const WQ_FLAG_AUTOREMOVE = 2;

export interface WaitEntry extends Struct {
  task: number;
  waitFlags: number;
  queued: number;
  next: number;
}

export const WaitEntry = defineStruct<WaitEntry>('wait-entry', 'wait', 32, {
  task: plain,
  waitFlags: plain,
  queued: plain,
  next: plain,
});

export class WaitQueue {
  declare readonly word: number;
  declare readonly lock: SpinLock;
  constructor(word: number) {
    this.word = word;
    this.lock = new SpinLock(word);
  }

  /** Handle of the first entry. Under the lock; wakeUp looks without. */
  get head(): number {
    return memory.words[this.word + FIRST] as number;
  }

  set head(handle: number) {
    memory.words[this.word + FIRST] = handle;
  }

  /** The tasks on the queue; exact under its lock and at quiescence. */
  *waiters(): Iterable<Task> {
    let handle = this.head;
    while (handle !== 0) {
      const entry = WaitEntry.at(handle);
      yield Task.at(entry.task);
      handle = entry.next;
    }
  }

  add(entry: WaitEntry): void {
    let before: WaitEntry | null = null;
    if ((entry.waitFlags & WQ_FLAG_EXCLUSIVE) !== 0) {
      let handle = this.head;
      while (handle !== 0) {
        before = WaitEntry.at(handle);
        handle = before.next;
      }
    }
    if (before === null) {
      entry.next = this.head;
      this.head = entry.handle;
    } else {
      entry.next = 0;
      before.next = entry.handle;
    }
    entry.queued = 1;
  }

  remove(entry: WaitEntry): void {
    let before: WaitEntry | null = null;
    for (let handle = this.head; handle !== 0; ) {
      const each = WaitEntry.at(handle);
      if (each.handle === entry.handle) {
        if (before === null) this.head = each.next;
        else before.next = each.next;
        entry.queued = 0;
        return;
      }
      before = each;
      handle = each.next;
    }
    report('assertion', '', `a wait entry is not on ${wordName(this.word)}`);
  }

  first(): WaitEntry | null {
    const handle = this.head;
    return handle === 0 ? null : WaitEntry.at(handle);
  }
}

declarePlain(WaitQueue.prototype, 'head', ({ word }) => word + FIRST);

export const waitQueueField = embed(WAIT_QUEUE_WORDS, (word) => new WaitQueue(word), 'wait-queue');

export function declareWaitQueue(name: string): WaitQueue {
  const word = staticWords(WAIT_QUEUE_WORDS);
  nameWord(word, name, 'wait-queue');
  nameWord(word + FIRST, name);
  return new WaitQueue(word);
}

/** A wait entry for the running task (DEFINE_WAIT); `freeWait` is its closer. */
export function defineWait(waitFlags = WQ_FLAG_AUTOREMOVE): WaitEntry {
  const entry = WaitEntry.alloc();
  if (entry === null) report('assertion', '', 'no wait entry is free');
  entry.task = current().handle;
  entry.waitFlags = waitFlags;
  return entry;
}

export function freeWait(entry: WaitEntry): void {
  WaitEntry.free(entry);
}

/** Enqueues the entry unless it is queued, and sets the task's state, both under the queue's lock. */
export function* prepareToWait(queue: WaitQueue, entry: WaitEntry, state: number, site: Site): Kernel<void> {
  const saved = yield* spinLockIrqsave(queue.lock, site);
  if (entry.queued === 0) queue.add(entry);
  yield* setCurrentState(state, site);
  yield* spinUnlockIrqrestore(queue.lock, saved, site);
}

/** prepare_to_wait_exclusive: a wake_up wakes one of those who wait like this, the one that has waited longest. */
export function prepareToWaitExclusive(queue: WaitQueue, entry: WaitEntry, state: number, site: Site): Kernel<void> {
  entry.waitFlags |= WQ_FLAG_EXCLUSIVE;
  return prepareToWait(queue, entry, state, site);
}

/** The task runs again and its entry is off the queue. */
export function* finishWait(queue: WaitQueue, entry: WaitEntry, site: Site): Kernel<void> {
  yield* setCurrentState(TASK_RUNNING, site);
  const saved = yield* spinLockIrqsave(queue.lock, site);
  if (entry.queued !== 0) queue.remove(entry);
  yield* spinUnlockIrqrestore(queue.lock, saved, site);
}

/** Wakes every waiter that shares and `exclusive` of the others (0: all). Any context. */
export function* __wakeUp(queue: WaitQueue, mask: number, exclusive: number, site: Site): Kernel<void> {
  const saved = yield* spinLockIrqsave(queue.lock, site);
  yield* __wakeUpLocked(queue, mask, exclusive, site);
  yield* spinUnlockIrqrestore(queue.lock, saved, site);
}

/** With the queue's lock held. A waiter that is awake already does not count. */
export function* __wakeUpLocked(queue: WaitQueue, mask: number, exclusive: number, site: Site): Kernel<void> {
  lockdepAssertHeld(queue.lock, site);
  let left = exclusive;
  for (let entry = queue.first(); entry !== null; ) {
    const next: number = entry.next;
    const isExclusive = (entry.waitFlags & WQ_FLAG_EXCLUSIVE) !== 0;
    const woken: number = yield* wakeUpTask(Task.at(entry.task), mask, site);
    if (woken !== 0 && (entry.waitFlags & WQ_FLAG_AUTOREMOVE) !== 0) queue.remove(entry);
    if (woken !== 0 && isExclusive && --left === 0) break;
    entry = next === 0 ? null : WaitEntry.at(next);
  }
}

/**
 * wake_up: all that share, one exclusive waiter. An empty queue is seen without its lock (waitqueue_active): the waker made
 * the condition true before this read, and a sleeper tests it after it has enqueued itself.
 */
export function wakeUp(queue: WaitQueue, site: Site): Kernel<void> {
  return ops.loadThen(queue.word + FIRST, 0, null, wakeOneExclusive, queue, site);
}

const wakeOneExclusive = (queue: WaitQueue, site: Site): Kernel<void> => __wakeUp(queue, TASK_NORMAL, 1, site);

export function wakeUpAll(queue: WaitQueue, site: Site): Kernel<void> {
  return __wakeUp(queue, TASK_NORMAL, 0, site);
}

/**
 * Sleeps until `condition` gives a value other than 0, testing it after each wake-up (wait_event).
 * Returns 0, or −EINTR when `state` is TASK_INTERRUPTIBLE and a signal came; the condition is tested before the signal.
 */
export function* waitEvent(
  queue: WaitQueue,
  condition: () => Kernel<number>,
  state: number,
  site: Site,
): Kernel<number> {
  mightSleep('wait_event', site, queue.word);
  if (listening !== 0) emit(EV_WAIT, 0, 0, site);
  const task = current();
  const entry = defineWait();
  let result = 0;
  for (;;) {
    yield* prepareToWait(queue, entry, state, site);
    if ((yield* condition()) !== 0) break;
    if (state === TASK_INTERRUPTIBLE && (yield* signalPending(task, site)) !== 0) {
      result = -EINTR;
      break;
    }
    yield* scheduleOn(queue, site);
  }
  yield* finishWait(queue, entry, site);
  freeWait(entry);
  return result;
}

/**
 * waitEvent as one of several of whom a wake-up needs only one (wait_event_interruptible_exclusive).
 *
 * Who leaves because of a signal may have been the one that a wake-up chose:
 *   this task                                    waker                          another waiter
 *   condition is false
 *                                                condition := true
 *                                                wakeUp: this task, nobody else
 *   signal is pending: −EINTR                                                   sleeps for ever
 * So it is off the queue before it tests the condition for the last time.
 */
export function* waitEventExclusive(
  queue: WaitQueue,
  condition: () => Kernel<number>,
  state: number,
  site: Site,
): Kernel<number> {
  mightSleep('wait_event', site, queue.word);
  if (listening !== 0) emit(EV_WAIT, 0, 0, site);
  const task = current();
  const entry = defineWait(WQ_FLAG_EXCLUSIVE | WQ_FLAG_AUTOREMOVE);
  let result = 0;
  for (;;) {
    const interrupted = state === TASK_INTERRUPTIBLE && (yield* signalPending(task, site)) !== 0;
    if (interrupted) yield* finishWait(queue, entry, site);
    else yield* prepareToWait(queue, entry, state, site);
    if ((yield* condition()) !== 0) break;
    if (interrupted) {
      result = -EINTR;
      break;
    }
    yield* scheduleOn(queue, site);
  }
  yield* finishWait(queue, entry, site);
  freeWait(entry);
  return result;
}

/** schedule, with the queue noted for findings. */
export function* scheduleOn(queue: WaitQueue, site: Site): Kernel<void> {
  const task = current();
  task.blockedOn = queue.word;
  yield* schedule(site);
  task.blockedOn = 0;
}
