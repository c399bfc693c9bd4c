/**
 * The oracles: they hear the event stream of a machine and say when an invariant of spec D is broken. Both machines run them.
 *
 * Their own state lies in shared memory (words.ts), so a worker needs no other set-up than `installOracles`, and a machine
 * whose memory is reset has fresh oracles. Every worker of a machine must load this module, because it declares words.
 *
 *   I1 I3 I13      bio-location.ts      I9 I10 I11 I34 I39 I46 I50   suspend.ts
 *   I4 I5          io-count.ts          I35 I36 I37 I38              order.ts
 *   I6 I8 I12      pushback.ts          I2 I53                       errors.ts
 *   I7             suspend.ts           I29 I45 I46, sums            quiescence.ts
 *   I47 I45 I49    stuck.ts              I32 I33 I51              sizes.ts
 *   I27 I28        multipath.ts          I19 I22 to I26, I40, I41, I52  request.ts
 *   I21 I25 I29 I42 I43  rq-clone.ts    I40 I42 I43 of bios   barrier.ts
 *   I20            work.ts              I42, which flushes   flush-numbers.ts
 *
 * Held up in place by the code itself: I14 (shared/struct.ts), I15 (ref-count.ts), I17 and I18 (spinlock.ts, task.ts,
 * mutex.ts), I48 (each machine). By the lock validator, which listens beside the oracles: I16 and I17 (shared/lockdep).
 */
import {
  bindListeners,
  EV_BARRIER_BEGIN,
  EV_BARRIER_BEHIND,
  EV_BARRIER_END,
  EV_BARRIER_ERROR,
  EV_BARRIER_FLUSH,
  EV_BARRIER_FLUSHED,
  EV_BIND,
  EV_BIO_DEFERRED,
  EV_BIO_END,
  EV_BIO_ERROR,
  EV_BIO_MAPPED,
  EV_BIO_PUSHED_BACK,
  EV_BIO_PUSHED_HEAD,
  EV_BIO_QUEUED,
  EV_BIO_REFUSED,
  EV_BIO_SPLIT,
  EV_BIO_SUBMIT,
  EV_BIO_UNQUEUED,
  EV_BLOCK_CLEAR,
  EV_CLONE_ENDIO,
  EV_CLONE_FREE,
  EV_CLONE_MAP,
  EV_CLONE_MAPPED,
  EV_CLONE_REQUEUE,
  EV_DISPATCH,
  EV_FLUSH_BEGIN,
  EV_FLUSH_CLONE_END,
  EV_FLUSH_DONE,
  EV_FLUSH_REQUEST,
  EV_FREEZE,
  EV_GATE_SHUT,
  EV_IO_END,
  EV_IO_ERROR,
  EV_IO_FREE,
  EV_IO_LAST,
  EV_IO_START,
  EV_MPATH,
  EV_NOFLUSH_SET,
  EV_ORD_DONE,
  EV_ORD_SKIP,
  EV_PUSHBACK_MERGE,
  EV_RESUME_RETURN,
  EV_RESUME_TARGETS,
  EV_RQ_ASIDE,
  EV_RQ_BIO,
  EV_RQ_COMPLETED,
  EV_RQ_DONE,
  EV_RQ_END,
  EV_RQ_FREE,
  EV_RQ_INSERT,
  EV_RQ_MAP,
  EV_RQ_REQUEUE,
  EV_RQ_RUN,
  EV_RQ_START,
  EV_SUSPEND_PHASE,
  EV_SUSPEND_RETURN,
  EV_TABLE_EVENT,
  EV_TABLE_UNBIND,
  EV_THAW,
  EV_WORK_QUEUED,
  type Listener,
} from '../machine/events.ts';
import type { Site } from '../machine/site.ts';
import {
  barrierBegins,
  barrierCloneAsked,
  barrierEnds,
  barrierFlushed,
  barrierFlushes,
  barrierGoesBehind,
  barrierKeepsOut,
  barrierPartFails,
} from './barrier.ts';
import {
  bioDeferred,
  bioDispatched,
  bioEnded,
  bioMapped,
  bioPushedBack,
  bioPushedToHead,
  bioQueued,
  bioSplit,
  bioSubmitted,
  bioUnqueued,
  cloneAsked,
  cloneEnded,
  cloneFreed,
  cloneRemapped,
  ioLast,
  pushbackMerged,
} from './bio-location.ts';
import {
  bioFails,
  errorAllowed,
  forgetAllCauses,
  forgetCauses,
  gatherCauses,
  ioFails,
  requeueRefused,
  resetErrorRules,
} from './errors.ts';
import { accountingEnds, ioFreed } from './io-count.ts';
import { checkMultipaths, multipathChanged } from './multipath.ts';
import {
  dispatchInOrder,
  nothingWaits,
  numberDeferred,
  numberMerged,
  numberPushedBack,
  numberPushedToHead,
  numberPutBehind,
  rangeComplete,
  rangeMapped,
  splitInTwo,
} from './order.ts';
import {
  noflushBegins,
  pushbackAllowed,
  pushbackTaken,
  rememberCover,
  rememberNoflush,
  rememberRequeue,
  requeueAllowed,
  requeueHasWon,
} from './pushback.ts';
import { checkResting } from './quiescence.ts';
import {
  requestAside,
  requestBioEnds,
  requestCompleted,
  requestEnds,
  requestFnRuns,
  requestInserted,
  requestRequeued,
  requestStarted,
  sequenceBegins,
  sequenceGoesOn,
} from './request.ts';
import {
  cloneDone,
  cloneMapped,
  flushBegins,
  flushCloneEnds,
  flushDone,
  flushHandedOver,
  originalEnds,
  rqCloneFreed,
} from './rq-clone.ts';
import { checkSizesAndFreezes, freezeAllowed, resumedClean, sizeConsistent, thawAllowed } from './sizes.ts';
import { checkWakeups } from './stuck.ts';
import {
  accountingStarted,
  blockCleared,
  eventCounted,
  eventsUnbound,
  gateHeld,
  gateShut,
  holdsIoLock,
  inKdmflush,
  resumeReturns,
  suspendReturns,
  targetAsked,
  targetsResumed,
} from './suspend.ts';
import { MD_PUSHBACK, mdOfTio } from './words.ts';
import { workQueued } from './work.ts';

