/**
 * rw_semaphore: a sleeping reader-writer lock, FIFO and fair to writers.
 *
 * Models down_read, up_read, down_write, up_write (lib/rwsem). A reader blocks as soon as anybody waits, so a recursive
 * read with a writer between is a deadlock, here as there. Ownership is handed over by the one who wakes. Writer
 * stealing and optimistic spinning (4.x) are not modelled.
 *
 *   word 0        bit 0  a writer is inside         set by down_write, or by the waker for the head waiter
 *                 bit 1  somebody waits             set and cleared under wait_lock only
 *                 bits 8 and up  readers inside     added by down_read, or by the waker for a run of readers
 *   word 2        handle of the writer inside, written by itself or by its waker
 *   word 3 … 8    the sleepers
 *
 * While bit 1 is set no fast path succeeds, so from then on the lock changes hands under wait_lock alone.
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
import { type Kernel, RMW_ADD, RMW_AND, RMW_OR } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import type { Site } from '../machine/site.ts';
import { memory, staticWords } from './memory.ts';
import { nameSleepers, SLEEPERS_WORDS, Sleepers } from './sleepers.ts';
import { spinLock, spinUnlock } from './spinlock.ts';
import { embed } from './struct.ts';
import { nameWord, wordName } from './struct-registry.ts';
import { current, mightSleep, Task, taskName } from './task.ts';

const WRITER = 1;
const WAITERS = 2;
const READER = 1 << 8;
const READERS = ~0xff;
/** Offset of the writer's handle. */
export const RWSEM_OWNER = 2;
/** Offset of the sleepers. */
const SLEEPERS = 3;
export const RWSEM_WORDS = SLEEPERS + SLEEPERS_WORDS;

export const WANTS_READ = 1;
const WANTS_WRITE = 2;

export class RwSemaphore {
  declare readonly word: number;
  declare readonly sleepers: Sleepers;
  constructor(word: number) {
    this.word = word;
    this.sleepers = new Sleepers(word + SLEEPERS);
  }
}

export const rwSemaphoreField = embed(RWSEM_WORDS, (word) => new RwSemaphore(word), 'rw-semaphore');
nameSleepers('rw-semaphore', SLEEPERS);

export function declareRwSemaphore(name: string): RwSemaphore {
  const word = staticWords(RWSEM_WORDS);
  nameWord(word, name, 'rw-semaphore');
  return new RwSemaphore(word);
}

/** Takes the lock for reading; sleeps while a writer holds it or anybody waits. */
export function downRead(sem: RwSemaphore, site: Site): Kernel<void> {
  mightSleep('down_read', site, sem.word);
  return ops.tryAdd(sem.word, WRITER | WAITERS, READER, downReadSlow, sem, site);
}

function* downReadSlow(sem: RwSemaphore, site: Site): Kernel<void> {
  const task = current();
  if (memory.words[sem.word + RWSEM_OWNER] === task.handle)
    report(
      'self-deadlock',
      'I48',
      `${taskName(task)} takes ${wordName(sem.word)} for reading, which it already holds for writing`,
      site,
    );
  yield* sleepForGrant(sem, WANTS_READ, site);
  if (hearing !== 0) emit(EV_LOCK_ACQUIRED, sem.word, 0, site);
}

/** Takes the lock for writing; sleeps while anybody holds it. */
export function* downWrite(sem: RwSemaphore, site: Site): Kernel<void> {
  mightSleep('down_write', site, sem.word);
  const task = current();
  if (memory.words[sem.word + RWSEM_OWNER] === task.handle)
    report(
      'self-deadlock',
      'I48',
      `${taskName(task)} takes ${wordName(sem.word)} for writing, which it already holds for writing`,
      site,
    );
  if ((yield* ops.cmpxchg(sem.word, 0, WRITER, site)) !== 0) {
    yield* sleepForGrant(sem, WANTS_WRITE, site);
  }
  memory.words[sem.word + RWSEM_OWNER] = task.handle;
  if (hearing !== 0) emit(EV_LOCK_ACQUIRED, sem.word, 1, site);
}

/** down_read_nested: see spinLockNested. */
export function downReadNested(sem: RwSemaphore, subclass: number, site: Site): Kernel<void> {
  if (listening !== 0) emit(EV_LOCK_NESTED, sem.word, subclass, site);
  return downRead(sem, site);
}

/** down_write_nested: see spinLockNested. */
export function downWriteNested(sem: RwSemaphore, subclass: number, site: Site): Kernel<void> {
  if (listening !== 0) emit(EV_LOCK_NESTED, sem.word, subclass, site);
  return downWrite(sem, site);
}

