/**
 * Presets: one mechanism for each seam (spec E2). unified, 2.6.20 and 2.6.33 must be clean; a seed has what it had by nature.
 */
import { blkDoOrdered } from '../block/ordered.ts';
import { depthFirst, fifo, recursive } from '../block/submit.ts';
import { processBarrier, waitBehindPushback } from '../core/barrier.ts';
import {
  bdgetAlways,
  bdgetUnlessNoflush,
  heldForLife,
  iSizeWrite,
  iSizeWriteUnderIMutex,
} from '../core/bdev-policy.ts';
import { dmQueueFlush, giveWay } from '../core/deferred.ts';
import { destroyWhenUnused, dmTableFindTarget, dropTable, setType } from '../core/dm-table.ts';
import {
  __noflushSuspending,
  cloneEndio,
  endIoAcct,
  finishBarrierIo,
  finishIo,
  noteBarrierError,
  parkPushback,
  storeError,
} from '../core/end-io.ts';
import { dmGetMd, putNameless } from '../core/find-device.ts';
import { bindInPlace, setMap } from '../core/ioctl.ts';
import { flushAndOut, freezeUnlessNoflush, unlockFs } from '../core/lock-fs.ts';
import { dmRqBarrier, dmRqBarrierWork, requeueFlush, storeBarrierError } from '../core/rq-barrier.ts';
import {
  dmCompleteRequest,
  dmEndRequest,
  dmKillUnmappedRequest,
  dmRequeueUnmappedRequest,
  putInFlight,
  rqCompleted,
  runQueueLater,
} from '../core/rq-end.ts';
import { awaitInFlight, stopAndFlush } from '../core/rq-queue.ts';
import { dmPrepFn, dmRequestFn, handToKdmflush, isLive } from '../core/rq-request-fn.ts';
import type { Seams } from '../core/seams.ts';
import { dmRequest, mapHasEnded, queueIo } from '../core/submit.ts';
import {
  dmWaitForCompletion,
  markSuspended,
  mergePushback,
  presuspend,
  presuspendThenFreeze,
  pushbackFirst,
  quiesce,
} from '../core/suspend.ts';
import { decPendingErrorRmw } from './bugs/dec-pending-error-rmw.ts';
import { ioFreedAfterEndio } from './bugs/io-freed-after-endio.ts';
import { suspendWaitNoBarrier } from './bugs/suspend-wait-no-barrier.ts';
import { thawWithoutFreeze } from './bugs/thaw-without-freeze.ts';
import {
  flushAndOutInline,
  flushDeferredIo,
  gateByBlockIo,
  mergeUnderIoLock,
  postsuspendFirst,
  queueIoIfBlocked,
  quiesceAskingFirst,
  quiesceAskingLast,
  sleepUntilDrained,
} from './core-2.6.20.ts';
import { clearNoflush, parkAtHead, waitBehindHead } from './core-2.6.33.ts';
import { requireLegal } from './legal.ts';
import { findTargetUnchecked, noflushSuspendingWithReference, unbindPutThenBind, unbindThenBind } from './seed-000.ts';
import { awaitNobody, putPerhapsLast, requeueFlushAndRun, runQueueAtOnce } from './seed-002.ts';
import { countedTables } from './table-references.ts';

export interface Preset {
  readonly name: string;
  readonly title: string;
  /** False for a patch as it was posted: it has the bugs that it had by nature. */
  readonly clean: boolean;
  readonly seams: Seams;
}