export { ERROR_RULES, type ErrorRule, errorRules } from './errors.ts';
export { checkClosed, checkStuck } from './stuck.ts';
export { wakersOf } from './wakers.ts';

/** Bios and clones: most of what there is to hear. */
function hearBio(kind: number, a: number, b: number, site: Site): void {
  switch (kind) {
    case EV_BIO_SUBMIT:
      bioSubmitted(a, site);
      break;
    case EV_BIO_QUEUED:
      bioQueued(a, site);
      break;
    case EV_BIO_UNQUEUED:
      bioUnqueued(a, site);
      break;
    case EV_BIO_MAPPED:
      hearMapped(a, b, site);
      break;
    case EV_BIO_END:
      errorAllowed(a, b, bioEnded(a, site), site);
      break;
    case EV_CLONE_MAP:
      hearCloneMap(a, b, site);
      break;
    case EV_CLONE_MAPPED:
      cloneRemapped(b, site);
      break;
    case EV_CLONE_ENDIO:
      forgetAllCauses(cloneEnded(a, site));
      targetAsked(mdOfTio(a), b, site);
      break;
    case EV_CLONE_FREE:
      cloneFreed(b, site);
      break;
    case EV_CLONE_REQUEUE:
      requeueAllowed(a, b, site);
      rememberRequeue(a, b);
      break;
    case EV_BIO_SPLIT:
      splitInTwo(a, b, site);
      bioSplit(a, b, site);
      break;
    case EV_BIO_ERROR:
      bioFails(a, b);
      break;
    case EV_BIO_REFUSED:
      requeueRefused(a, b, site);
      break;
    case EV_BIO_DEFERRED:
      numberDeferred(a, b, site);
      bioDeferred(a, site);
      break;
    case EV_BIO_PUSHED_BACK:
      hearPushedBack(a, b, site);
      break;
    case EV_BIO_PUSHED_HEAD:
      numberPushedToHead(a, b, site);
      forgetCauses(a);
      bioPushedToHead(a, site);
      break;
  }
}

function hearMapped(bio: number, md: number, site: Site): void {
  if (!inKdmflush(md) && !holdsIoLock(md)) {
    gateHeld(md, site);
    nothingWaits(bio, md, site);
  }
  barrierKeepsOut(bio, md, site);
  bioMapped(bio, site);
}

function hearCloneMap(tio: number, ti: number, site: Site): void {
  const md = mdOfTio(tio);
  targetAsked(md, ti, site);
  barrierCloneAsked(tio, md, ti, site);
  rememberNoflush(tio, md);
  rangeMapped(tio, site);
  cloneAsked(tio, site);
}

function hearPushedBack(bio: number, md: number, site: Site): void {
  pushbackAllowed(bio, md, site);
  numberPushedBack(bio, md);
  forgetCauses(bio);
  bioPushedBack(bio, site);
}

function hearLast(io: number, site: Site): void {
  rangeComplete(io, site);
  gatherCauses(io);
  rememberCover(io);
  requeueHasWon(io, site);
  ioLast(io, site);
}

function hearMerge(md: number, site: Site): void {
  pushbackTaken(md, site);
  numberMerged(md, site);
  pushbackMerged(md + MD_PUSHBACK, site);
}

/** I/O records. */
function hearIo(kind: number, a: number, b: number, site: Site): void {
  switch (kind) {
    case EV_IO_START:
      accountingStarted(a, site);
      break;
    case EV_IO_LAST:
      hearLast(a, site);
      break;
    case EV_IO_END:
      accountingEnds(a, site);
      break;
    case EV_IO_FREE:
      ioFreed(a, site);
      break;
    case EV_IO_ERROR:
      ioFails(a, b);
      break;
  }
}

