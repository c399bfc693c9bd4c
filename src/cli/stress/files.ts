/**
 * The files of a finding: what a stress run leaves behind in its folder.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MachineFailure } from '../../actors/machine.ts';
import type { FindingReport } from '../../machine/machine.ts';
import type { StressSettings } from './order.ts';

/** The file of what is found in a round; `what` tells several findings apart. */
export function findingFile(settings: StressSettings, scenario: string, what = ''): string {
  return join(settings.out, `${scenario}${what}.json`);
}

/** Writes a finding with all that is known of it. */
export function writeFinding(
  settings: StressSettings,
  scenario: string,
  finding: FindingReport,
  explore: string,
  file: string,
): void {
  try {
    mkdirSync(settings.out, { recursive: true });
    writeFileSync(file, `${JSON.stringify({ scenario, settings, explore, ...finding }, null, 2)}\n`);
  } catch (error) {
    throw new MachineFailure(`the finding cannot be written to ${file}: ${errorText(error)}`);
  }
}

const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));
