/**
 * Who asks whether a device is congested gives up the last reference on its table, with a spinlock held.
 *
 *   CPU0 pdflush, with inode_lock held    CPU1 the resume that replaces the table
 *   dm_any_congested: a reference
 *                                         the old table is unbound, its reference given up: not the last
 *   gives up the last one: the targets
 *   are destroyed, and multipath's
 *   destructor sleeps
 */
import type { Bug } from '../bug.ts';
import { countedTables } from '../table-references.ts';

export const congestedDestroysTable: Bug = {
  id: 'congested-destroys-table',
  title: 'A table is destroyed by the query for congestion, under the spinlock of who asks',
  commit: '8a57dfc6f943',
  seed: '000',
  preset: '2.6.20',
  swaps: countedTables,
  scenario: 'swap-congested',
  suite: null,
  model: { kind: 'sleep-in-atomic', invariants: ['I18'] },
  real: null,
};
