/**
 * Mutex with an owner: only the owner unlocks, and it is handed to the task that has waited longest.
 *
 *   word 0       handle of the owner, 0 free; guarded by wait_lock
 *   word 1 … 6   the sleepers, whose wait_lock it is
 */
import {
  EV_LOCK_ACQUIRED,
  EV_LOCK_CONTENDED,
  EV_LOCK_NESTED,
  EV_LOCK_RELEASE,
  emit,
  hearing,
  listening,
} from '../machine/events.ts';
import { report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Site } from '../machine/site.ts';
import { memory, staticWords } from './memory.ts';
import { nameSleepers, SLEEPERS_WORDS, Sleepers } from './sleepers.ts';
import { spinLock, spinUnlock } from './spinlock.ts';
import { embed } from './struct.ts';
import { nameWord, wordName } from './struct-registry.ts';
import { current, mightSleep, Task, taskName } from './task.ts';

/** Offset of the sleepers. */
const SLEEPERS = 1;
export const MUTEX_WORDS = SLEEPERS + SLEEPERS_WORDS;

export class Mutex {
  declare readonly word: number;
  declare readonly sleepers: Sleepers;
  constructor(word: number) {
    this.word = word;
    this.sleepers = new Sleepers(word + SLEEPERS);
  }
}

export const mutexField = embed(MUTEX_WORDS, (word) => new Mutex(word), 'mutex');
nameSleepers('mutex', SLEEPERS);

export function declareMutex(name: string): Mutex {
  const word = staticWords(MUTEX_WORDS);
  nameWord(word, name, 'mutex');
  return new Mutex(word);
}

/** Takes the mutex; sleeps while another task owns it. Ignores signals. */
export function* mutexLock(mutex: Mutex, site: Site): Kernel<void> {
  mightSleep('mutex_lock', site, mutex.word);
  const w = memory.words;
  const task = current();
  yield* spinLock(mutex.sleepers.waitLock, site);
  const owner = w[mutex.word] as number;
  if (owner === task.handle)
    report('self-deadlock', 'I48', `${taskName(task)} takes ${wordName(mutex.word)}, which it already owns`, site);
  if (owner === 0) {
    w[mutex.word] = task.handle;
    yield* spinUnlock(mutex.sleepers.waitLock, site);
  } else {
    if (hearing !== 0) emit(EV_LOCK_CONTENDED, mutex.word, 1, site);
    yield* mutex.sleepers.join(0, mutex.word, site);
    yield* spinUnlock(mutex.sleepers.waitLock, site);
    yield* mutex.sleepers.sleep(site);
  }
  if (hearing !== 0) emit(EV_LOCK_ACQUIRED, mutex.word, 1, site);
}

/** mutex_lock_nested: see spinLockNested. */
export function mutexLockNested(mutex: Mutex, subclass: number, site: Site): Kernel<void> {
  if (listening !== 0) emit(EV_LOCK_NESTED, mutex.word, subclass, site);
  return mutexLock(mutex, site);
}

/** Releases the mutex, which the running task must own. */
export function* mutexUnlock(mutex: Mutex, site: Site): Kernel<void> {
  const w = memory.words;
  const task = current();
  yield* spinLock(mutex.sleepers.waitLock, site);
  if (w[mutex.word] !== task.handle)
    report('assertion', 'I18', `${taskName(task)} releases ${wordName(mutex.word)}, which it does not own`, site);
  if (hearing !== 0) emit(EV_LOCK_RELEASE, mutex.word, 1, site);
  const next = mutex.sleepers.first();
  w[mutex.word] = next === null ? 0 : next.handle;
  if (next !== null) yield* mutex.sleepers.hand(mutex.word, site);
  yield* spinUnlock(mutex.sleepers.waitLock, site);
}

/** The owner, or null; exact for the owner itself and at quiescence. */
export function mutexOwner(mutex: Mutex): Task | null {
  const handle = memory.words[mutex.word] as number;
  return handle === 0 ? null : Task.at(handle);
}

/** Asserts that the running task owns the mutex. */
export function assertMutexHeld(mutex: Mutex, site: Site): void {
  if (memory.words[mutex.word] !== current().handle)
    report('assertion', '', `${taskName(current())} must own ${wordName(mutex.word)} here`, site);
}