/** The default core of spec E1: no known bug. */
const unified: Preset = {
  name: 'unified',
  title: 'kdmflush, pushback list, depth-first submission, one piece then the remainder; no known bug',
  clean: true,
  seams: {
    engine: depthFirst,
    splitRemainder: true,
    gate: dmRequest,
    deferredGuard: 'deferred_lock',
    queueIo,
    findTarget: dmTableFindTarget,
    mapHasEnded,
    cloneEndio,
    storeError,
    parkPushback,
    finishIo,
    endIoAcct,
    noflushSuspending: __noflushSuspending,
    presuspend,
    beforeGate: presuspendThenFreeze,
    quiesce,
    waitForCompletion: dmWaitForCompletion,
    mergePushback,
    joinPushback: pushbackFirst,
    dispatchDeferred: dmQueueFlush,
    afterDispatch: giveWay,
    markSuspended,
    replaceTable: bindInPlace,
    tablePut: dropTable,
    tableDestroy: destroyWhenUnused,
    findMd: dmGetMd,
    putNameless,
    mayFreeze: freezeUnlessNoflush,
    thawAtRemoval: unlockFs,
    flushAndOut,
    bdevPolicy: heldForLife,
    iSizeWrite,
    stopAndFlush,
    setType,
    setMap,
    doOrdered: blkDoOrdered,
    processBarrier,
    barrierMayGoOn: waitBehindPushback,
    finishBarrierIo,
    noteBarrierError,
    dmRequestFn,
    isLive,
    leaveAfterRequeue: true,
    dmPrepFn,
    handToKdmflush,
    dmCompleteRequest,
    dmEndRequest,
    rqCompleted,
    runQueue: runQueueLater,
    putInFlight,
    awaitInFlight,
    dmRequeueUnmappedRequest,
    dmKillUnmappedRequest,
    storeBarrierError,
    dmRqBarrier,
    dmRqBarrierWork,
    requeueFlush,
  },
};

/** Column E20 of spec E2, with the bugs of its nature repaired. */
const v2620: Preset = {
  name: '2.6.20',
  title: 'inline dispatch under io_lock, pushback list, recursive submission, all pieces in a loop; no known bug',
  clean: true,
  seams: {
    ...unified.seams,
    engine: recursive,
    splitRemainder: false,
    gate: gateByBlockIo,
    deferredGuard: 'io_lock',
    queueIo: queueIoIfBlocked,
    quiesce: quiesceAskingFirst,
    waitForCompletion: sleepUntilDrained,
    mergePushback: mergeUnderIoLock,
    dispatchDeferred: flushDeferredIo,
    markSuspended: postsuspendFirst,
    flushAndOut: flushAndOutInline,
    // Repaired: the size was changed under i_mutex until 2.6.38, and an fsync that waits for the resume holds it.
    bdevPolicy: bdgetUnlessNoflush,
  },
};

/** Column E33 of spec E2, with the bugs of its nature repaired. */
const v2633: Preset = {
  name: '2.6.33',
  title: 'kdmflush, pushback at the head of the deferred list, first-in-first-out submission, all pieces in a loop',
  clean: true,
  seams: {
    ...unified.seams,
    engine: fifo,
    splitRemainder: false,
    parkPushback: parkAtHead,
    mergePushback: clearNoflush,
    barrierMayGoOn: waitBehindHead,
  },
};

/** 2.6.33 with what the barrier patch had when it was posted. */
const seed002: Preset = {
  name: 'seed-002',
  title: 'the patch for request-based barriers as it was posted in 2009, with the bugs that it had by nature',
  clean: false,
  seams: {
    ...v2633.seams,
    ...ioFreedAfterEndio.swaps,
    markSuspended: postsuspendFirst,
    replaceTable: unbindThenBind,
    iSizeWrite: iSizeWriteUnderIMutex,
    isLive: () => true,
    leaveAfterRequeue: false,
    runQueue: runQueueAtOnce,
    putInFlight: putPerhapsLast,
    awaitInFlight: awaitNobody,
    requeueFlush: requeueFlushAndRun,
  },
};

/** 2.6.20 with what the patch had when it was posted. */
const seed000: Preset = {
  name: 'seed-000',
  title: 'the noflush patch as it was posted in 2006, with the bugs that it had by nature',
  clean: false,
  seams: {
    ...v2620.seams,
    ...decPendingErrorRmw.swaps,
    ...ioFreedAfterEndio.swaps,
    findTarget: findTargetUnchecked,
    noflushSuspending: noflushSuspendingWithReference,
    quiesce: quiesceAskingLast,
    ...suspendWaitNoBarrier.swaps,
    ...thawWithoutFreeze.swaps,
    ...countedTables,
    replaceTable: unbindPutThenBind,
    bdevPolicy: bdgetAlways,
    iSizeWrite: iSizeWriteUnderIMutex,
  },
};

export const presets: readonly Preset[] = [unified, v2620, v2633, seed000, seed002];
for (const { name, seams } of presets) requireLegal(name, seams);
