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
  /** Read without the lock by mempoolFree, which tests it again under it. */
  currNr: number;
  readonly elements: { readonly word: number };
}

export const Mempool = defineStruct<Mempool>('mempool', 'pool', 8, {
  lock: spinLockField,
  wait: waitQueueField,
  minNr: plain,
  currNr: plain,
  elements: embed(MEMPOOL_RESERVE_MAX, (word) => ({ word })),
});

const CURR_NR = Mempool.offsetOf('currNr');

/** A pool with `minNr` elements in reserve, or null when there is no memory for it. */
export function mempoolCreate(type: StructType<Struct>, minNr: number): Mempool | null {
  bugOn(minNr < 1 || minNr > MEMPOOL_RESERVE_MAX, `a mempool of ${minNr} elements`);
  const pool = Mempool.alloc();
  if (pool === null) return null;
  pool.minNr = minNr;
  for (let i = 0; i < minNr; i++) {
    const element = type.alloc();
    if (element === null) {
      mempoolDestroy(type, pool);
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
}

function removeElement<T extends Struct>(type: StructType<T>, pool: Mempool): T {
  const at = pool.currNr - 1;
  pool.currNr = at;
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
export function* mempoolAllocAtomic<T extends Struct>(
  type: StructType<T>,
  pool: Mempool,
  site: Site,
): Kernel<T | null> {
  const fresh = type.alloc();
  if (fresh !== null) return fresh;
  const saved = yield* spinLockIrqsave(pool.lock, site);
  const element = pool.currNr > 0 ? removeElement(type, pool) : null;
  yield* spinUnlockIrqrestore(pool.lock, saved, site);
  return element;
}

/** An element; sleeps until there is one. */
export function mempoolAlloc<T extends Struct>(type: StructType<T>, pool: Mempool, site: Site): Kernel<T> {
  mightSleep('mempool_alloc', site);
  const fresh = type.alloc();
  return fresh === null ? mempoolAllocSlow(type, pool, site) : resolved(fresh);
}

function* mempoolAllocSlow<T extends Struct>(type: StructType<T>, pool: Mempool, site: Site): Kernel<T> {
  for (;;) {
    const element = yield* mempoolAllocAtomic(type, pool, site);
    if (element !== null) return element;
    const entry = defineWait();
    // Enqueued before the re-test: pairs with mempoolFree, which adds the element before it wakes.
    yield* prepareToWait(pool.wait, entry, TASK_UNINTERRUPTIBLE, site);
    if ((yield* ops.load(pool.address + CURR_NR, site)) === 0) yield* scheduleOn(pool.wait, site);
    yield* finishWait(pool.wait, entry, site);
    freeWait(entry);
  }
}

/** Gives an element back: to the reserve while that is short, else to the slab. Any context. */
export function* mempoolFree<T extends Struct>(
  type: StructType<T>,
  pool: Mempool,
  element: T,
  site: Site,
): Kernel<void> {
  if ((yield* ops.load(pool.address + CURR_NR, site)) < pool.minNr) {
    const saved = yield* spinLockIrqsave(pool.lock, site);
    if (pool.currNr < pool.minNr) {
      addElement(pool, type.recycle(element));
      yield* spinUnlockIrqrestore(pool.lock, saved, site);
      yield* wakeUp(pool.wait, site);
      return;
    }
    yield* spinUnlockIrqrestore(pool.lock, saved, site);
  }
  type.free(element);
}
