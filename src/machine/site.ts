/**
 * Sites: static numbers for file, line and function.
 *
 * Kernel code writes `HERE` as the last argument of every lock and word operation; the build replaces the k-th `HERE` of
 * the tree by its number and writes the table to dist/sites.json (scripts/sites.mjs). No stack is captured on a running path.
 */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A number that stands for a place in the source; 0 is an unknown place. */
export type Site = number;

declare global {
  /** The site of this very token; the build puts the number in. */
  const HERE: Site;
}

export interface SitePlace {
  readonly file: string;
  readonly line: number;
  readonly func: string;
}

const UNKNOWN: SitePlace = { file: '?', line: 0, func: '?' };
let table: readonly [string, number, string][] | undefined;

function sites(): readonly [string, number, string][] {
  if (table === undefined) {
    const text = readFileSync(new URL('../../sites.json', import.meta.url), 'utf8');
    table = (JSON.parse(text) as { sites: [string, number, string][] }).sites;
  }
  return table;
}

/** The first and the last site of a function; they follow each other. Throws when there is none. */
export function sitesOf(file: string, func: string): { readonly firstSite: Site; readonly lastSite: Site } {
  const numbers = [...sites().entries()].filter(([, row]) => row[0] === file && row[2] === func).map(([site]) => site);
  const [first] = numbers;
  const last = numbers.at(-1);
  if (first === undefined || last === undefined) throw new Error(`${file} has no sites in a function ${func}`);
  return { firstSite: first, lastSite: last };
}

/** File, line and function of a site; unknown numbers give `?`. Reads dist/sites.json once. */
export function placeOf(site: Site): SitePlace {
  const row = sites()[site];
  if (row === undefined) return derived[site - sites().length] ?? UNKNOWN;
  return { file: row[0], line: row[1], func: row[2] };
}

// ---- Places in code that this build does not number: a user's own. ----

const derived: SitePlace[] = [];
let deriving = false;

/** Whether `here` looks at the stack: for the one run that is made again to say where everybody stood. */
export function deriveSites(on: boolean): void {
  deriving = on;
}

/**
 * The place of the caller, in code outside this package; 0 unless places are asked for. So a search pays one comparison an
 * operation, and its finding, which is made again from what it chose, says file, line and function.
 */
export function here(): Site {
  return deriving ? derive() : 0;
}

/** A place with a name of one's own: one number for all its calls, and no stack is looked at. */
export function named(name: string): Site {
  return numberOf({ file: '', line: 0, func: name });
}

const OURS = new URL('..', import.meta.url).href;

function derive(): Site {
  const { prepareStackTrace, stackTraceLimit } = Error;
  let frames: NodeJS.CallSite[] = [];
  Error.stackTraceLimit = 50;
  Error.prepareStackTrace = (_error, sites) => {
    frames = sites;
    return '';
  };
  // Reading it is what makes it.
  void new Error('place').stack;
  Error.prepareStackTrace = prepareStackTrace;
  Error.stackTraceLimit = stackTraceLimit;
  for (const frame of frames) {
    const file = frame.getFileName() ?? '';
    if (!file.startsWith('file:') || file.startsWith(OURS)) continue;
    const func = (frame.getFunctionName() ?? '').replace(/^.*\./, '');
    return numberOf({ file: relative(process.cwd(), fileURLToPath(file)), line: frame.getLineNumber() ?? 0, func });
  }
  return 0;
}

function numberOf(place: SitePlace): Site {
  const { file, line, func } = place;
  const known = derived.findIndex((each) => each.file === file && each.line === line && each.func === func);
  return sites().length + (known >= 0 ? known : derived.push(place) - 1);
}

/** `dmSuspend (core/suspend.ts:120)`: how findings and traces print a site. */
export function siteText(site: Site): string {
  const place = placeOf(site);
  if (place.line === 0) return place === UNKNOWN ? 'unknown place' : place.func;
  const file = site < sites().length ? place.file.replace(/^src\//, '') : place.file;
  return place.func === '' ? `${file}:${place.line}` : `${place.func} (${file}:${place.line})`;
}
