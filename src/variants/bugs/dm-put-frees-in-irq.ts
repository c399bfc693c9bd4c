/**
 * A request in flight may hold the last reference on its device.
 *
 *   CPU0 softirq                          CPU1 who waited for the I/O
 *   ends the last bio of the last request
 *                                         closes the device and removes it
 *   the request has ended: gives up the last
 *   reference, and takes the device apart, which sleeps
 */
import type { Bug } from '../bug.ts';
import { awaitNobody, putPerhapsLast } from '../seed-002.ts';

export const dmPutFreesInIrq: Bug = {
  id: 'dm-put-frees-in-irq',
  title: 'A device is taken apart by the softirq that ends its last request',
  commit: '3f77316de0ec',
  seed: '002',
  preset: 'unified',
  swaps: { putInFlight: putPerhapsLast, awaitInFlight: awaitNobody },
  scenario: 'rq-last-write',
  suite: null,
  model: { kind: 'sleep-in-atomic', invariants: ['I18'], or: { kind: 'irq-unsafe', invariants: ['I17'] } },
  real: null,
};