/** Joins the queue and sleeps. The lock may have been released just before, so the queue is served once from here. */
function* sleepForGrant(sem: RwSemaphore, wants: number, site: Site): Kernel<void> {
  if (hearing !== 0) emit(EV_LOCK_CONTENDED, sem.word, wants === WANTS_WRITE ? 1 : 0, site);
  yield* spinLock(sem.sleepers.waitLock, site);
  yield* ops.rmw(sem.word, RMW_OR, WAITERS, site);
  yield* sem.sleepers.join(wants, sem.word, site);
  yield* wakeWaiters(sem, site);
  yield* spinUnlock(sem.sleepers.waitLock, site);
  yield* sem.sleepers.sleep(site);
}

export function upRead(sem: RwSemaphore, site: Site): Kernel<void> {
  if (((memory.words[sem.word] as number) & READERS) === 0)
    report('assertion', 'I18', `a read hold of ${wordName(sem.word)} is released, which no reader has`, site);
  if (hearing !== 0) emit(EV_LOCK_RELEASE, sem.word, 0, site);
  // Pairs with the OR of WAITERS: whichever comes second sees the other and serves the queue.
  return ops.addThen(sem.word, -READER, WRITER | WAITERS | READERS, WAITERS, serveQueue, sem, site);
}

export function upWrite(sem: RwSemaphore, site: Site): Kernel<void> {
  const w = memory.words;
  const task = current();
  if (w[sem.word + RWSEM_OWNER] !== task.handle)
    report(
      'assertion',
      'I18',
      `${taskName(task)} releases ${wordName(sem.word)} for writing, which it does not hold`,
      site,
    );
  if (hearing !== 0) emit(EV_LOCK_RELEASE, sem.word, 1, site);
  w[sem.word + RWSEM_OWNER] = 0;
  return ops.addThen(sem.word, -WRITER, WRITER | WAITERS | READERS, WAITERS, serveQueue, sem, site);
}

function* serveQueue(sem: RwSemaphore, site: Site): Kernel<void> {
  yield* spinLock(sem.sleepers.waitLock, site);
  yield* wakeWaiters(sem, site);
  yield* spinUnlock(sem.sleepers.waitLock, site);
}

/** With wait_lock held: hands the lock to the writer at the head, or to the whole run of readers there. */
function* wakeWaiters(sem: RwSemaphore, site: Site): Kernel<void> {
  for (let first = sem.sleepers.first(); first !== null; first = sem.sleepers.first()) {
    const state = yield* ops.load(sem.word, site);
    const free = first.lockWants === WANTS_READ ? (state & WRITER) === 0 : (state & (WRITER | READERS)) === 0;
    if (!free) return;
    if (first.lockWants === WANTS_READ) {
      yield* ops.rmw(sem.word, RMW_ADD, READER, site);
      yield* sem.sleepers.hand(sem.word, site);
    } else {
      yield* ops.rmw(sem.word, RMW_OR, WRITER, site);
      memory.words[sem.word + RWSEM_OWNER] = first.handle;
      yield* sem.sleepers.hand(sem.word, site);
    }
  }
  yield* ops.rmw(sem.word, RMW_AND, ~WAITERS, site);
}

/** Asserts that the running task holds the lock for writing. */
export function assertHeldWrite(sem: RwSemaphore, site: Site): void {
  if (memory.words[sem.word + RWSEM_OWNER] !== current().handle)
    report('assertion', '', `${taskName(current())} must hold ${wordName(sem.word)} for writing here`, site);
}

/** Asserts that somebody holds the lock for reading; who, the lock does not know. */
export function assertHeldRead(sem: RwSemaphore, site: Site): void {
  if (((memory.words[sem.word] as number) & READERS) === 0)
    report('assertion', 'I11', `${wordName(sem.word)} must be held for reading here`, site);
}

/** Handle of the writer inside, 0 for none or not known yet, and whether readers are; for findings. */
export function rwSemaphoreHold(sem: RwSemaphore): { readonly writer: number; readonly readers: boolean } {
  const w = memory.words;
  return { writer: w[sem.word + RWSEM_OWNER] as number, readers: ((w[sem.word] as number) & READERS) !== 0 };
}

/** The writer inside, or null; for findings. */
export function rwSemaphoreOwner(sem: RwSemaphore): Task | null {
  const handle = memory.words[sem.word + RWSEM_OWNER] as number;
  return handle === 0 ? null : Task.at(handle);
}
