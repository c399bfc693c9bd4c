/**
 * A user's file of scenarios: `dmrace explore ./my-scenario.js`, or `./my-scenarios.js#name` when it defines several.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ownNames } from '../scenarios/own/define.ts';
import { UsageError } from './usage.ts';

const FILE = /^(.+\.m?js)(?:#(.+))?$/;

/** A scenario in a file. */
export interface OwnScenario {
  /** Where workers load it from. */
  readonly file: string;
  readonly scenario: string;
}

/** The scenario that the user means, its file loaded; null when the name is not one of a file. */
export async function loadOwn(name: string): Promise<OwnScenario | null> {
  const match = FILE.exec(name);
  if (match === null) return null;
  const [, path = '', wanted] = match;
  if (!existsSync(path)) throw new UsageError(`There is no file '${path}'.`);
  const file = pathToFileURL(resolve(path)).href;
  const before = ownNames();
  await loadFile(file);
  const defined = ownNames().filter((each) => !before.includes(each));
  if (defined.length === 0)
    throw new UsageError(
      `'${path}' defines no scenario: it must call defineScenario of the dmrace that runs this command.`,
    );
  const scenario = wanted ?? (defined.length === 1 ? defined[0] : undefined);
  if (scenario === undefined)
    throw new UsageError(`'${path}' defines ${defined.join(', ')}; name one of them as ${path}#${defined[0]}.`);
  if (!defined.includes(scenario))
    throw new UsageError(`'${path}' defines no scenario '${scenario}'; it defines ${defined.join(', ')}.`);
  return { file, scenario };
}

/** Loads a file, in any thread. Its own mistakes are the user's. */
export async function loadFile(file: string): Promise<void> {
  try {
    await import(file);
  } catch (error) {
    throw new UsageError(`${file} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`);
  }
}
