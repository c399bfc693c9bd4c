/**
 * What a scenario of one's own is made of, without device-mapper: shared words and the locks of src/shared, with their names
 * and without sites. Every method is an operation and is called with `yield*`.
 */
import { report } from '../../machine/finding.ts';
import {
  CHOICE_SCENARIO,
  type Kernel,
  RMW_ADD,
  RMW_AND,
  RMW_EXCHANGE,
  RMW_OR,
  type RmwKind,
} from '../../machine/kernel.ts';
import { ops } from '../../machine/operations.ts';
import { here, type Site } from '../../machine/site.ts';
import { complete, declareCompletion, waitForCompletion } from '../../shared/completion.ts';
import { memory, staticWords } from '../../shared/memory.ts';
import { declareMutex, mutexLock, mutexUnlock } from '../../shared/mutex.ts';
import { declareRwSemaphore, downRead, downWrite, upRead, upWrite } from '../../shared/rw-semaphore.ts';
import { declareRwLock, readLock, readUnlock, writeLock, writeUnlock } from '../../shared/rwlock.ts';
import { declareSemaphore, down, up } from '../../shared/semaphore.ts';
import { declareSpinLock, spinLock, spinTrylock, spinUnlock } from '../../shared/spinlock.ts';
import { nameWord } from '../../shared/struct-registry.ts';
import { TASK_UNINTERRUPTIBLE } from '../../shared/task.ts';
import { declareWaitQueue, waitEvent, wakeUp, wakeUpAll } from '../../shared/wait-queue.ts';
import { starred } from './starred.ts';

/** A shared word of 32 bits, signed. Each access is one operation; between two of them anybody may come. */
export class Word {
  declare readonly name: string;
  declare readonly word: number;
  constructor(name: string, word: number) {
    this.name = name;
    this.word = word;
  }
  read(site: Site = here()): Kernel<number> {
    return starred(this.name, 'read', ops.load(this.word, site), site);
  }
  write(value: number, site: Site = here()): Kernel<void> {
    return starred(this.name, 'write', ops.store(this.word, value, site), site);
  }
  /** Adds in one step; gives the old value. */
  add(value: number, site: Site = here()): Kernel<number> {
    return this.#change('add', RMW_ADD, value, site);
  }
  /** Gives the old value. */
  exchange(value: number, site: Site = here()): Kernel<number> {
    return this.#change('exchange', RMW_EXCHANGE, value, site);
  }
  /** Sets bits; gives the old value. */
  or(bits: number, site: Site = here()): Kernel<number> {
    return this.#change('or', RMW_OR, bits, site);
  }
  /** Leaves only these bits; gives the old value. */
  and(bits: number, site: Site = here()): Kernel<number> {
    return this.#change('and', RMW_AND, bits, site);
  }
  /** Writes `value` if the word is `expected`; gives the old value. */
  cmpxchg(expected: number, value: number, site: Site = here()): Kernel<number> {
    return starred(this.name, 'cmpxchg', ops.cmpxchg(this.word, expected, value, site), site);
  }
  /** Its value while nobody runs: for `outcome`. */
  get value(): number {
    return memory.words[this.word] as number;
  }
  #change(what: string, how: RmwKind, value: number, site: Site): Kernel<number> {
    return starred(this.name, what, ops.rmw(this.word, how, value, site), site);
  }
}

/** What can be locked and unlocked: a spinlock (its holder must not sleep) or a mutex (who waits sleeps). */
export interface Lock {
  lock(site?: Site): Kernel<void>;
  unlock(site?: Site): Kernel<void>;
}

export interface SpinLock extends Lock {
  /** Gives 1 when it has taken the lock. */
  trylock(site?: Site): Kernel<number>;
}

/** Readers share, a writer is alone. */
export interface SharedLock extends Lock {
  lockShared(site?: Site): Kernel<void>;
  unlockShared(site?: Site): Kernel<void>;
}

export interface Semaphore {
  down(site?: Site): Kernel<void>;
  up(site?: Site): Kernel<void>;
}

export interface Completion {
  /** Sleeps until `complete` was called once for this wait. */
  wait(site?: Site): Kernel<void>;
  complete(site?: Site): Kernel<void>;
}

export interface WaitQueue {
  /** Sleeps until the condition gives something other than 0; it is tested after each wake-up. */
  waitEvent(condition: () => Kernel<number>, site?: Site): Kernel<number>;
  wakeUp(site?: Site): Kernel<void>;
  wakeUpAll(site?: Site): Kernel<void>;
}

