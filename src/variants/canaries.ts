/**
 * The canaries of every stress run.
 */

import { type Bio, bioEndio } from '../block/bio.ts';
import { blkOrderedCurSeq, QUEUE_ORDSEQ_POSTFLUSH } from '../block/ordered-seq.ts';
import { RequestQueue } from '../block/request-queue.ts';
import { dmFlush, sendPart } from '../core/barrier.ts';
import type { MappedDevice } from '../core/mapped-device.ts';
import { dmRqBarrier } from '../core/rq-barrier.ts';
import { seams } from '../core/seams.ts';
import { EINTR } from '../machine/errno.ts';
import { EV_BARRIER_BEGIN, EV_BARRIER_END, emit, listening } from '../machine/events.ts';
import { type Kernel, RMW_ADD, resolved } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import { current, signalPending, TASK_UNINTERRUPTIBLE } from '../shared/task.ts';
import { defineWait, finishWait, freeWait, prepareToWait, scheduleOn } from '../shared/wait-queue.ts';
import { nfCheckThenQueueUnlocked } from './bugs/nf-check-then-queue-unlocked.ts';
import type { Canary } from './canary.ts';

/** Two CPUs in one critical section. */
const lockBusted: Canary = {
  id: 'lock-busted',
  title: 'a spinlock that does not lock',
  scenario: 'canary-lock',
  swaps: {},
  delay: null,
  kinds: ['assertion'],
  rounds: 6,
};

/** The last I/O ends, and the suspender is not told. */
function* endWithoutWaking(md: MappedDevice): Kernel<void> {
  yield* ops.rmw(md.pending.word, RMW_ADD, -1, HERE);
}

const wakeDropped: Canary = {
  id: 'wake-dropped',
  title: 'the wake-up of the suspender is dropped',
  scenario: 'canary-drain',
  swaps: { endIoAcct: endWithoutWaking },
  delay: null,
  kinds: ['lost-wakeup', 'deadlock', 'hang'],
  rounds: 6,
};

/**
 *   CPU0 suspender                  CPU1 the last I/O ends
 *   pending is 1
 *                                   pending := 0, nobody is on the queue
 *   joins the queue, sleeps for ever
 */
function* waitWithoutRecheck(md: MappedDevice, state: number): Kernel<number> {
  if ((yield* md.pending.read(HERE)) === 0) return 0;
  if (yield* isSignalled()) return -EINTR;
  const entry = defineWait();
  yield* prepareToWait(md.wait, entry, state, HERE);
  yield* scheduleOn(md.wait, HERE);
  yield* finishWait(md.wait, entry, HERE);
  freeWait(entry);
  return (yield* md.pending.read(HERE)) !== 0 && (yield* isSignalled()) ? -EINTR : 0;
}

/** What is delayed: after the test, before the queue. */
function* isSignalled(): Kernel<boolean> {
  return (yield* signalPending(current(), HERE)) !== 0;
}

const recheckMissing: Canary = {
  id: 'recheck-missing',
  title: 'a sleeper that does not test its condition again after it has joined the queue',
  scenario: 'canary-drain',
  swaps: { waitForCompletion: waitWithoutRecheck },
  // Longer than it takes others to be given a core on a busy machine.
  delay: { file: 'src/variants/canaries.ts', func: 'isSignalled', us: 30_000 },
  kinds: ['lost-wakeup', 'deadlock', 'hang'],
  rounds: 20,
};

const pushbackUnlocked: Canary = {
  id: nfCheckThenQueueUnlocked.id,
  title: nfCheckThenQueueUnlocked.title,
  scenario: 'canary-pushback',
  swaps: nfCheckThenQueueUnlocked.swaps,
  delay: { file: 'src/variants/bugs/nf-check-then-queue-unlocked.ts', func: 'parkPushback', us: 3000 },
  kinds: ['lost-bio'],
  // One in three shows it where threads have to wait for a core.
  rounds: 60,
};

/** kdmflush says that all is flushed, and asks no target. */
function* flushNothing(md: MappedDevice, bio: Bio): Kernel<boolean> {
  md.barrierError = 0;
  yield* seams.waitForCompletion(md, TASK_UNINTERRUPTIBLE);
  if (bio.size > 0) yield* sendPart(md, bio);
  yield* bioEndio(bio, md.barrierError);
  return true;
}

const flushLies: Canary = {
  id: 'flush-lies',
  title: 'a flush that is said to be done and is not',
  preset: 'unified',
  scenario: 'canary-barrier',
  swaps: { dmRqBarrier: () => resolved(0), processBarrier: flushNothing },
  delay: null,
  kinds: ['lost-bio'],
  rounds: 20,
};

/** Of a bio-based device: the oracle says so before the media do. */
function* leaveOutPostFlush(md: MappedDevice, bio: Bio): Kernel<boolean> {
  md.barrierError = 0;
  if (listening !== 0) emit(EV_BARRIER_BEGIN, md.address, bio.address, HERE);
  yield* seams.waitForCompletion(md, TASK_UNINTERRUPTIBLE);
  yield* dmFlush(md);
  if (bio.size > 0) yield* sendPart(md, bio);
  if (listening !== 0) emit(EV_BARRIER_END, md.address, md.barrierError, HERE);
  yield* bioEndio(bio, md.barrierError);
  return true;
}

const postFlushDropped: Canary = {
  id: 'post-flush-dropped',
  title: 'a barrier that ends before its own data is durable',
  preset: 'unified',
  scenario: 'canary-barrier',
  swaps: {
    dmRqBarrier: (md) =>
      blkOrderedCurSeq(RequestQueue.at(md.queue)) === QUEUE_ORDSEQ_POSTFLUSH ? resolved(0) : dmRqBarrier(md),
    processBarrier: leaveOutPostFlush,
  },
  delay: null,
  kinds: ['lost-bio', 'reorder'],
  rounds: 20,
};

export const canaries: readonly Canary[] = [
  lockBusted,
  wakeDropped,
  recheckMissing,
  pushbackUnlocked,
  flushLies,
  postFlushDropped,
];
