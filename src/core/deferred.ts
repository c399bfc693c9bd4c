/**
 * kdmflush: maps what was deferred, oldest first, one by one.
 *
 * Models dm_wq_work and dm_queue_flush (2.6.33).
 */
import { BIO_RW_BARRIER } from '../block/bio.ts';
import { genericMakeRequest } from '../block/submit.ts';
import { defineWorker, queueWork, Work, Workqueue, workFunctions } from '../irq/workqueue.ts';
import { EV_BLOCK_CLEAR, EV_DISPATCH, emit, listening } from '../machine/events.ts';
import type { Kernel } from '../machine/kernel.ts';
import { downWrite, upWrite } from '../shared/rw-semaphore.ts';
import { spinLockIrq, spinUnlockIrq } from '../shared/spinlock.ts';
import {
  DM_TYPE_REQUEST_BASED,
  DMF_BLOCK_IO_FOR_SUSPEND,
  DMF_QUEUE_IO_TO_THREAD,
  MappedDevice,
} from './mapped-device.ts';
import { seams } from './seams.ts';
import { splitAndProcess } from './submit.ts';

/** The thread of a mapped device. */
export const KDMFLUSH = defineWorker('kdmflush');

/** Dispatches deferred bios until there are none, the device is being suspended, or a noflush suspend has them come back. */
export const DM_WQ_WORK = workFunctions.define('dm_wq_work', function* dmWqWork(handle): Kernel<void> {
  const md = MappedDevice.at(handle);
  let begun = false;
  yield* downWrite(md.ioLock, HERE);
  while (((yield* md.flags.read(HERE)) & DMF_BLOCK_IO_FOR_SUSPEND) === 0) {
    yield* spinLockIrq(md.deferredLock, HERE);
    // Only with 2.6.33's way of pushing back: what has just come back would be mapped again and again, until the suspend that
    // takes it back shuts the gate; the suspender may be a task of this very CPU.
    const comesBack = begun && md.pushedAhead > 0;
    const bio = comesBack ? null : md.deferred.pop();
    begun = true;
    if (bio !== null && listening !== 0) emit(EV_DISPATCH, bio.address, md.address, HERE);
    md.pushedAhead = 0;
    yield* spinUnlockIrq(md.deferredLock, HERE);
    if (comesBack) break;
    if (bio === null) {
      // Under io_lock: nobody can queue between the look at the empty list and this.
      yield* md.flags.clear(DMF_QUEUE_IO_TO_THREAD, HERE);
      break;
    }
    yield* upWrite(md.ioLock, HERE);
    // A request-based device has deferred it before its first table was bound.
    if (md.type === DM_TYPE_REQUEST_BASED) yield* genericMakeRequest(bio);
    else if ((bio.bioFlags & BIO_RW_BARRIER) === 0) yield* splitAndProcess(md, bio);
    // It waits on the list until the noflush suspend is over, as above. Who ends the suspend queues this work.
    else if (!(yield* seams.processBarrier(md, bio))) return;
    yield* downWrite(md.ioLock, HERE);
  }
  yield* upWrite(md.ioLock, HERE);
});

/** Seam dispatchDeferred: I/O may flow again; the thread maps what waits. Returns before it has. */
export function* dmQueueFlush(md: MappedDevice): Kernel<void> {
  yield* md.flags.clear(DMF_BLOCK_IO_FOR_SUSPEND, HERE);
  if (listening !== 0) emit(EV_BLOCK_CLEAR, md.address, 0, HERE);
  yield* queueWork(Workqueue.at(md.wq), Work.at(md.work), HERE);
}