/** Declares what a scenario shares. Names are what findings print. */
export interface World {
  word(name: string, initial?: number): Word;
  /** So many words: `name[0]`, `name[1]`, … */
  words(name: string, count: number, initial?: number): readonly Word[];
  spinLock(name: string): SpinLock;
  mutex(name: string): Lock;
  rwLock(name: string): SharedLock;
  rwSemaphore(name: string): SharedLock;
  semaphore(name: string, units: number): Semaphore;
  completion(name: string): Completion;
  waitQueue(name: string): WaitQueue;
  /** One of 0 … count − 1, whichever the search wants to see. */
  choose(count: number, site?: Site): Kernel<number>;
}

function word(name: string, initial = 0): Word {
  const address = staticWords(1);
  nameWord(address, name);
  memory.words[address] = initial;
  return new Word(name, address);
}

function spinLockOf(name: string): SpinLock {
  const lock = declareSpinLock(name);
  return {
    lock: (site = here()) => starred(name, 'lock', spinLock(lock, site), site),
    unlock: (site = here()) => starred(name, 'unlock', spinUnlock(lock, site), site),
    trylock: (site = here()) => starred(name, 'trylock', spinTrylock(lock, site), site),
  };
}

function mutexOf(name: string): Lock {
  const lock = declareMutex(name);
  return {
    lock: (site = here()) => starred(name, 'lock', mutexLock(lock, site), site),
    unlock: (site = here()) => starred(name, 'unlock', mutexUnlock(lock, site), site),
  };
}

function rwLockOf(name: string): SharedLock {
  const lock = declareRwLock(name);
  return {
    lock: (site = here()) => starred(name, 'lock', writeLock(lock, site), site),
    unlock: (site = here()) => starred(name, 'unlock', writeUnlock(lock, site), site),
    lockShared: (site = here()) => starred(name, 'lockShared', readLock(lock, site), site),
    unlockShared: (site = here()) => starred(name, 'unlockShared', readUnlock(lock, site), site),
  };
}

function rwSemaphoreOf(name: string): SharedLock {
  const sem = declareRwSemaphore(name);
  return {
    lock: (site = here()) => starred(name, 'lock', downWrite(sem, site), site),
    unlock: (site = here()) => starred(name, 'unlock', upWrite(sem, site), site),
    lockShared: (site = here()) => starred(name, 'lockShared', downRead(sem, site), site),
    unlockShared: (site = here()) => starred(name, 'unlockShared', upRead(sem, site), site),
  };
}

function semaphoreOf(name: string, units: number): Semaphore {
  const sem = declareSemaphore(name);
  sem.init(units);
  return {
    down: (site = here()) => starred(name, 'down', down(sem, site), site),
    up: (site = here()) => starred(name, 'up', up(sem, site), site),
  };
}

function completionOf(name: string): Completion {
  const done = declareCompletion(name);
  return {
    wait: (site = here()) => starred(name, 'wait', waitForCompletion(done, site), site),
    complete: (site = here()) => starred(name, 'complete', complete(done, site), site),
  };
}

function waitQueueOf(name: string): WaitQueue {
  const queue = declareWaitQueue(name);
  return {
    waitEvent: (condition, site = here()) =>
      starred(name, 'waitEvent', waitEvent(queue, condition, TASK_UNINTERRUPTIBLE, site), site),
    wakeUp: (site = here()) => starred(name, 'wakeUp', wakeUp(queue, site), site),
    wakeUpAll: (site = here()) => starred(name, 'wakeUpAll', wakeUpAll(queue, site), site),
  };
}

export const world: World = {
  word,
  words: (name, count, initial = 0) => Array.from({ length: count }, (_, i) => word(`${name}[${i}]`, initial)),
  spinLock: spinLockOf,
  mutex: mutexOf,
  rwLock: rwLockOf,
  rwSemaphore: rwSemaphoreOf,
  semaphore: semaphoreOf,
  completion: completionOf,
  waitQueue: waitQueueOf,
  choose: (count, site = here()) => starred('world', 'choose', ops.choice(CHOICE_SCENARIO, count, site), site),
};

/** Ends the run with a finding unless the condition holds. */
export function assert(condition: boolean, message: string, site: Site = here()): void {
  if (!condition) report('assertion', '', message, site);
}
