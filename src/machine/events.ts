/**
 * The event stream: what lock validators, oracles, profilers and recorders hear.
 *
 * Kernel code says what happened with `emit`; who listens is bound when the machine boots. With nobody listening an event
 * costs one comparison.
 */
import type { Site } from './site.ts';

// Locks: a = word of the lock, b = 1 exclusive, 0 shared; LOCK_TRIED is added where the taker would not have waited.
/** A sleeping lock is handed over: the task with the handle b has the lock a from here on, and will say so when it runs. */
export const EV_LOCK_HANDED = 1;
export const EV_LOCK_CONTENDED = 2;
export const EV_LOCK_ACQUIRED = 3;
export const EV_LOCK_RELEASE = 4;
export const LOCK_TRIED = 2;
// Contexts: a = line or softirq number.
export const EV_IRQ_ENTER = 5;
export const EV_IRQ_EXIT = 6;
export const EV_SOFTIRQ_ENTER = 7;
export const EV_SOFTIRQ_EXIT = 8;
/** What this context takes next is nested in a lock of the same class. a = word of the lock, b = the subclass. */
export const EV_LOCK_NESTED = 9;
// Waiting: what a lock validator must know beside locks.
/** A task begins to wait for others, perhaps without sleeping. a = word of the completion, 0 for anything else. */
export const EV_WAIT = 10;
/** a = word of the completion. */
export const EV_COMPLETE = 11;
/** A worker begins and ends an item; b = number of the worker's program, by which queues are told apart. */
export const EV_WORK_BEGIN = 12;
export const EV_WORK_END = 13;
/** A task waits for all items of a work queue; b as above. */
export const EV_FLUSH = 14;
/** a = handle of the task. */
export const EV_TASK_END = 15;
// Bios: a = address of the bio.
export const EV_BIO_SUBMIT = 16;
export const EV_BIO_QUEUED = 17;
export const EV_BIO_MAPPED = 18;
export const EV_BIO_PUSHED_BACK = 19;
export const EV_BIO_DEFERRED = 20;
export const EV_BIO_END = 21;
/** b = address of the mapped part. */
export const EV_BIO_SPLIT = 22;
/** Taken off its task's private list again (see EV_BIO_QUEUED). */
export const EV_BIO_UNQUEUED = 23;
// Clones: a = address of the clone's dm_target_io, b = address of its target.
export const EV_CLONE_MAP = 24;
export const EV_CLONE_MAPPED = 25;
export const EV_CLONE_ENDIO = 26;
export const EV_CLONE_FREE = 27;
/** The target wants the bio back in the core. b = address of the mapped device. */
export const EV_CLONE_REQUEUE = 28;
// Why a bio fails: a = address of the bio. Said by the place that makes the error.
/** b = one of CAUSE_*. */
export const EV_BIO_ERROR = 29;
/** A target's REQUEUE becomes −EIO. b = address of the mapped device. */
export const EV_BIO_REFUSED = 30;
/** Put at the head of the deferred list, by a core without a pushback list. b = address of the mapped device. */
export const EV_BIO_PUSHED_HEAD = 31;
// Accounting: a = address of the mapped device or dm_io.
export const EV_IO_START = 32;
/** About to leave pending. a = address of the mapped device. */
export const EV_IO_END = 33;
export const EV_IO_FREE = 34;
/** The last reference to a dm_io is dropped: all its clones have ended. a = address of the dm_io. */
export const EV_IO_LAST = 35;
/** Part of an I/O fails. a = address of the dm_io, b = one of CAUSE_*. */
export const EV_IO_ERROR = 36;
// Suspend and resume: a = address of the mapped device, b = SUSPEND_* phase or result.
export const EV_SUSPEND_PHASE = 40;
export const EV_SUSPEND_RETURN = 41;
export const EV_RESUME_TARGETS = 42;
export const EV_RESUME_RETURN = 43;
export const EV_PUSHBACK_MERGE = 44;
export const EV_BLOCK_SET = 45;
export const EV_BLOCK_CLEAR = 46;
/** Nobody maps any more: submitters park their bios, and a thread that maps is idle. */
export const EV_GATE_SHUT = 47;
export const EV_DISPATCH = 49;
export const EV_TABLE_EVENT = 50;
export const EV_TABLE_UNBIND = 51;
export const EV_MD_FREE = 52;
/** NOFLUSH_SUSPENDING is about to be set. */
export const EV_NOFLUSH_SET = 53;

