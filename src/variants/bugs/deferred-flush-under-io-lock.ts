/**
 * Resume maps what was deferred itself, with io_lock held for writing.
 *
 *   CPU0 dmResume                         CPU1 the target's log writer
 *   the target's resume: the log must be begun anew
 *   down_write(io_lock)
 *   maps W1: waits for the log writer
 *                                         writes the log, on the same device: waits for io_lock
 *
 * The mechanism of 2.6.20 as a whole, in the place of kdmflush; core-2.6.20.ts says that it is not repaired there.
 */
import type { Bug } from '../bug.ts';
import {
  flushAndOutInline,
  flushDeferredIo,
  gateByBlockIo,
  mergeUnderIoLock,
  queueIoIfBlocked,
  quiesceAskingFirst,
  sleepUntilDrained,
} from '../core-2.6.20.ts';

export const deferredFlushUnderIoLock: Bug = {
  id: 'deferred-flush-under-io-lock',
  title: 'Deferred bios are mapped with io_lock held for writing',
  commit: '304f3f6a5830',
  seed: '000',
  preset: 'unified',
  swaps: {
    gate: gateByBlockIo,
    deferredGuard: 'io_lock',
    queueIo: queueIoIfBlocked,
    quiesce: quiesceAskingFirst,
    waitForCompletion: sleepUntilDrained,
    mergePushback: mergeUnderIoLock,
    dispatchDeferred: flushDeferredIo,
    flushAndOut: flushAndOutInline,
  },
  scenario: 'log-after-resume',
  suite: null,
  model: { kind: 'deadlock', invariants: ['', 'I48'], or: { kind: 'lock-order', invariants: ['I16'] } },
  real: null,
};
