/**
 * Counting semaphore, FIFO: up hands the unit to the task that has waited longest.
 *
 *   word 0       free units, guarded by wait_lock
 *   word 1 … 6   the sleepers, whose wait_lock it is
 */
import { EV_LOCK_ACQUIRED, EV_LOCK_CONTENDED, EV_LOCK_RELEASE, emit, hearing } from '../machine/events.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Site } from '../machine/site.ts';
import { memory, staticWords } from './memory.ts';
import { nameSleepers, SLEEPERS_WORDS, Sleepers } from './sleepers.ts';
import { spinLockIrqsave, spinUnlockIrqrestore } from './spinlock.ts';
import { embed } from './struct.ts';
import { nameWord } from './struct-registry.ts';
import { mightSleep } from './task.ts';

/** Offset of the sleepers. */
const SLEEPERS = 1;
export const SEMAPHORE_WORDS = SLEEPERS + SLEEPERS_WORDS;

export class Semaphore {
  declare readonly word: number;
  declare readonly sleepers: Sleepers;
  constructor(word: number) {
    this.word = word;
    this.sleepers = new Sleepers(word + SLEEPERS);
  }

  /** sema_init: before anybody else can see it. */
  init(units: number): void {
    memory.words[this.word] = units;
  }
}

export const semaphoreField = embed(SEMAPHORE_WORDS, (word) => new Semaphore(word), 'semaphore');
nameSleepers('semaphore', SLEEPERS);

export function declareSemaphore(name: string): Semaphore {
  const word = staticWords(SEMAPHORE_WORDS);
  nameWord(word, name, 'semaphore');
  return new Semaphore(word);
}

/** Takes a unit; sleeps until there is one. Ignores signals. */
export function* down(sem: Semaphore, site: Site): Kernel<void> {
  mightSleep('down', site, sem.word);
  const w = memory.words;
  const saved = yield* spinLockIrqsave(sem.sleepers.waitLock, site);
  if ((w[sem.word] as number) > 0) {
    (w[sem.word] as number)--;
    yield* spinUnlockIrqrestore(sem.sleepers.waitLock, saved, site);
  } else {
    if (hearing !== 0) emit(EV_LOCK_CONTENDED, sem.word, 1, site);
    yield* sem.sleepers.join(0, sem.word, site);
    yield* spinUnlockIrqrestore(sem.sleepers.waitLock, saved, site);
    yield* sem.sleepers.sleep(site);
  }
  if (hearing !== 0) emit(EV_LOCK_ACQUIRED, sem.word, 1, site);
}

/** Gives a unit back, from any context. */
export function* up(sem: Semaphore, site: Site): Kernel<void> {
  const saved = yield* spinLockIrqsave(sem.sleepers.waitLock, site);
  if (hearing !== 0) emit(EV_LOCK_RELEASE, sem.word, 1, site);
  if (sem.sleepers.first() === null) (memory.words[sem.word] as number)++;
  else yield* sem.sleepers.hand(sem.word, site);
  yield* spinUnlockIrqrestore(sem.sleepers.waitLock, saved, site);
}
