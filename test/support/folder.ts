/** A folder of a test's own, which goes with it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

export function testFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'dmrace-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
