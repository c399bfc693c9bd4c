/**
 * What an uncontended lock costs on one CPU, taken and released.
 */
import type { Kernel } from '../src/machine/kernel.ts';
import { staticWords } from '../src/shared/memory.ts';
import { declareMutex, type Mutex, mutexLock, mutexUnlock } from '../src/shared/mutex.ts';
import {
  declareRwSemaphore,
  downRead,
  downWrite,
  type RwSemaphore,
  upRead,
  upWrite,
} from '../src/shared/rw-semaphore.ts';
import { declareRwLock, type RwLock, readLock, readUnlock, writeLock, writeUnlock } from '../src/shared/rwlock.ts';
import {
  declareSpinLock,
  type SpinLock,
  type SpinLockKind,
  spinLock,
  spinLockIrqsave,
  spinUnlock,
  spinUnlockIrqrestore,
} from '../src/shared/spinlock.ts';
import { costOf } from './measure.ts';
import type { Row, Target } from './row.ts';
import { solo } from './solo.ts';

export function* plainPairs(lock: SpinLock, count: number): Kernel<void> {
  for (let i = 0; i < count; i++) {
    yield* spinLock(lock, HERE);
    yield* spinUnlock(lock, HERE);
  }
}

function* irqsavePairs(lock: SpinLock, count: number): Kernel<void> {
  for (let i = 0; i < count; i++) {
    const saved = yield* spinLockIrqsave(lock, HERE);
    yield* spinUnlockIrqrestore(lock, saved, HERE);
  }
}

function* rwLockReads(lock: RwLock, count: number): Kernel<void> {
  for (let i = 0; i < count; i++) {
    yield* readLock(lock, HERE);
    yield* readUnlock(lock, HERE);
  }
}

function* rwLockWrites(lock: RwLock, count: number): Kernel<void> {
  for (let i = 0; i < count; i++) {
    yield* writeLock(lock, HERE);
    yield* writeUnlock(lock, HERE);
  }
}

function* rwSemReads(sem: RwSemaphore, count: number): Kernel<void> {
  for (let i = 0; i < count; i++) {
    yield* downRead(sem, HERE);
    yield* upRead(sem, HERE);
  }
}

function* rwSemWrites(sem: RwSemaphore, count: number): Kernel<void> {
  for (let i = 0; i < count; i++) {
    yield* downWrite(sem, HERE);
    yield* upWrite(sem, HERE);
  }
}

function* mutexPairs(mutex: Mutex, count: number): Kernel<void> {
  for (let i = 0; i < count; i++) {
    yield* mutexLock(mutex, HERE);
    yield* mutexUnlock(mutex, HERE);
  }
}

/** Pairs in a turn, 100 to 300 µs. */
const PAIRS = 3000;
const SPINLOCK_TARGETS = { plain: { atMost: 2 }, irqsave: { atMost: 2.5 } } as const;

/** The spinlock of this kind; with the test-and-set one, which is the default, all other locks too. */
export function soloLocks(kind: SpinLockKind): Row[] {
  const rows: Row[] = [];
  solo(kind, () => {
    const lock = declareSpinLock('&bench_lock');
    const rwLock = declareRwLock('&bench_rwlock');
    const sem = declareRwSemaphore('&bench_sem');
    const mutex = declareMutex('&bench_mutex');
    const word = staticWords(1);
    function* row(what: string, pairs: (count: number) => Kernel<void>, target?: Target): Kernel<void> {
      const { best, median, unitNs } = yield* costOf(word, PAIRS, pairs);
      if (rows.length === 0)
        rows.push({ what: `raw pair, in the thread of ${kind.name}`, measured: unitNs, unit: 'ns' });
      rows.push({ what, measured: best, median, unit: 'raw pairs', ...(target === undefined ? {} : { target }) });
    }
    return function* body(): Kernel<void> {
      yield* row(`spinlock ${kind.name}, plain`, (count) => plainPairs(lock, count), SPINLOCK_TARGETS.plain);
      yield* row(`spinlock ${kind.name}, irqsave`, (count) => irqsavePairs(lock, count), SPINLOCK_TARGETS.irqsave);
      if (kind.name === 'ticket') return;
      yield* row('rwlock, read', (count) => rwLockReads(rwLock, count));
      yield* row('rwlock, write', (count) => rwLockWrites(rwLock, count));
      yield* row('rw_semaphore, read', (count) => rwSemReads(sem, count));
      yield* row('rw_semaphore, write', (count) => rwSemWrites(sem, count));
      yield* row('mutex', (count) => mutexPairs(mutex, count));
    };
  });
  return rows;
}
