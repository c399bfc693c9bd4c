/**
 * A file that a command was asked for, when what goes into it is known.
 */
import { writeFileSync } from 'node:fs';
import { MachineFailure } from '../actors/machine.ts';

/** That it can be written was checked before the run (usage.ts: checkFile); a disk may be full by now. */
export function writeAskedFile(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new MachineFailure(`${file} cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
}
