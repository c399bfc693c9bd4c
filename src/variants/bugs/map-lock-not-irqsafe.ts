/**
 * A table is bound with interrupts on.
 *
 *   CPU0 dmSwapTable                      CPU0 an interrupt
 *   takes map_lock for writing
 *                                         ends a request: takes queue_lock, asks request_fn,
 *                                         which spins on map_lock for ever
 *
 * The queue of a suspended device is not run, so it takes the validator to see it, as it did then.
 */
import type { MappedDevice } from '../../core/mapped-device.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { writeLock, writeUnlock } from '../../shared/rwlock.ts';
import type { Bug } from '../bug.ts';

function* setMap(md: MappedDevice, table: number): Kernel<void> {
  yield* writeLock(md.mapLock, HERE);
  md.map = table;
  yield* writeUnlock(md.mapLock, HERE);
}

export const mapLockNotIrqsafe: Bug = {
  id: 'map-lock-not-irqsafe',
  title: 'A table is bound with interrupts on, and request_fn reads it in interrupts',
  commit: '523d9297d43c',
  seed: '002',
  preset: 'unified',
  swaps: { setMap },
  scenario: 'rq-last-write',
  suite: null,
  model: { kind: 'irq-unsafe', invariants: ['I17'] },
  real: null,
};