/** lock_fs is about to freeze. a = address of the mapped device. */
export const EV_FREEZE = 60;
/** The device is about to be thawed. a = address of the mapped device. */
export const EV_THAW = 62;
/** A table is bound. a = address of the mapped device, b = of the table. With suspend_lock held. */
export const EV_BIND = 61;

// Multipath, with m->lock held: a = address of the multipath.
/** Its queue or its paths have changed; b = clones that were spliced off the queue, or −1: one of those is mapped again. */
export const EV_MPATH = 64;

// Requests, with the queue_lock of their queue held: a = address of the request, b = of the queue.
/** A request is put on its queue for the first time. */
export const EV_RQ_INSERT = 80;
/** The driver has taken it off the queue. */
export const EV_RQ_START = 81;
/** The driver has put it back. */
export const EV_RQ_REQUEUE = 82;
/** A barrier has left the queue and stands aside until its sequence is done. */
export const EV_RQ_ASIDE = 83;
/** It no longer counts as in flight. */
export const EV_RQ_COMPLETED = 84;
/** It ends. b = its error. */
export const EV_RQ_END = 85;
/** Its driver's request_fn begins. a = address of the queue. */
export const EV_RQ_RUN = 86;
/** A bio of it ends, and is no part of it any more. b = address of the bio. Without the lock, too. */
export const EV_RQ_BIO = 87;
// The ordered sequence, with queue_lock held: a = address of the queue, b = bits of the sequence.
/** These parts of it are left out. */
export const EV_ORD_SKIP = 88;
/** This part of it is over. */
export const EV_ORD_DONE = 89;

// Clones of requests: a = address of the clone's dm_rq_target_io, b = address of its target, 0: none.
/** Its target is about to be asked. */
export const EV_RQ_MAP = 90;
/** It comes back: its target is asked what becomes of it, if it was mapped. */
export const EV_RQ_DONE = 91;
/** It goes back to its pool, and stops counting. */
export const EV_RQ_FREE = 92;
// The flush of a mapped device: a = address of the device.
/** request_fn hands a flush to kdmflush, with queue_lock held. b = address of the request. */
export const EV_FLUSH_REQUEST = 93;
/** kdmflush begins to flush. */
export const EV_FLUSH_BEGIN = 94;
/** A clone of the flush ends. b = its error, or REQUEUE. */
export const EV_FLUSH_CLONE_END = 95;
/** All clones have ended. b = what the flush has come to. */
export const EV_FLUSH_DONE = 96;
// A barrier of a bio-based device, in kdmflush: a = address of the device.
/** It is begun. b = address of the bio. */
export const EV_BARRIER_BEGIN = 97;
/** A flush of all targets is about to be sent, and is over. b = address of the empty bio. */
export const EV_BARRIER_FLUSH = 98;
export const EV_BARRIER_FLUSHED = 99;
/** A part of it has failed, in any context. b = its error, or REQUEUE. */
export const EV_BARRIER_ERROR = 100;
/** b = what it has come to: its error, or REQUEUE. */
export const EV_BARRIER_END = 101;
/** It goes back to the deferred list, behind the bios that were pushed back while it waited. b = address of the bio. With deferred_lock held. */
export const EV_BARRIER_BEHIND = 102;
// Work queues.
/** An item was put on the list of a queue, whose lock is held: a = address of the item, b = address of the queue. */
export const EV_WORK_QUEUED = 103;

// What else a CPU of the real machine does; of these the model says only that interrupts are let in.
/** Interrupts go off, and on again. An interrupt's own are in EV_IRQ_ENTER. */
export const EV_IRQS_OFF = 110;
export const EV_IRQS_ON = 111;
/** The CPU parks while it waits for the lock a (b as above), and is awake again. */
export const EV_PARK = 112;
export const EV_UNPARK = 113;
/** The task with the handle a runs; 0: none. */
export const EV_SWITCH = 114;
/** The task with the handle a can run again, b = its CPU. */
export const EV_WAKE = 115;

// Causes of an error, one bit each.
/** A target said so. */
export const CAUSE_TARGET = 1;
/** The device below said so. */
export const CAUSE_DEVICE = 2;
/** Sectors beyond the end of the device or of its table. */
export const CAUSE_BEYOND_END = 4;
export const CAUSE_NO_TABLE = 8;
/** Read-ahead to a device that is being suspended. */
export const CAUSE_READA_BLOCKED = 16;
/** REQUEUE while no noflush suspend is under way, or after one was interrupted. */
export const CAUSE_REQUEUE = 32;

