/**
 * Mempool: an allocator that keeps a reserve, so that a waiter is certain to get an element as soon as one comes back.
 *
 * Models mempool_alloc and mempool_free: first the slab without waiting, then the reserve, then sleep until an element is
 * returned. The kernel's 5 s time-out of that sleep is not modelled: it only hides deadlocks.
 *
 * invariant (I29): curr ≤ min, and outstanding + curr ≥ min after creation.
 */
import { bugOn, report } from '../machine/finding.ts';
import { type Kernel, resolved } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import type { Site } from '../machine/site.ts';
import { memory } from './memory.ts';
import { type SpinLock, spinLockField, spinLockIrqsave, spinUnlockIrqrestore } from './spinlock.ts';
import { defineStruct, embed, plain, type Struct, type StructType } from './struct.ts';
import { mightSleep, TASK_UNINTERRUPTIBLE } from './task.ts';
import {
  defineWait,
  finishWait,
  freeWait,
  prepareToWait,
  scheduleOn,
  type WaitQueue,
  waitQueueField,
  wakeUp,
} from './wait-queue.ts';

/** The largest reserve; the deadlocks that pools are about need reserves of 1 to 4. */
export const MEMPOOL_RESERVE_MAX = 16;

export interface Mempool extends Struct {
  readonly lock: SpinLock;
  readonly wait: WaitQueue;
  minNr: number;
  currNr: number;
  /** 1 while currNr < minNr. Read without the lock by mempoolFree, which tests again under it. */
  readonly short: { readonly word: number };
  readonly elements: { readonly word: number };
}

export const Mempool = defineStruct<Mempool>('mempool', 'pool', 16, {
  lock: spinLockField,
  wait: waitQueueField,
  minNr: plain,
  currNr: plain,
  short: embed(1, (word) => ({ word })),
  elements: embed(MEMPOOL_RESERVE_MAX, (word) => ({ word })),
});

/** An object that may come from a pool: it remembers which, 0 for none. */
export interface Pooled extends Struct {
  pool: number;
}

/** A pool with `minNr` elements in reserve, or null when there is no memory for it. */
export function mempoolCreate(type: StructType<Struct>, minNr: number): Mempool | null {
  bugOn(minNr < 1 || minNr > MEMPOOL_RESERVE_MAX, `a mempool of ${minNr} elements`);
  const pool = Mempool.alloc();
  if (pool === null) return null;
  pool.minNr = minNr;
  for (let i = 0; i < minNr; i++) {
    const element = type.alloc();
    if (element === null) {
      while (pool.currNr > 0) type.free(removeElement(type, pool));
      Mempool.free(pool);
      return null;
    }
    addElement(pool, element);
  }
  return pool;
}

function addElement(pool: Mempool, element: Struct): void {
  const at = pool.currNr;
  pool.currNr = at + 1;
  memory.words[pool.elements.word + at] = element.handle;
  memory.words[pool.short.word] = at + 1 < pool.minNr ? 1 : 0;
}

function removeElement<T extends Struct>(type: StructType<T>, pool: Mempool): T {
  const at = pool.currNr - 1;
  pool.currNr = at;
  memory.words[pool.short.word] = 1;
  return type.at(memory.words[pool.elements.word + at] as number);
}

/** Frees the pool; every element must have come back. */
export function mempoolDestroy(type: StructType<Struct>, pool: Mempool): void {
  const missing = pool.minNr - pool.currNr;
  while (pool.currNr > 0) type.free(removeElement(type, pool));
  Mempool.free(pool);
  if (missing > 0)
    report('leak', 'I29', `a pool of ${type.name} is destroyed while ${missing} of its elements are out`);
}

/** An element without waiting, or null: for atomic context. */
export function* mempoolAllocAtomic<T extends Pooled>(
  type: StructType<T>,
  pool: Mempool,
  site: Site,
): Kernel<T | null> {
  let element = type.alloc();
  if (element === null) {
    const saved = yield* spinLockIrqsave(pool.lock, site);
    if (pool.currNr > 0) element = removeElement(type, pool);
    yield* spinUnlockIrqrestore(pool.lock, saved, site);
  }
  if (element !== null) element.pool = pool.handle;
  return element;
}

/** An element; sleeps until there is one. */
export function mempoolAlloc<T extends Pooled>(type: StructType<T>, pool: Mempool, site: Site): Kernel<T> {
  mightSleep('mempool_alloc', site);
  const element = type.alloc();
  if (element === null) return mempoolAllocSlow(type, pool, site);
  element.pool = pool.handle;
  return resolved(element);
}

function* mempoolAllocSlow<T extends Pooled>(type: StructType<T>, pool: Mempool, site: Site): Kernel<T> {
  for (;;) {
    const element = yield* mempoolAllocAtomic(type, pool, site);
    if (element !== null) return element;
    const entry = defineWait();
    // Enqueued before the re-test: pairs with giveToReserve, which adds the element before it wakes.
    yield* prepareToWait(pool.wait, entry, TASK_UNINTERRUPTIBLE, site);
    const saved = yield* spinLockIrqsave(pool.lock, site);
    const empty = pool.currNr === 0;
    yield* spinUnlockIrqrestore(pool.lock, saved, site);
    if (empty) yield* scheduleOn(pool.wait, site);
    yield* finishWait(pool.wait, entry, site);
    freeWait(entry);
  }
}

/** How elements of one kind go back to where they came from: to the reserve while that is short, else to the slab. Any context. */
export function mempoolFreer<T extends Pooled>(type: StructType<T>): (element: T, site: Site) => Kernel<void> {
  const free = (element: T): void => type.free(element);
  function* giveToReserve(element: T, site: Site): Kernel<void> {
    const pool = Mempool.at(element.pool);
    const saved = yield* spinLockIrqsave(pool.lock, site);
    const short = pool.currNr < pool.minNr;
    if (short) addElement(pool, type.recycle(element));
    yield* spinUnlockIrqrestore(pool.lock, saved, site);
    if (short) yield* wakeUp(pool.wait, site);
    else type.free(element);
  }
  return (element, site) => ops.loadThen(Mempool.at(element.pool).short.word, 0, free, giveToReserve, element, site);
}
