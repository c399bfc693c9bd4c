/**
 * The old table is taken away before the new one is put in its place.
 *
 *   CPU0 dmsetup table                    CPU1 the resume that replaces the table
 *                                         md->map := 0
 *   the device has no table
 *                                         md->map := the new table
 */
import type { Bug } from '../bug.ts';
import { unbindThenBind } from '../seed-000.ts';

export const nullMapWindowInSwap: Bug = {
  id: 'null-map-window-in-swap',
  title: 'A device has no table for a moment while one replaces another',
  commit: 'a794015597a2',
  seed: '000',
  preset: 'unified',
  swaps: { replaceTable: unbindThenBind },
  scenario: 'swap-table',
  suite: null,
  model: { kind: 'assertion', invariants: [''] },
  real: null,
};
