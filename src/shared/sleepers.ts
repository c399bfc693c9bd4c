/**
 * The FIFO of tasks that sleep for a lock, and the hand-over: what rw_semaphore, semaphore and mutex share.
 *
 *   word 0 … 3   wait_lock, a spinlock that guards the rest
 *   word 4, 5    handles of the first and the last waiter, linked through task.lockNext
 *
 * The waker gives the lock away under wait_lock before it wakes: a woken waiter owns the lock and never competes again.
 */
import { EV_LOCK_HANDED, emit, hearing } from '../machine/events.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Site } from '../machine/site.ts';
import { memory } from './memory.ts';
import { declarePlain } from './plain-access.ts';
import { SPINLOCK_WORDS, SpinLock, spinLockIrqsave, spinUnlockIrqrestore } from './spinlock.ts';
import { type LockType, namePart } from './struct-registry.ts';
import { current, schedule, setCurrentState, TASK_RUNNING, TASK_UNINTERRUPTIBLE, Task, wakeUpTask } from './task.ts';

const HEAD = SPINLOCK_WORDS;
const TAIL = SPINLOCK_WORDS + 1;
export const SLEEPERS_WORDS = SPINLOCK_WORDS + 2;

export class Sleepers {
  declare readonly word: number;
  declare readonly waitLock: SpinLock;
  constructor(word: number) {
    this.word = word;
    this.waitLock = new SpinLock(word);
  }

  /** Handle of the task that has waited longest. Under waitLock. */
  get head(): number {
    return memory.words[this.word + HEAD] as number;
  }

  set head(handle: number) {
    memory.words[this.word + HEAD] = handle;
  }

  /** Handle of the task that came last. Under waitLock. */
  get tail(): number {
    return memory.words[this.word + TAIL] as number;
  }

  set tail(handle: number) {
    memory.words[this.word + TAIL] = handle;
  }

  /** The task that has waited longest, or null. Under waitLock. */
  first(): Task | null {
    const handle = this.head;
    return handle === 0 ? null : Task.at(handle);
  }

  /** How many tasks wait, at this moment. */
  *count(site: Site): Kernel<number> {
    const saved = yield* spinLockIrqsave(this.waitLock, site);
    let count = 0;
    for (let task = this.first(); task !== null; task = task.lockNext === 0 ? null : Task.at(task.lockNext)) count++;
    yield* spinUnlockIrqrestore(this.waitLock, saved, site);
    return count;
  }

  #append(task: Task): void {
    const { tail } = this;
    task.lockNext = 0;
    if (tail === 0) this.head = task.handle;
    else Task.at(tail).lockNext = task.handle;
    this.tail = task.handle;
  }

  #removeFirst(): Task {
    const task = Task.at(this.head);
    this.head = task.lockNext;
    if (task.lockNext === 0) this.tail = 0;
    return task;
  }

  /** Called with waitLock held: joins the queue. */
  *join(wants: number, lockWord: number, site: Site): Kernel<void> {
    const task = current();
    task.lockWants = wants;
    task.blockedOn = lockWord;
    yield* task.lockGranted.write(0, site);
    this.#append(task);
  }

  /**
   * Called without waitLock: sleeps until the lock has been handed over. Ignores signals.
   *
   * Why it takes waitLock before it goes on:
   *   waker, in hand                  this task
   *   lockGranted := 1
   *                                   sees it without having slept, goes on, ends: its memory is free
   *   reads the state of the task
   */
  *sleep(site: Site): Kernel<void> {
    const task = current();
    for (;;) {
      // The state comes before the test: pairs with hand, which grants before it wakes.
      yield* setCurrentState(TASK_UNINTERRUPTIBLE, site);
      if ((yield* task.lockGranted.read(site)) !== 0) break;
      yield* schedule(site);
    }
    yield* setCurrentState(TASK_RUNNING, site);
    task.blockedOn = 0;
    const saved = yield* spinLockIrqsave(this.waitLock, site);
    yield* spinUnlockIrqrestore(this.waitLock, saved, site);
  }

  /** Called with waitLock held, after the lock's own words say that the first waiter has it: takes it off and wakes it. */
  *hand(lockWord: number, site: Site): Kernel<void> {
    const task = this.#removeFirst();
    if (hearing !== 0) emit(EV_LOCK_HANDED, lockWord, task.handle, site);
    yield* task.lockGranted.write(1, site);
    yield* wakeUpTask(task, TASK_UNINTERRUPTIBLE, site);
  }
}
declarePlain(Sleepers.prototype, 'head', ({ word }) => word + HEAD);
declarePlain(Sleepers.prototype, 'tail', ({ word }) => word + TAIL);

/** Locks of this kind have their sleepers so far inside: findings call the list `&md->suspend_lock.wait_list`. */
export function nameSleepers(type: LockType, offset: number): void {
  for (const word of [HEAD, TAIL]) namePart(type, offset + word, 'wait_list');
}
