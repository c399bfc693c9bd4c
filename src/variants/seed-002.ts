/**
 * What the patch of seed 002 had by nature, as posted for 2.6.33-rc1: mistakes that were found in it, and in what it stands on, later.
 *
 *   rq-requeue-busy-loop      request_fn goes on after a target has wanted a request back
 *   table kept over a map     request_fn goes on with the table that it had begun with
 *   rq-run-queue-recursion    the end of a request runs the queue at once; in the softirq, so never inside the request_fn of a disk
 *   dm-put-frees-in-irq       an I/O in flight may hold the last reference on its device
 *   kdmflush-destroys-itself  and so may a flush
 *   flush-requeue-spin        a flush that a target wants back is made again at once
 *   io-freed-after-endio      bugs/io-freed-after-endio.ts
 *   null-map-window-in-swap   seed-000.ts, unbindThenBind
 *   resize-i-mutex-vs-fsync   the size is changed under i_mutex
 *   postsuspend first         SUSPENDED is set after the targets' postsuspend
 *
 * docs/ARCHITECTURE.md says what is not in it, and why.
 */
import { blkRequeueRequest } from '../block/elevator.ts';
import type { Request } from '../block/request.ts';
import { blkRunQueue, type RequestQueue } from '../block/request-queue.ts';
import { dmPut } from '../core/ioctl.ts';
import type { MappedDevice } from '../core/mapped-device.ts';
import { type Kernel, resolved } from '../machine/kernel.ts';
import { spinLockIrq, spinUnlockIrq } from '../shared/spinlock.ts';

/** Seam runQueue: here and now. */
export const runQueueAtOnce = (q: RequestQueue): Kernel<void> => blkRunQueue(q);

/** Seam putInFlight: the last one takes the device apart, in whatever context. */
export const putPerhapsLast = (md: MappedDevice): Kernel<void> => dmPut(md);

/** Seam awaitInFlight: nobody waits. */
export const awaitNobody = (): Kernel<void> => resolved(undefined);

/** Seam requeueFlush: the queue is run as if the flush had ended. */
export function* requeueFlushAndRun(q: RequestQueue, flush: Request): Kernel<void> {
  yield* spinLockIrq(q.queueLock, HERE);
  yield* blkRequeueRequest(q, flush);
  yield* spinUnlockIrq(q.queueLock, HERE);
  yield* blkRunQueue(q);
}
