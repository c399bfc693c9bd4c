/**
 * The kinds of lock behind one interface, so that a property is written once for all that should have it.
 */
import type { Kernel } from '../../machine/kernel.ts';
import { ops, TICKET_NEXT } from '../../machine/operations.ts';
import {
  declareMutex,
  declareRwLock,
  declareRwSemaphore,
  declareSemaphore,
  declareSpinLock,
  down,
  downRead,
  downWrite,
  mutexLock,
  mutexUnlock,
  readLock,
  readLockIrqsave,
  readUnlock,
  readUnlockIrqrestore,
  spinLock,
  spinLockIrq,
  spinLockIrqsave,
  spinUnlock,
  spinUnlockIrq,
  spinUnlockIrqrestore,
  up,
  upRead,
  upWrite,
  writeLock,
  writeLockIrqsave,
  writeUnlock,
  writeUnlockIrqrestore,
} from '../../shared/atomics-lock.ts';
import { MUTEX_WORDS } from '../../shared/mutex.ts';
import { RWSEM_WORDS } from '../../shared/rw-semaphore.ts';
import { RWLOCK_WORDS } from '../../shared/rwlock.ts';
import { SEMAPHORE_WORDS } from '../../shared/semaphore.ts';
import { SPINLOCK_WORDS } from '../../shared/spinlock.ts';
import { bustedSpinLock } from './lock-busted.ts';

type Body = () => Kernel<void>;

/** A lock, as something to run in. */
export interface Guard {
  readonly setup?: () => Kernel<void>;
  exclusive(body: Body): Kernel<void>;
  readonly shared?: (body: Body) => Kernel<void>;
  /** How many wait for it now, where the lock knows. */
  readonly waiting?: () => Kernel<number>;
}

export interface LockKind {
  readonly name: string;
  /** Static words of one lock. */
  readonly words: number;
  readonly shares: boolean;
  /** A lock under the name that it has in findings. */
  declare(name: string): Guard;
}

function spin(name: string): Guard {
  const lock = declareSpinLock(name);
  return {
    *exclusive(body): Kernel<void> {
      yield* spinLock(lock, HERE);
      yield* body();
      yield* spinUnlock(lock, HERE);
    },
    *waiting(): Kernel<number> {
      const serving = yield* ops.load(lock.word, HERE);
      return (yield* ops.load(lock.word + TICKET_NEXT, HERE)) - serving - 1;
    },
  };
}

function spinIrq(name: string): Guard {
  const lock = declareSpinLock(name);
  return {
    *exclusive(body): Kernel<void> {
      yield* spinLockIrq(lock, HERE);
      yield* body();
      yield* spinUnlockIrq(lock, HERE);
    },
  };
}

function spinIrqsave(name: string): Guard {
  const lock = declareSpinLock(name);
  return {
    *exclusive(body): Kernel<void> {
      const saved = yield* spinLockIrqsave(lock, HERE);
      yield* body();
      yield* spinUnlockIrqrestore(lock, saved, HERE);
    },
  };
}

function rwlock(name: string): Guard {
  const lock = declareRwLock(name);
  return {
    *exclusive(body): Kernel<void> {
      yield* writeLock(lock, HERE);
      yield* body();
      yield* writeUnlock(lock, HERE);
    },
    *shared(body): Kernel<void> {
      yield* readLock(lock, HERE);
      yield* body();
      yield* readUnlock(lock, HERE);
    },
  };
}

function rwlockIrqsave(name: string): Guard {
  const lock = declareRwLock(name);
  return {
    *exclusive(body): Kernel<void> {
      const saved = yield* writeLockIrqsave(lock, HERE);
      yield* body();
      yield* writeUnlockIrqrestore(lock, saved, HERE);
    },
    *shared(body): Kernel<void> {
      const saved = yield* readLockIrqsave(lock, HERE);
      yield* body();
      yield* readUnlockIrqrestore(lock, saved, HERE);
    },
  };
}

function rwSemaphore(name: string): Guard {
  const sem = declareRwSemaphore(name);
  return {
    *exclusive(body): Kernel<void> {
      yield* downWrite(sem, HERE);
      yield* body();
      yield* upWrite(sem, HERE);
    },
    *shared(body): Kernel<void> {
      yield* downRead(sem, HERE);
      yield* body();
      yield* upRead(sem, HERE);
    },
    waiting: () => sem.sleepers.count(HERE),
  };
}

function semaphore(name: string): Guard {
  const sem = declareSemaphore(name);
  return {
    *setup(): Kernel<void> {
      sem.init(1);
    },
    *exclusive(body): Kernel<void> {
      yield* down(sem, HERE);
      yield* body();
      yield* up(sem, HERE);
    },
    waiting: () => sem.sleepers.count(HERE),
  };
}

function mutex(name: string): Guard {
  const lock = declareMutex(name);
  return {
    *exclusive(body): Kernel<void> {
      yield* mutexLock(lock, HERE);
      yield* body();
      yield* mutexUnlock(lock, HERE);
    },
    waiting: () => lock.sleepers.count(HERE),
  };
}

function busted(name: string): Guard {
  const lock = declareSpinLock(name);
  return {
    *exclusive(body): Kernel<void> {
      yield* bustedSpinLock.lock(lock, HERE);
      yield* body();
      yield* bustedSpinLock.unlock(lock, HERE);
    },
  };
}

export const spinLockKind: LockKind = { name: 'spin-lock', words: SPINLOCK_WORDS, shares: false, declare: spin };
export const rwLockKind: LockKind = { name: 'rwlock', words: RWLOCK_WORDS, shares: true, declare: rwlock };
export const rwSemaphoreKind: LockKind = {
  name: 'rw-semaphore',
  words: RWSEM_WORDS,
  shares: true,
  declare: rwSemaphore,
};
export const semaphoreKind: LockKind = { name: 'semaphore', words: SEMAPHORE_WORDS, shares: false, declare: semaphore };
export const mutexKind: LockKind = { name: 'mutex', words: MUTEX_WORDS, shares: false, declare: mutex };
export const bustedKind: LockKind = { name: 'lock-busted', words: SPINLOCK_WORDS, shares: false, declare: busted };

/** Every lock that works. */
export const lockKinds: readonly LockKind[] = [
  spinLockKind,
  { name: 'spin-lock-irq', words: SPINLOCK_WORDS, shares: false, declare: spinIrq },
  { name: 'spin-lock-irqsave', words: SPINLOCK_WORDS, shares: false, declare: spinIrqsave },
  rwLockKind,
  { name: 'rwlock-irqsave', words: RWLOCK_WORDS, shares: true, declare: rwlockIrqsave },
  rwSemaphoreKind,
  semaphoreKind,
  mutexKind,
];
