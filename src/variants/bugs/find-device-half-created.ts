/**
 * A command finds a device that has a number and no name yet, says that there is none, and keeps its reference.
 *
 *   CPU0 dmsetup create                   CPU1 dmsetup status
 *   the device has its number
 *                                         finds it: a reference; it has no name: ENXIO
 *   the device has its name
 *   …
 *   dmsetup remove: not the last put, the device stays for ever
 */
import { resolved } from '../../machine/kernel.ts';
import type { Bug } from '../bug.ts';

export const findDeviceHalfCreated: Bug = {
  id: 'find-device-half-created',
  title: 'The reference on a device that has no name yet is never given up',
  commit: 'bfc5ecdf48b5',
  seed: '000',
  preset: 'unified',
  swaps: { putNameless: () => resolved(undefined) },
  scenario: 'create-status',
  suite: null,
  model: { kind: 'leak', invariants: ['I29'] },
  real: null,
};
