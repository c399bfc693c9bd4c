/**
 * What a multipath target does around a suspend: it gives up what it holds, and later queues again as it did before.
 *
 * Models queue_if_no_path, multipath_presuspend and multipath_resume of dm-mpath.c (2.6.20), and of 2.6.33 the wait for an
 * activation in postsuspend. An interrupted suspend does not undo presuspend: queueing stays off until a message or a whole
 * suspend and resume switch it on, and a second suspend would save the 0.
 */
import {
  type DmTarget,
  flushWorkqueue,
  type Kernel,
  spinLockIrqsave,
  spinUnlockIrqrestore,
} from '../../core/device-mapper.ts';
import { kmultipathd } from './kmultipathd.ts';
import { kickQueue, type Multipath, multipathOf } from './multipath.ts';
import { seams } from './seams.ts';

/** Switches queueing on or off; `remember`: resume gets back what it was. What is queued does not wait for ever. */
export function* queueIfNoPath(m: Multipath, on: boolean, remember: boolean): Kernel<void> {
  const saved = yield* spinLockIrqsave(m.lock, HERE);
  m.savedQueueIfNoPath = remember ? m.queueIfNoPath : on ? 1 : 0;
  m.queueIfNoPath = on ? 1 : 0;
  if (!on && m.queueSize > 0) yield* kickQueue(m);
  yield* spinUnlockIrqrestore(m.lock, saved, HERE);
}

export function presuspend(ti: DmTarget): Kernel<void> {
  return queueIfNoPath(multipathOf(ti), false, true);
}

/** No I/O is left, so nobody begins an activation or queues anything. */
export function* postsuspend(ti: DmTarget): Kernel<void> {
  yield* seams.waitForPgInit(multipathOf(ti));
  yield* flushWorkqueue(kmultipathd(), HERE);
}

export function* resume(ti: DmTarget): Kernel<void> {
  const m = multipathOf(ti);
  const saved = yield* spinLockIrqsave(m.lock, HERE);
  m.queueIfNoPath = m.savedQueueIfNoPath;
  yield* spinUnlockIrqrestore(m.lock, saved, HERE);
}
