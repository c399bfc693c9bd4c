/**
 * The columns of the self-test's grid: every way to hold a lock.
 */
import type { Kernel } from '../../machine/kernel.ts';
import {
  declareMutex,
  declareRwLock,
  declareRwSemaphore,
  declareSemaphore,
  declareSpinLock,
  down,
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
  up,
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
  /** What the spinlocks of the machine are. */
  readonly spinLocks: 'tas' | 'ticket';
  /** Who waits for it sleeps. */
  readonly sleeps: boolean;
  /** Who holds it shares it. */
  readonly shared: boolean;
  /** A reader never waits for other readers. */
  readonly recursive: boolean;
  /** It is held by somebody, who gives it back. Without that the validator cannot follow it. */
  readonly owned: boolean;
  /** It can be held in two ways, for reading and for writing. */
  readonly twoWays: boolean;
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

/** With one unit, as a lock. */
function sema(name: string): Held {
  const sem = declareSemaphore(name);
  sem.init(1);
  return {
    take: () => down(sem, HERE),
    give: () => up(sem, HERE),
  };
}

const SPINS = {
  spinLocks: 'tas',
  sleeps: false,
  shared: false,
  recursive: false,
  owned: true,
  twoWays: false,
} as const;
const SLEEPS = { ...SPINS, sleeps: true } as const;

/** Under the names that the kernel's locking-selftest has for its columns; ticket and sema are not among those. */
export const heldKinds: readonly HeldKind[] = [
  { ...SPINS, name: 'spin', declare: spin },
  { ...SPINS, name: 'ticket', spinLocks: 'ticket', declare: spin },
  { ...SPINS, name: 'wlock', twoWays: true, declare: rwWrite },
  { ...SPINS, name: 'rlock', twoWays: true, shared: true, recursive: true, declare: rwRead },
  { ...SLEEPS, name: 'mutex', declare: mutex },
  { ...SLEEPS, name: 'wsem', twoWays: true, declare: semWrite },
  { ...SLEEPS, name: 'rsem', twoWays: true, shared: true, declare: semRead },
  { ...SLEEPS, name: 'sema', owned: false, declare: sema },
];
