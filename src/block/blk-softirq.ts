/**
 * The BLOCK softirq: ends what an interrupt left for the way out, on the CPU that took the interrupt.
 *
 * Models blk-softirq.c, on the completing CPU alone: nothing is sent to the submitter's. Each CPU has two lists, its own to
 * change with interrupts off: completed requests, linked through `completeNext`, and alarms of disks without a request queue.
 *
 * request.complete: 0 under way, 1 completed. Set by blkCompleteRequest (test-and-set: the list has one link a request, so a
 * second completion must not put it there again), cleared when the request is requeued.
 */
import { Alarm } from '../irq/alarm.ts';
import { BLOCK_SOFTIRQ, openSoftirq, raiseSoftirq } from '../irq/softirq.ts';
import type { Kernel } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import type { Site } from '../machine/site.ts';
import { memory } from '../shared/memory.ts';
import { cpuBase } from '../shared/per-cpu.ts';
import { CPU_BLK_DONE_HEAD, CPU_BLK_DONE_TAIL, CPU_DONE_HEAD, CPU_DONE_TAIL } from '../shared/per-cpu-layout.ts';
import { Bio, bioEndio } from './bio.ts';
import { Request } from './request.ts';
import { driverOf, RequestQueue } from './request-queue.ts';

/** The request has been served: its queue's softirq_done_fn will run on this CPU, once however often this is called. Any context. */
export function* blkCompleteRequest(rq: Request, site: Site): Kernel<void> {
  if ((yield* rq.complete.exchange(1, site)) !== 0) return;
  const saved = yield* ops.irqOff(site);
  const w = memory.words;
  rq.completeNext = 0;
  const tail = w[cpuBase + CPU_BLK_DONE_TAIL] as number;
  if (tail === 0) w[cpuBase + CPU_BLK_DONE_HEAD] = rq.handle;
  else Request.at(tail).completeNext = rq.handle;
  w[cpuBase + CPU_BLK_DONE_TAIL] = rq.handle;
  if (tail === 0) yield* raiseSoftirq(BLOCK_SOFTIRQ, site);
  yield* ops.irqOn(saved, site);
}

/** The bio of a disk without a request queue has been served. Interrupts are off. */
export function appendDone(alarm: Alarm): void {
  const w = memory.words;
  alarm.next = 0;
  const tail = w[cpuBase + CPU_DONE_TAIL] as number;
  if (tail === 0) w[cpuBase + CPU_DONE_HEAD] = alarm.handle;
  else Alarm.at(tail).next = alarm.handle;
  w[cpuBase + CPU_DONE_TAIL] = alarm.handle;
}

openSoftirq(BLOCK_SOFTIRQ, function* blkDoneSoftirq(): Kernel<void> {
  const w = memory.words;
  const saved = yield* ops.irqOff(HERE);
  const alarms = w[cpuBase + CPU_DONE_HEAD] as number;
  const requests = w[cpuBase + CPU_BLK_DONE_HEAD] as number;
  w[cpuBase + CPU_DONE_HEAD] = 0;
  w[cpuBase + CPU_DONE_TAIL] = 0;
  w[cpuBase + CPU_BLK_DONE_HEAD] = 0;
  w[cpuBase + CPU_BLK_DONE_TAIL] = 0;
  yield* ops.irqOn(saved, HERE);
  yield* endAlarms(alarms);
  yield* endRequests(requests);
});

function* endAlarms(first: number): Kernel<void> {
  for (let handle = first; handle !== 0; ) {
    const alarm = Alarm.at(handle);
    const bio = Bio.at(alarm.arg);
    const result = alarm.result;
    handle = alarm.next;
    Alarm.free(alarm);
    yield* bioEndio(bio, result);
  }
}

function* endRequests(first: number): Kernel<void> {
  for (let handle = first; handle !== 0; ) {
    const rq = Request.at(handle);
    // Before it is ended: it may be another request's memory afterwards.
    handle = rq.completeNext;
    yield* driverOf(RequestQueue.at(rq.queue)).softirqDoneFn(rq);
  }
}
