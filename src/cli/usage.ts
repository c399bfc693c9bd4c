/**
 * What a user may write on the command line, and what is said when it is something else: the value, why, what is allowed.
 */
import { closeSync, existsSync, mkdirSync, openSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { SEED_MAX } from '../scenarios/registry.ts';

/** The user's mistake: one sentence, exit 2, nothing has been started. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

export const EXIT_HELD = 0;
export const EXIT_FINDING = 1;
export const EXIT_USAGE = 2;
export const EXIT_BROKEN = 3;
export const EXIT_INTERRUPTED = 130;

export const CPUS_MAX = 16;

/** A parser for whole numbers from `least` to `most`; `unit` is what they count, or ''. */
export function wholeNumber(least: number, most: number, unit: string): (text: string) => number {
  const [of, units] = unit === '' ? ['', ''] : [` of ${unit}`, ` ${unit}`];
  return (text) => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value))
      throw new InvalidArgumentError(`It must be a whole number${of}.`);
    if (value < least || value > most) throw new InvalidArgumentError(`It must be ${least} to ${most}${units}.`);
    return value;
  };
}

/** A parser for seeds. */
export function seedNumber(text: string): number {
  return wholeNumber(0, SEED_MAX, '')(text);
}

/** A parser for a positive number of seconds, which may have a fraction. */
export function seconds(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || !(value > 0))
    throw new InvalidArgumentError('It must be a number of seconds above 0.');
  if (value > 86_400) throw new InvalidArgumentError('It must be at most 86400 seconds, which is one day.');
  return value;
}

/** The same, or 0. */
export function secondsOrNone(text: string): number {
  if (/^0+(\.0+)?$/.test(text)) return 0;
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('It must be a number of seconds, or 0.');
  return seconds(text);
}

/** Where findings and logs go unless said otherwise. */
export const DEFAULT_OUT = 'dmrace-out';

/** Checks that each name is one of those that exist. */
export function checkNames(names: readonly string[], allowed: readonly string[], what: string): void {
  for (const name of names)
    if (!allowed.includes(name))
      throw new UsageError(
        `There is no ${what} '${name}'; there ${allowed.length === 1 ? 'is' : 'are'} ${allowed.join(', ')}.`,
      );
}

/** Gives the folders that it made, the inner ones first. Part by part: mkdirSync's recursive mode never returns where a parent that exists refuses with ENOENT, as /proc does. */
function makeFolder(folder: string): string[] {
  if (existsSync(folder)) return [];
  const made = makeFolder(dirname(folder));
  mkdirSync(folder);
  return [folder, ...made];
}

/** Makes sure that a file can be written; what was not there before is not there afterwards. */
export function checkFile(option: string, file: string): void {
  try {
    const isNew = !existsSync(file);
    closeSync(openSync(file, 'a'));
    if (isNew) rmSync(file);
  } catch (error) {
    throw new UsageError(`${option} '${file}' cannot be written to (${errorCode(error)}); name a file that can.`);
  }
}

const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error);

/** Makes sure that files can be written to a folder; what was not there before is not there afterwards. */
export function checkWritable(folder: string): void {
  try {
    const made = makeFolder(folder);
    const probe = join(folder, '.writable');
    writeFileSync(probe, '');
    rmSync(probe);
    for (const each of made) rmdirSync(each);
  } catch (error) {
    throw new UsageError(`--out '${folder}' cannot be written to (${errorCode(error)}); name a folder that can.`);
  }
}
