/**
 * A user's file of scenarios: `dmrace explore ./my-scenario.js`, or `./my-scenarios.js#name` when it defines several.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findOwn, ownNames } from '../scenarios/own/define.ts';
import { findScenario } from '../scenarios/registry.ts';
import { findBug } from '../variants/variants.ts';
import { CPUS_MAX, UsageError } from './usage.ts';

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
  const file = urlOf(path);
  const defined = await namesIn(file);
  if (defined.length === 0)
    throw new UsageError(
      `'${path}' defines no scenario: it must call defineScenario of the dmrace that runs this command.`,
    );
  const scenario = wanted ?? (defined.length === 1 ? defined[0] : undefined);
  if (scenario === undefined)
    throw new UsageError(`'${path}' defines ${defined.join(', ')}; name one of them as ${path}#${defined[0]}.`);
  if (!defined.includes(scenario))
    throw new UsageError(`'${path}' defines no scenario '${scenario}'; it defines ${defined.join(', ')}.`);
  const other = nameOfOther(scenario);
  if (other !== null) throw new UsageError(`'${path}' cannot define ${scenario}: ${other}.`);
  return { file, scenario };
}

/** The URL of a user's file; a scenario may be named behind it, as above. */
export function urlOf(name: string): string {
  const path = FILE.exec(name)?.[1] ?? name;
  if (!existsSync(path)) throw new UsageError(`There is no file '${path}'.`);
  return pathToFileURL(resolve(path)).href;
}

const loaded = new Map<string, readonly string[]>();

/** The scenarios that a file defines. It does so only when it is loaded for the first time. */
async function namesIn(file: string): Promise<readonly string[]> {
  const known = loaded.get(file);
  if (known !== undefined) return known;
  const before = ownNames();
  await loadFile(file);
  const names = ownNames().filter((each) => !before.includes(each));
  loaded.set(file, names);
  return names;
}

/** What else goes by the name of a scenario of one's own, and would be meant by it; null: nothing. */
export function nameOfOther(name: string): string | null {
  if (findBug(name) !== undefined) return `a bug of dmrace is called '${name}'; give the scenario another name`;
  const own = findOwn(name);
  if (own === undefined || findScenario(name, CPUS_MAX) === own) return null;
  return `dmrace has a scenario '${name}'; give this one another name`;
}

/** Loads a file, in any thread. Its own mistakes are the user's. */
export async function loadFile(file: string): Promise<void> {
  try {
    await import(file);
  } catch (error) {
    throw new UsageError(`${file} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`);
  }
}
