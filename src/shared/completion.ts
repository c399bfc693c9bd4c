/**
 * Completions: one task waits until another says that it is done.
 *
 *   word 0       how often complete was called and not yet waited for; guarded by the queue's lock
 *   word 1 …     the wait queue
 */
import { EV_COMPLETE, EV_WAIT, emit, listening } from '../machine/events.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Site } from '../machine/site.ts';
import { memory, staticWords } from './memory.ts';
import { declarePlain } from './plain-access.ts';
import { spinLockIrqsave, spinUnlockIrqrestore } from './spinlock.ts';
import { embed } from './struct.ts';
import { nameWord } from './struct-registry.ts';
import { mightSleep, setCurrentState, TASK_NORMAL, TASK_RUNNING, TASK_UNINTERRUPTIBLE } from './task.ts';
import {
  __wakeUpLocked,
  defineWait,
  freeWait,
  scheduleOn,
  WAIT_QUEUE_WORDS,
  WaitQueue,
  WQ_FLAG_EXCLUSIVE,
} from './wait-queue.ts';

export const COMPLETION_WORDS = 1 + WAIT_QUEUE_WORDS;

export class Completion {
  declare readonly word: number;
  declare readonly wait: WaitQueue;
  constructor(word: number) {
    this.word = word;
    this.wait = new WaitQueue(word + 1);
  }

  /** Calls of complete that nobody has used up. Under the lock of `wait`. */
  get count(): number {
    return memory.words[this.word] as number;
  }

  set count(count: number) {
    memory.words[this.word] = count;
  }
}
declarePlain(Completion.prototype, 'count', ({ word }) => word);

export const completionField = embed(COMPLETION_WORDS, (word) => new Completion(word), 'completion');

export function declareCompletion(name: string): Completion {
  const word = staticWords(COMPLETION_WORDS);
  nameWord(word, name, 'completion');
  nameWord(word + 1, `${name}.wait`);
  return new Completion(word);
}

/** Lets one waiter go on, the next one if none waits yet. Any context. */
export function* complete(done: Completion, site: Site): Kernel<void> {
  if (listening !== 0) emit(EV_COMPLETE, done.word, 0, site);
  const saved = yield* spinLockIrqsave(done.wait.lock, site);
  done.count++;
  // A waiter that was woken before stays on the queue until it has run, so one wake-up must take effect, not the first one be
  // tried. The waiter takes itself off the queue, so the completion may be gone as soon as the lock is free.
  yield* __wakeUpLocked(done.wait, TASK_NORMAL, 1, site);
  yield* spinUnlockIrqrestore(done.wait.lock, saved, site);
}

/** Sleeps until complete was called once for this wait. Ignores signals. */
export function* waitForCompletion(done: Completion, site: Site): Kernel<void> {
  mightSleep('wait_for_completion', site, done.wait.word);
  if (listening !== 0) emit(EV_WAIT, done.word, 0, site);
  const entry = defineWait(WQ_FLAG_EXCLUSIVE);
  let saved = yield* spinLockIrqsave(done.wait.lock, site);
  while (done.count === 0) {
    if (entry.queued === 0) done.wait.add(entry);
    yield* setCurrentState(TASK_UNINTERRUPTIBLE, site);
    yield* spinUnlockIrqrestore(done.wait.lock, saved, site);
    yield* scheduleOn(done.wait, site);
    saved = yield* spinLockIrqsave(done.wait.lock, site);
  }
  done.count--;
  if (entry.queued !== 0) done.wait.remove(entry);
  yield* setCurrentState(TASK_RUNNING, site);
  yield* spinUnlockIrqrestore(done.wait.lock, saved, site);
  freeWait(entry);
}
