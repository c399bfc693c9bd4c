/**
 * The columns of the self-test's grid: every way to hold a lock.
 */
import type { Kernel } from '../../machine/kernel.ts';
import {
  declareMutex,
  declareRwLock,
  declareRwSemaphore,
  declareSpinLock,
  downRead,
  downReadNested,
  downWrite,
  downWriteNested,
  mutexLock,
  mutexLockNested,
  mutexUnlock,
  readLock,
  readUnlock,
  spinLock,
  spinLockNested,
  spinTrylock,
  spinUnlock,
  upRead,
  upWrite,
  writeLock,
  writeUnlock,
} from '../../shared/atomics-lock.ts';

/** One lock. */
export interface Held {
  take(): Kernel<void>;
  give(): Kernel<void>;
  /** As the second of its class. */
  takeNested?(): Kernel<void>;
  /** 1 if it was free and is taken. */
  tryTake?(): Kernel<number>;
  /** For writing, where `take` is for reading, and the other way round. */
  takeOther?(): Kernel<void>;
  giveOther?(): Kernel<void>;
}

export interface HeldKind {
  readonly name: string;
  /** Who waits for it sleeps. */
  readonly sleeps: boolean;
  /** Who holds it shares it. */
  readonly shared: boolean;
  /** A reader never waits for other readers. */
  readonly recursive: boolean;
  /** A lock of the class of this name, with its `&`. */
  declare(name: string): Held;
}

function spin(name: string): Held {
  const lock = declareSpinLock(name);
  return {
    take: () => spinLock(lock, HERE),
    give: () => spinUnlock(lock, HERE),
    takeNested: () => spinLockNested(lock, 1, HERE),
    tryTake: () => spinTrylock(lock, HERE),
  };
}

function rwWrite(name: string): Held {
  const lock = declareRwLock(name);
  return {
    take: () => writeLock(lock, HERE),
    give: () => writeUnlock(lock, HERE),
    takeOther: () => readLock(lock, HERE),
    giveOther: () => readUnlock(lock, HERE),
  };
}

function rwRead(name: string): Held {
  const lock = declareRwLock(name);
  return {
    take: () => readLock(lock, HERE),
    give: () => readUnlock(lock, HERE),
    takeOther: () => writeLock(lock, HERE),
    giveOther: () => writeUnlock(lock, HERE),
  };
}

function mutex(name: string): Held {
  const lock = declareMutex(name);
  return {
    take: () => mutexLock(lock, HERE),
    give: () => mutexUnlock(lock, HERE),
    takeNested: () => mutexLockNested(lock, 1, HERE),
  };
}

function semWrite(name: string): Held {
  const sem = declareRwSemaphore(name);
  return {
    take: () => downWrite(sem, HERE),
    give: () => upWrite(sem, HERE),
    takeNested: () => downWriteNested(sem, 1, HERE),
    takeOther: () => downRead(sem, HERE),
    giveOther: () => upRead(sem, HERE),
  };
}

function semRead(name: string): Held {
  const sem = declareRwSemaphore(name);
  return {
    take: () => downRead(sem, HERE),
    give: () => upRead(sem, HERE),
    takeNested: () => downReadNested(sem, 1, HERE),
    takeOther: () => downWrite(sem, HERE),
    giveOther: () => upWrite(sem, HERE),
  };
}

/** Under the names that the kernel's locking-selftest has for its columns. */
export const heldKinds: readonly HeldKind[] = [
  { name: 'spin', sleeps: false, shared: false, recursive: false, declare: spin },
  { name: 'wlock', sleeps: false, shared: false, recursive: false, declare: rwWrite },
  { name: 'rlock', sleeps: false, shared: true, recursive: true, declare: rwRead },
  { name: 'mutex', sleeps: true, shared: false, recursive: false, declare: mutex },
  { name: 'wsem', sleeps: true, shared: false, recursive: false, declare: semWrite },
  { name: 'rsem', sleeps: true, shared: true, recursive: false, declare: semRead },
];
