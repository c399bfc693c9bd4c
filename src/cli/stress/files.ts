/**
 * The files of a finding: what a stress run leaves behind in its folder.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FindingReport } from '../../machine/machine.ts';
import type { StressSettings } from './order.ts';

/** Writes a finding with all that is known of it; gives the file's path. */
export function writeFinding(
  settings: StressSettings,
  scenario: string,
  finding: FindingReport,
  explore: string,
): string {
  mkdirSync(settings.out, { recursive: true });
  const file = join(settings.out, `${scenario}.json`);
  writeFileSync(file, `${JSON.stringify({ scenario, settings, explore, ...finding }, null, 2)}\n`);
  return file;
}
