/**
 * A table is destroyed when the last one who uses it is done, which may be after the resume that has replaced it.
 *
 *   CPU0 a message                        CPU1 the resume that replaces the table
 *   dm_get_table: a reference
 *                                         the old table is unbound, its reference given up: not the last
 *                                         returns 0; the disk below the old table is still open
 *   gives up the last one
 */
import type { Bug } from '../bug.ts';
import { countedTables } from '../table-references.ts';

export const tableLastPutAnywhere: Bug = {
  id: 'table-last-put-anywhere',
  title: 'A table outlives the command that has replaced it, and keeps its devices open',
  commit: 'd58168763f74',
  seed: '000',
  preset: '2.6.20',
  swaps: countedTables,
  scenario: 'swap-table',
  suite: null,
  model: { kind: 'leak', invariants: [''] },
  real: null,
};
