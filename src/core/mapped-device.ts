/**
 * mapped_device and its flags: the object that all of device-mapper is about.
 *
 * Models struct mapped_device of 2.6.33 with the pushback list of 2.6.20. docs/LOCKING.md has a row for each lock.
 */

import { type BioList, bioListField } from '../block/bio-list.ts';
import type { Mutex, RwLock, RwSemaphore, SpinLock, WaitQueue } from '../shared/atomics-lock.ts';
import { type Completion, completionField } from '../shared/completion.ts';
import { mutexField } from '../shared/mutex.ts';
import { type RefCount, refCountField } from '../shared/ref-count.ts';
import { rwSemaphoreField } from '../shared/rw-semaphore.ts';
import { rwLockField } from '../shared/rwlock.ts';
import { spinLockField } from '../shared/spinlock.ts';
import { atomic, defineStruct, embed, flags, plain, type Struct } from '../shared/struct.ts';
import { waitQueueField } from '../shared/wait-queue.ts';
import { type Atomic, type Flags, Statistic } from '../shared/word.ts';

// md.flags: who sets and clears each bit, under which lock.
/** Submitters park their bios. Set by suspend under io_lock (write); cleared by dmQueueFlush without a lock. */
export const DMF_BLOCK_IO_FOR_SUSPEND = 1 << 0;
/** Set at the end of a successful suspend, cleared at the end of resume; both under suspend_lock. */
export const DMF_SUSPENDED = 1 << 1;
/** lock_fs has frozen the device (lock-fs.ts). Set by suspend, cleared by resume or an aborted suspend; under suspend_lock. */
export const DMF_FROZEN = 1 << 2;
/** The last reference is gone. Under _minor_lock. */
export const DMF_FREEING = 1 << 3;
/** Set before presuspend without a lock; cleared under pushback_lock, always before suspend returns. */
export const DMF_NOFLUSH_SUSPENDING = 1 << 5;
/** Bios go through kdmflush. Set under io_lock (write); cleared by kdmflush under io_lock (write) when deferred is empty. */
export const DMF_QUEUE_IO_TO_THREAD = 1 << 6;

/** What a suspend is doing; for statistics and events. */
export const SUSPEND_PHASES = ['idle', 'presuspend', 'freeze', 'block', 'flush', 'wait', 'finish'] as const;
export type SuspendPhase = (typeof SUSPEND_PHASES)[number];

// md.type, for as long as the device is there.
export const DM_TYPE_BIO_BASED = 1;
export const DM_TYPE_REQUEST_BASED = 2;

export interface MappedDevice extends Struct {
  /** DM_TYPE_*. */
  type: number;
  readonly suspendLock: Mutex;
  readonly ioLock: RwSemaphore;
  readonly mapLock: RwLock;
  /** Handle of the live table. Guarded by map_lock; holders of a table reference use the table without it. */
  map: number;
  /** Handle of the inactive table. Guarded by _hash_lock. */
  newMap: number;
  readonly flags: Flags;
  /** Bios between start and end of accounting. Incremented in process context; decremented anywhere. */
  readonly pending: Atomic;
  /** Woken when pending reaches 0. */
  readonly wait: WaitQueue;
  readonly deferredLock: SpinLock;
  /** Bios not yet mapped, oldest first. Guarded by deferred_lock. */
  readonly deferred: BioList;
  /** Also makes "NOFLUSH is set" and "append" one step, against "clear NOFLUSH" and "splice". */
  readonly pushbackLock: SpinLock;
  /** Bios that targets handed back during a noflush suspend. Guarded by pushback_lock. */
  readonly pushback: BioList;
  /** kdmflush and its one item, which dispatches deferred bios. */
  wq: number;
  work: number;
  /** Pools of dm_io, dm_target_io, clones, and the mapped parts of split bios. */
  ioPool: number;
  tioPool: number;
  bioSet: number;
  bioSplit: number;
  // Bio-based only.
  /** Handle of the empty barrier that is each flush of all targets in turn. kdmflush's own. */
  barrierBio: number;
  /** A part of the barrier that kdmflush serves is over: a flush, or the data. */
  readonly barrierPart: Completion;
  /** Bios that went to the head of `deferred` since kdmflush took the last one off it. Guarded by deferred_lock. */
  pushedAhead: number;
  // Request-based only.
  /** Handle of its request queue, 0: it takes bios. */
  queue: number;
  /** Pools of dm_rq_target_io and of clones; bioSet is that of the clones' bios. */
  rqTioPool: number;
  clonePool: number;
  /** The item of kdmflush that serves a flush, and the flush that it serves. Set by request_fn under queue_lock, cleared by kdmflush. */
  barrierWork: number;
  flushRequest: number;
  readonly barrierErrorLock: SpinLock;
  // Both.
  /**
   * What the clones of the flush said so far. Guarded by barrier_error_lock; kdmflush's own before the first and after the last.
   * Bio-based: what the parts of the barrier said. There is one at a time, so no lock is needed.
   */
  barrierError: number;
  readonly eventNr: Atomic;
  readonly eventq: WaitQueue;
  readonly holders: RefCount;
  /** 1: its name is in the hash, so users may have it. Set once, under _hash_lock. */
  hashed: number;
  bdev: number;
  /** Handle of the inode of the device's file while it is held (bdev-policy.ts), and of its file system while frozen; suspend_lock. */
  suspendedBdev: number;
  frozenSb: number;
  /** What the suspend under way is doing (an index of SUSPEND_PHASES). */
  readonly phase: Statistic;
  /** Bios that were ever pushed back. Written under pushback_lock. */
  readonly pushedBack: Statistic;
  /** The oracles' alone; check/words.ts draws them. */
  readonly oracle: { readonly word: number };
}

export const MD_ORACLE_WORDS = 20;

export const MappedDevice = defineStruct<MappedDevice>('mapped-device', 'md', 3, {
  type: plain,
  suspendLock: mutexField,
  ioLock: rwSemaphoreField,
  mapLock: rwLockField,
  map: plain,
  newMap: plain,
  flags,
  pending: atomic,
  wait: waitQueueField,
  deferredLock: spinLockField,
  deferred: bioListField,
  pushbackLock: spinLockField,
  pushback: bioListField,
  wq: plain,
  work: plain,
  ioPool: plain,
  tioPool: plain,
  bioSet: plain,
  bioSplit: plain,
  barrierBio: plain,
  barrierPart: completionField,
  pushedAhead: plain,
  queue: plain,
  rqTioPool: plain,
  clonePool: plain,
  barrierWork: plain,
  flushRequest: plain,
  barrierErrorLock: spinLockField,
  barrierError: plain,
  eventNr: atomic,
  eventq: waitQueueField,
  holders: refCountField,
  hashed: plain,
  bdev: plain,
  suspendedBdev: plain,
  frozenSb: plain,
  phase: embed(1, (word) => new Statistic(word)),
  pushedBack: embed(1, (word) => new Statistic(word)),
  oracle: embed(MD_ORACLE_WORDS, (word) => ({ word })),
});