/** Suspend and resume. */
function hearDevice(kind: number, a: number, b: number, site: Site): void {
  switch (kind) {
    case EV_NOFLUSH_SET:
      noflushBegins(a);
      break;
    case EV_GATE_SHUT:
      gateShut(a);
      break;
    case EV_PUSHBACK_MERGE:
      hearMerge(a, site);
      break;
    case EV_SUSPEND_RETURN:
      suspendReturns(a, b, site);
      sizeConsistent(a, site);
      break;
    case EV_RESUME_TARGETS:
      targetsResumed(a);
      break;
    case EV_BLOCK_CLEAR:
      blockCleared(a, site);
      break;
    case EV_RESUME_RETURN:
      resumeReturns(a, b, site);
      resumedClean(a, b, site);
      break;
    case EV_DISPATCH:
      dispatchInOrder(a, b, site);
      bioDispatched(a, site);
      break;
    case EV_FREEZE:
      freezeAllowed(a, site);
      break;
    case EV_THAW:
      thawAllowed(a, site);
      break;
    case EV_BIND:
      sizeConsistent(a, site);
      break;
    case EV_TABLE_EVENT:
      eventCounted(a, b, site);
      break;
    case EV_TABLE_UNBIND:
      eventsUnbound(a);
      break;
  }
}

/** Requests and their queues. */
function hearRequest(kind: number, a: number, b: number, site: Site): void {
  switch (kind) {
    case EV_RQ_INSERT:
      requestInserted(a, b, site);
      break;
    case EV_RQ_START:
      requestStarted(a, b, site);
      break;
    case EV_RQ_REQUEUE:
      requestRequeued(a, b, site);
      break;
    case EV_RQ_ASIDE:
      requestAside(a, site);
      break;
    case EV_RQ_COMPLETED:
      requestCompleted(b, site);
      break;
    case EV_RQ_END:
      requestEnds(a, b, site);
      originalEnds(a, site);
      break;
    case EV_RQ_RUN:
      requestFnRuns();
      break;
    case EV_RQ_BIO:
      requestBioEnds(a, b, site);
      break;
    case EV_ORD_SKIP:
      sequenceBegins(a, b, site);
      break;
    case EV_ORD_DONE:
      sequenceGoesOn(a, b, site);
      break;
  }
}

/** Clones of requests, and flushes. */
function hearRqClone(kind: number, a: number, b: number, site: Site): void {
  switch (kind) {
    case EV_RQ_MAP:
      cloneMapped(a, b, site);
      break;
    case EV_RQ_DONE:
      cloneDone(a, b, site);
      break;
    case EV_RQ_FREE:
      rqCloneFreed(a, site);
      break;
    case EV_FLUSH_REQUEST:
      flushHandedOver(a, site);
      break;
    case EV_FLUSH_BEGIN:
      flushBegins(a);
      break;
    case EV_FLUSH_CLONE_END:
      flushCloneEnds(a, b);
      break;
    case EV_FLUSH_DONE:
      flushDone(a, b, site);
      break;
  }
}

/** Barriers of bio-based devices. */
function hearBarrier(kind: number, a: number, b: number, site: Site): void {
  switch (kind) {
    case EV_BARRIER_BEGIN:
      barrierBegins(a, b);
      break;
    case EV_BARRIER_FLUSH:
      barrierFlushes(a, b, site);
      break;
    case EV_BARRIER_FLUSHED:
      barrierFlushed(a, b, site);
      break;
    case EV_BARRIER_ERROR:
      barrierPartFails(a, b);
      break;
    case EV_BARRIER_END:
      barrierEnds(a, b, site);
      break;
    case EV_BARRIER_BEHIND:
      barrierGoesBehind(a);
      numberPutBehind(b, a, site);
      forgetCauses(b);
      bioPushedToHead(b, site);
      break;
  }
}

function hear(kind: number, a: number, b: number, site: Site): void {
  // Locks and interrupts are most of the stream and none of the oracles' business.
  if (kind < EV_BIO_SUBMIT) return;
  if (kind < EV_IO_START) hearBio(kind, a, b, site);
  else if (kind < EV_SUSPEND_PHASE) hearIo(kind, a, b, site);
  else if (kind === EV_MPATH) multipathChanged(a, b, site);
  else if (kind === EV_WORK_QUEUED) workQueued(a, b, site);
  else if (kind >= EV_BARRIER_BEGIN) hearBarrier(kind, a, b, site);
  else if (kind >= EV_RQ_MAP) hearRqClone(kind, a, b, site);
  else if (kind >= EV_RQ_INSERT) hearRequest(kind, a, b, site);
  else hearDevice(kind, a, b, site);
}

/** What must hear the events of each worker's machine. */
export function oracles(): Listener[] {
  return [hear];
}

/** This thread's oracles listen, and nobody else. To listen with others, bind `oracles()` with them. */
export function installOracles(): void {
  bindListeners(oracles());
}

export function removeOracles(): void {
  bindListeners([]);
}

/** Forgets what was counted. All else that oracles know is a part of the objects that it is about. */
export function resetOracles(): void {
  resetErrorRules();
}

/** Checks what must hold when nothing can move and no task but the kernel's own threads is left. */
export function checkQuiescence(): void {
  checkWakeups();
  checkResting();
  checkSizesAndFreezes();
  checkMultipaths();
}
