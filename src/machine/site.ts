/**
 * Sites: static numbers for file, line and function.
 *
 * Kernel code writes `HERE` as the last argument of every lock and word operation; the build replaces the k-th `HERE` of
 * the tree by its number and writes the table to dist/sites.json (scripts/sites.mjs). No stack is captured on a running path.
 */
import { readFileSync } from 'node:fs';

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
  return row === undefined ? UNKNOWN : { file: row[0], line: row[1], func: row[2] };
}

/** `dmSuspend (core/suspend.ts:120)`: how findings and traces print a site. */
export function siteText(site: Site): string {
  const place = placeOf(site);
  return place.line === 0 ? 'unknown place' : `${place.func} (${place.file.replace(/^src\//, '')}:${place.line})`;
}
