/**
 * Who called, in terms of the source: for places that have no HERE. Captures a stack, so only for what is about to be reported.
 */
import { existsSync, readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { posix } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = new URL('../../../', import.meta.url).href;
/** What lies between a plain word and the code that uses it, seen from ROOT: others may have folders with these names. */
const PLUMBING =
  /^(?:dist\/)?src\/(?:explore\/|(?:shared\/(?:plain-access|struct-views|sleepers)|block\/bio-list)\.[jt]s$)/;

const maps = new Map<string, SourceMap | null>();

function mapOf(file: string): SourceMap | null {
  let map = maps.get(file);
  if (map === undefined) {
    const path = `${fileURLToPath(file)}.map`;
    map = existsSync(path) ? new SourceMap(JSON.parse(readFileSync(path, 'utf8')) as SourceMapPayload) : null;
    maps.set(file, map);
  }
  return map;
}

/** `mergePushback (core/suspend.ts:120)`: the innermost kernel function on the stack. */
export function callerOf(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 30;
  const stack = new Error().stack ?? '';
  Error.stackTraceLimit = limit;
  for (const line of stack.split('\n')) {
    const frame = /^ +at (?:(?:async )?(\S+) )?\(?((?:file:|\/)\S+?):(\d+):(\d+)\)?$/.exec(line);
    if (frame === null) continue;
    const [, name = 'anonymous', place = '', row = '0', column = '0'] = frame;
    const file = place.startsWith('/') ? pathToFileURL(place).href : place;
    if (PLUMBING.test(file.replace(ROOT, ''))) continue;
    return `${name.replace(/\.next$/, '')} (${sourceOf(file, Number(row), Number(column))})`;
  }
  return 'unknown place';
}

/** With --enable-source-maps the stack names the source already. */
function sourceOf(file: string, row: number, column: number): string {
  if (file.endsWith('.ts')) return `${file.replace(ROOT, '').replace(/^src\//, '')}:${row}`;
  const entry = mapOf(file)?.findEntry(row - 1, column - 1);
  if (entry === undefined || !('originalSource' in entry)) return `${file.replace(ROOT, '')}:${row}`;
  const path = posix.join(posix.dirname(file.replace(ROOT, '')), entry.originalSource);
  return `${path.replace(/^(?:\.\.\/)*(?:src\/)?/, '')}:${entry.originalLine + 1}`;
}
