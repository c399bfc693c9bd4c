/**
 * The query for NOFLUSH takes a reference on the device and puts it, also when there is none left to take.
 *
 * In one task, so every order shows it:
 *
 *   dm_put: the last reference; FREEING
 *     presuspend of the targets: is a noflush suspend under way?
 *       dm_get on 0 references; dm_put of what would be the last one once more
 */
import type { Bug } from '../bug.ts';
import { noflushSuspendingWithReference } from '../seed-000.ts';

export const noflushQueryPutsMd: Bug = {
  id: 'noflush-query-puts-md',
  title: 'The query for NOFLUSH takes and puts a reference on a device that is taken apart',
  commit: 'ecdb2e257abc',
  seed: '000',
  preset: 'unified',
  swaps: { noflushSuspending: noflushSuspendingWithReference },
  scenario: 'remove-asking',
  suite: null,
  model: { kind: 'use-after-free', invariants: ['I15'] },
  real: null,
};
