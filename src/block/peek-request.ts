/**
 * What the driver gets next.
 *
 * Models blk_peek_request and __elv_next_request of blk-core.c (2.6.33). queue_lock is held.
 */
import { EIO } from '../machine/errno.ts';
import type { Kernel } from '../machine/kernel.ts';
import { blkStartRequest } from './elevator.ts';
import { __blkEndRequestAll } from './end-request.ts';
import { blkDoOrdered, type Ordered } from './ordered.ts';
import { REQ_DONTPREP, REQ_STARTED, Request } from './request.ts';
import { BLKPREP_DEFER, BLKPREP_KILL, driverOf, type RequestQueue } from './request-queue.ts';

/** What the driver may get of the request at the head: a seam of core/seams.ts. */
type DoOrdered = (q: RequestQueue, rq: Request) => Kernel<Ordered>;
let doOrdered: DoOrdered = blkDoOrdered;

/** Installs it for the next machine of this thread. */
export function bindDoOrdered(chosen: DoOrdered): void {
  doOrdered = chosen;
}

/** The request at the head whose turn it is, or null. */
function* elvNextRequest(q: RequestQueue): Kernel<Request | null> {
  while (q.first !== 0) {
    const { rq, again } = yield* doOrdered(q, Request.at(q.first));
    if (!again) return rq;
  }
  return null;
}

/** The request that the driver may start now, prepared, or null. It stays at the head until it is started. */
export function* blkPeekRequest(q: RequestQueue): Kernel<Request | null> {
  const prep = driverOf(q).prepRqFn;
  for (;;) {
    const rq = yield* elvNextRequest(q);
    if (rq === null) return null;
    rq.cmdFlags |= REQ_STARTED;
    if ((rq.cmdFlags & REQ_DONTPREP) !== 0 || prep === undefined) return rq;
    const said = yield* prep(q, rq);
    if (said === BLKPREP_DEFER) return null;
    if (said !== BLKPREP_KILL) return rq;
    blkStartRequest(q, rq);
    yield* __blkEndRequestAll(q, rq, -EIO);
  }
}
