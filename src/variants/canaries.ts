/**
 * The canaries of every stress run.
 */

import type { MappedDevice } from '../core/mapped-device.ts';
import { EINTR } from '../machine/errno.ts';
import type { Kernel } from '../machine/kernel.ts';
import { RMW_ADD } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import { current, signalPending } from '../shared/task.ts';
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
  delay: { file: 'src/variants/canaries.ts', func: 'isSignalled', us: 4000 },
  kinds: ['lost-wakeup', 'deadlock', 'hang'],
  rounds: 6,
};

const pushbackUnlocked: Canary = {
  id: nfCheckThenQueueUnlocked.id,
  title: nfCheckThenQueueUnlocked.title,
  scenario: 'canary-pushback',
  swaps: nfCheckThenQueueUnlocked.swaps,
  delay: { file: 'src/variants/bugs/nf-check-then-queue-unlocked.ts', func: 'parkPushback', us: 3000 },
  kinds: ['lost-bio'],
  rounds: 6,
};

export const canaries: readonly Canary[] = [lockBusted, wakeDropped, recheckMissing, pushbackUnlocked];
