/**
 * What kmultipathd does: sends out what is queued, begins activations, makes events.
 *
 * Models process_queued_ios, dispatch_queued_ios and trigger_event of dm-mpath.c (2.6.20).
 */
import {
  type Bio,
  bioEndio,
  DM_MAPIO_REMAPPED,
  DM_MAPIO_REQUEUE,
  dmGetMapinfo,
  dmTableEvent,
  EIO,
  genericMakeRequest,
  type Kernel,
  spinLockIrqsave,
  spinUnlockIrqrestore,
  workFunctions,
} from '../../core/device-mapper.ts';
import { BIOS, takeQueuedRequests } from './carrier.ts';
import { choosePgpath, currentPath } from './choose.ts';
import { hardwareHandlers } from './hardware-handler.ts';
import { mapIo } from './map.ts';
import { MpathIo, Multipath, type Pgpath, said, targetOf } from './multipath.ts';
import { dispatchRequest } from './request.ts';
import { seams } from './seams.ts';

/** What is to be done, as seen at one moment. */
interface Todo {
  /** The path through which the current group is to be activated, or null. */
  readonly activate: Pgpath | null;
  /** A retry waits for `pg_init_delay_msecs`. */
  readonly delayUs: number;
  /** There is a path that takes I/O, or I/O is to fail. */
  readonly dispatch: boolean;
}

export const PROCESS_QUEUED_IOS = workFunctions.define(
  'process_queued_ios',
  function* processQueuedIos(handle): Kernel<void> {
    const m = Multipath.at(handle);
    const saved = yield* spinLockIrqsave(m.lock, HERE);
    const todo = decide(m);
    yield* spinUnlockIrqrestore(m.lock, saved, HERE);
    if (todo === null) return;
    if (todo.activate !== null) yield* seams.activate(m, todo.activate, todo.delayUs);
    if (todo.dispatch) yield* dispatchQueuedIos(m);
  },
);

/** With m->lock held. */
function decide(m: Multipath): Todo | null {
  if (m.queueSize === 0) return null;
  if (m.currentPgpath === 0) choosePgpath(m);
  const pgpath = currentPath(m);
  const dispatch = pgpath === null ? m.queueIfNoPath === 0 : m.queueIo === 0;
  // 2.6.20 did not ask for a path here, and handed the handler none when the last one had failed.
  const activate = seams.mayActivate(m) ? pgpath : null;
  const delayUs = m.pgInitCount > 0 && m.pgInitDelay > 0 ? (m.pgInitDelay - 1) * 1000 : 0;
  if (activate !== null) {
    m.pgInitCount++;
    m.pgInitRequired = 0;
    m.pgInitInProgress = 1;
  }
  return { activate, delayUs, dispatch };
}

/** Seam mayActivate: one at a time, since the end of an activation speaks for the group that is current then. */
export function oneAtATime(m: Multipath): boolean {
  return m.pgInitRequired !== 0 && m.pgInitInProgress === 0;
}

/** Seam activate: through the path that was chosen under m->lock. The current one may be another by now, or none. */
export function activate(m: Multipath, pgpath: Pgpath, delayUs: number): Kernel<void> {
  return hardwareHandlers.at(m.hwHandler).pgInit(m.hwContext, pgpath, delayUs);
}

/** Takes all that is queued and maps it again, one by one: some of it may come back to the queue. */
function* dispatchQueuedIos(m: Multipath): Kernel<void> {
  const clones: Bio[] = [];
  const saved = yield* spinLockIrqsave(m.lock, HERE);
  for (let clone = m.queuedIos.pop(); clone !== null; clone = m.queuedIos.pop()) clones.push(clone);
  const requests = takeQueuedRequests(m);
  said(m, clones.length + requests.length);
  yield* spinUnlockIrqrestore(m.lock, saved, HERE);
  for (const clone of clones) yield* dispatch(m, clone);
  for (const clone of requests) yield* dispatchRequest(m, clone);
}

function* dispatch(m: Multipath, clone: Bio): Kernel<void> {
  const answer = yield* mapIo(m, clone, BIOS, MpathIo.at(dmGetMapinfo(clone).info), true);
  if (answer === DM_MAPIO_REMAPPED) yield* genericMakeRequest(clone);
  else if (answer < 0) yield* bioEndio(clone, answer);
  // The core asked long ago, so it is the clone's end that hands it back: end_io comes to REQUEUE by itself.
  else if (answer === DM_MAPIO_REQUEUE) yield* bioEndio(clone, -EIO);
}

export const TRIGGER_EVENT = workFunctions.define('trigger_event', function* triggerEvent(handle): Kernel<void> {
  yield* dmTableEvent(targetOf(Multipath.at(handle)));
});