/** Hears one event: its kind, two numbers (see the kinds) and the place. Runs on the CPU that says it. */
export type Listener = (kind: number, a: number, b: number, site: Site) => void;

let listeners: readonly Listener[] = [];
/** Non-zero while somebody listens. Read it before building an event's arguments. */
export let listening = 0;
/** The same for events of locks and CPUs, which a profiler hears too. */
export let hearing = 0;

/** Installs who hears the events of this thread's machine, in order; an empty list switches the stream off for them. */
export function bindListeners(list: readonly Listener[]): void {
  listeners = list;
  listening = list.length;
  hearing = list.length + (profiler === null ? 0 : 1);
}

/**
 * Who hears locks and interrupts only, each by a call of its own: one event in ten costs as much as a lock pair otherwise.
 * The kernel's four hooks are in `hear` (contended; the request itself is a step that the CPU notes anyway), `acquired` and
 * `release`.
 */
export interface Profiler {
  acquired(word: number, exclusive: number, site: Site): void;
  release(word: number, exclusive: number): void;
  irqsOff(site: Site): void;
  irqsOn(): void;
  /** Any other kind below EV_BIO_SUBMIT or from EV_IRQS_OFF on. */
  hear(kind: number, a: number, b: number, site: Site): void;
}

let profiler: Profiler | null = null;

/** Installs who hears locks and interrupts before all listeners; null: nobody. */
export function bindProfiler(next: Profiler | null): void {
  profiler = next;
  hearing = listeners.length + (next === null ? 0 : 1);
}

/** One more hears the events, after the others; gives what ends that. */
export function listenAlso(listener: Listener): () => void {
  bindListeners([...listeners, listener]);
  return () => bindListeners(listeners.filter((each) => each !== listener));
}

/** Who must know that what happens now is the listeners' own doing. */
export interface Aside {
  asideBegins(): void;
  asideEnds(): void;
}
let aside: Aside | null = null;
/** What listeners do is none of `whom`'s business; null: of nobody. */
export function muteListeners(whom: Aside | null): void {
  aside = whom;
}

/** Says what happened. */
export function emit(kind: number, a: number, b: number, site: Site): void {
  if (hearing === 0) return;
  if (profiler !== null) tellProfiler(profiler, kind, a, b, site);
  if (listening !== 0) tellListeners(kind, a, b, site);
}

// What lies on the fast path of locks: emit with its kind, but small enough to become a part of its caller.

export function emitAcquired(word: number, exclusive: number, site: Site): void {
  if (profiler !== null) profiler.acquired(word, exclusive, site);
  if (listening !== 0) tellListeners(EV_LOCK_ACQUIRED, word, exclusive, site);
}

export function emitRelease(word: number, exclusive: number, site: Site): void {
  if (profiler !== null) profiler.release(word, exclusive);
  if (listening !== 0) tellListeners(EV_LOCK_RELEASE, word, exclusive, site);
}

export function emitIrqsOff(site: Site): void {
  if (profiler !== null) profiler.irqsOff(site);
  if (listening !== 0) tellListeners(EV_IRQS_OFF, 0, 0, site);
}

export function emitIrqsOn(site: Site): void {
  if (profiler !== null) profiler.irqsOn();
  if (listening !== 0) tellListeners(EV_IRQS_ON, 0, 0, site);
}

function tellProfiler(whom: Profiler, kind: number, a: number, b: number, site: Site): void {
  if (kind === EV_LOCK_ACQUIRED) whom.acquired(a, b & 1, site);
  else if (kind === EV_LOCK_RELEASE) whom.release(a, b & 1);
  else if (kind < EV_BIO_SUBMIT || kind >= EV_IRQS_OFF) whom.hear(kind, a, b, site);
}

function tellListeners(kind: number, a: number, b: number, site: Site): void {
  if (aside !== null) aside.asideBegins();
  tell(kind, a, b, site);
  if (aside !== null) aside.asideEnds();
}

function tell(kind: number, a: number, b: number, site: Site): void {
  for (let i = 0; i < listeners.length; i++) (listeners[i] as Listener)(kind, a, b, site);
}
