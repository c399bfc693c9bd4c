/**
 * Activation of a group by the hardware handler: its end, and who waits for it.
 *
 * Models dm_pg_init_complete and pg_init_limit_reached of dm-mpath.c (2.6.24), and multipath_wait_for_pg_init_completion (2.6.33).
 *
 *   pgInitRequired  pgInitInProgress
 *        1                0            the next run of process_queued_ios begins an activation
 *        0                1            one is under way; I/O waits, since queueIo is set
 *        1                1            meanwhile another group was chosen, or the handler says RETRY
 */
import {
  type Kernel,
  spinLockIrqsave,
  spinUnlockIrqrestore,
  TASK_UNINTERRUPTIBLE,
  waitEvent,
  wakeUp,
} from '../../core/device-mapper.ts';
import { forgetCurrent } from './choose.ts';
import { bypassPg } from './group.ts';
import { MP_BYPASS_PG, MP_FAIL_PATH, MP_RETRY } from './hardware-handler.ts';
import { groupOf, kickQueue, type Multipath, ownerOf, type Pgpath, type PriorityGroup } from './multipath.ts';
import { failPath } from './path.ts';

/** The activation through `pgpath` is over, with MP_* bits. Any context; the target may be gone when this returns. */
export function* dmPgInitComplete(pgpath: Pgpath, said: number): Kernel<void> {
  const m = ownerOf(pgpath);
  const pg = groupOf(pgpath);
  let flags = said;
  // A group that is used although it is bypassed has only its paths left to lose.
  if (flags !== 0 && (yield* isBypassed(m, pg))) flags |= MP_FAIL_PATH;
  if ((flags & MP_RETRY) !== 0 && (yield* retryLimitReached(m))) flags = (flags & ~MP_RETRY) | MP_FAIL_PATH;
  if ((flags & MP_FAIL_PATH) !== 0) yield* failPath(pgpath);
  if ((flags & MP_BYPASS_PG) !== 0) yield* bypassPg(pg, true);

  const saved = yield* spinLockIrqsave(m.lock, HERE);
  if ((flags & ~MP_RETRY) !== 0) forgetCurrent(m);
  else if (m.pgInitRequired === 0) m.queueIo = 0;
  m.pgInitInProgress = 0;
  yield* kickQueue(m);
  // Under the lock: whoever waits takes the target apart.
  yield* wakeUp(m.pgInitWait, HERE);
  yield* spinUnlockIrqrestore(m.lock, saved, HERE);
}

/** The kernel looks without the lock; a message may change it meanwhile. */
function* isBypassed(m: Multipath, pg: PriorityGroup): Kernel<boolean> {
  const saved = yield* spinLockIrqsave(m.lock, HERE);
  const bypassed = pg.bypassed !== 0;
  yield* spinUnlockIrqrestore(m.lock, saved, HERE);
  return bypassed;
}

/** Counts a retry as required, unless there were too many. */
function* retryLimitReached(m: Multipath): Kernel<boolean> {
  const saved = yield* spinLockIrqsave(m.lock, HERE);
  const reached = m.pgInitCount > m.pgInitRetries;
  if (!reached) m.pgInitRequired = 1;
  yield* spinUnlockIrqrestore(m.lock, saved, HERE);
  return reached;
}

/** Waits until no activation is under way. Process context; nobody begins one meanwhile. */
export function* waitForPgInit(m: Multipath): Kernel<void> {
  yield* waitEvent(
    m.pgInitWait,
    function* over(): Kernel<number> {
      const saved = yield* spinLockIrqsave(m.lock, HERE);
      const inProgress = m.pgInitInProgress;
      yield* spinUnlockIrqrestore(m.lock, saved, HERE);
      return inProgress === 0 ? 1 : 0;
    },
    TASK_UNINTERRUPTIBLE,
    HERE,
  );
}
