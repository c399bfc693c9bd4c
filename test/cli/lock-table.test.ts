/**
 * The lock table, of a real profile: rows are called as /proc/lock_stat calls them, however few are shown.
 */
import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { lockStatTable } from '../../src/cli/profile/text.ts';
import type { ProfileReport } from '../../src/profile/report.ts';

const REPORT = new URL('../../../test/data/profile-report.json', import.meta.url);
const { locks } = JSON.parse(readFileSync(REPORT, 'utf8')) as ProfileReport;

test('a lock that has readers is called -W even where its readers are not among the rows that are shown', async (t) => {
  t.match(locks[0], { class: '&md->io_lock', mode: 'write' }, 'the sample begins with a writer');
  t.match(locks[2], { class: '&md->io_lock', mode: 'read' }, 'whose readers come later');
  const names = (shown?: number): unknown[] => lockStatTable(locks, shown).rows.map(([name]) => name);
  t.strictSame(names(1), ['&md->io_lock-W']);
  t.strictSame(names().slice(0, 3), ['&md->io_lock-W', '&md->deferred_lock', '&md->io_lock-R']);
});
