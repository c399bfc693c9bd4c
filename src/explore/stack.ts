/**
 * Who called, in terms of the source: for places that have no HERE. Captures a stack, so only for what is about to be reported.
 */
import { existsSync, readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { posix } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** What lies between a plain word and the kernel code that uses it. */
const PLUMBING = /\/(explore\/|(?:shared\/(?:plain-access|struct-views)|block\/bio-list)\.[jt]s$)/;
const ROOT = new URL('../../../', import.meta.url).href;

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
    const [, name = 'anonymous', file = '', row = '0', column = '0'] = frame;
    if (PLUMBING.test(file)) continue;
    return `${name.replace(/\.next$/, '')} (${sourceOf(file, Number(row), Number(column))})`;
  }
  return 'unknown place';
}

/** With --enable-source-maps the stack names the source already, and as a path. */
function sourceOf(place: string, row: number, column: number): string {
  const file = place.startsWith('/') ? pathToFileURL(place).href : place;
  if (file.endsWith('.ts')) return `${file.slice(file.lastIndexOf('/src/') + 5)}:${row}`;
  const entry = mapOf(file)?.findEntry(row - 1, column - 1);
  if (entry === undefined || !('originalSource' in entry)) return `${file.replace(ROOT, '')}:${row}`;
  const path = posix.join(posix.dirname(file.replace(ROOT, '')), entry.originalSource);
  return `${path.replace(/^(?:\.\.\/)*(?:src\/)?/, '')}:${entry.originalLine + 1}`;
}
