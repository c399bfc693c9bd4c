/**
 * Events: a counter for each device, and those who wait for it to change.
 *
 * Models dm_table_event, dm_wait_event. Process context only: the mutex sleeps.
 */
import { ERESTARTSYS } from '../machine/errno.ts';
import { EV_TABLE_EVENT, EV_TABLE_UNBIND, emit } from '../machine/events.ts';
import type { Kernel } from '../machine/kernel.ts';
import { atBoot } from '../shared/boot.ts';
import { declareMutex, type Mutex, mutexLock, mutexUnlock } from '../shared/mutex.ts';
import { TASK_INTERRUPTIBLE } from '../shared/task.ts';
import { waitEvent, wakeUpAll } from '../shared/wait-queue.ts';
import type { DmTable } from './dm-table.ts';
import { MappedDevice } from './mapped-device.ts';

/** Guards which tables' events reach their device. */
let eventLock: Mutex;
atBoot('event-lock', () => {
  eventLock = declareMutex('&_event_lock');
});

/** From now on the table's events reach the device, or no longer: after this returns none is under way. */
export function* dmTableBindEvents(table: DmTable, bound: boolean): Kernel<void> {
  yield* mutexLock(eventLock, HERE);
  table.eventsBound = bound ? 1 : 0;
  if (!bound) emit(EV_TABLE_UNBIND, table.address, 0, HERE);
  yield* mutexUnlock(eventLock, HERE);
}

export function* dmTableEvent(table: DmTable): Kernel<void> {
  yield* mutexLock(eventLock, HERE);
  if (table.eventsBound !== 0) {
    const md = MappedDevice.at(table.md);
    yield* md.eventNr.add(1, HERE);
    emit(EV_TABLE_EVENT, table.address, md.address, HERE);
    yield* wakeUpAll(md.eventq, HERE);
  }
  yield* mutexUnlock(eventLock, HERE);
}

/** Waits until the event number differs from `eventNr`; 0 or −ERESTARTSYS. */
export function* dmWaitEvent(md: MappedDevice, eventNr: number): Kernel<number> {
  const result = yield* waitEvent(
    md.eventq,
    function* changed(): Kernel<number> {
      return (yield* md.eventNr.read(HERE)) !== eventNr ? 1 : 0;
    },
    TASK_INTERRUPTIBLE,
    HERE,
  );
  return result === 0 ? 0 : -ERESTARTSYS;
}
