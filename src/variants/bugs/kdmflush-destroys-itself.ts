/**
 * A flush may hold the last reference on its device.
 *
 *   CPU0 kdmflush                         CPU1 who waited for the barrier
 *   ends the flush, and so the barrier
 *                                         closes the device and removes it
 *   gives up the last reference: destroys the work
 *   queue, which waits for its thread: this one
 *
 * The disk ends the flush in kdmflush itself, so no interrupt has a reference (dm-put-frees-in-irq).
 */
import type { Bug } from '../bug.ts';
import { awaitNobody, putPerhapsLast } from '../seed-002.ts';

export const kdmflushDestroysItself: Bug = {
  id: 'kdmflush-destroys-itself',
  title: 'A device is taken apart by its own kdmflush, which waits for itself',
  commit: '3f77316de0ec',
  seed: '002',
  preset: 'unified',
  swaps: { putInFlight: putPerhapsLast, awaitInFlight: awaitNobody },
  scenario: 'rq-remove-after-barrier',
  suite: null,
  model: { kind: 'self-deadlock', invariants: ['I48'] },
  real: null,
};
