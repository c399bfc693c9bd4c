/**
 * The viewer of chrome://tracing by itself, in a page of its own: Debian has it in the sources of Go, whose `go tool trace` shows traces with it.
 * TRACE_VIEWER names another folder with the two files. Where there is none its tests are skipped and say so, but not in CI: there they fail.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inBrowser, newPage } from './browser.ts';

const VIEWER = 'trace_viewer_full.html';
const POLYFILL = 'webcomponents.min.js';
const GO = '/usr/share';
const INSIDE = ['src/cmd/trace/static', 'src/internal/trace/traceviewer/static'];

function findViewer(): string | undefined {
  const asked = process.env['TRACE_VIEWER'];
  if (asked !== undefined && asked !== '') return asked;
  const versions = existsSync(GO) ? readdirSync(GO).filter((name) => /^go-\d/.test(name)) : [];
  const folders = versions.flatMap((name) => INSIDE.map((inside) => join(GO, name, inside)));
  return folders.find((folder) => existsSync(join(folder, VIEWER)));
}

const folder = findViewer();
const MISSING = 'there is no trace viewer: apt-get install golang-src, or name its folder in TRACE_VIEWER';

/** For `test(name, inTraceViewer, …)`. */
export const inTraceViewer =
  'skip' in inBrowser || folder !== undefined || (process.env['CI'] ?? '') !== '' ? inBrowser : { skip: MISSING };

/** What the viewer has read from a file. */
export interface ViewedTrace {
  readonly warnings: readonly string[];
  /** Arrows from one point to the next. */
  readonly arrows: number;
  readonly processes: readonly {
    readonly name: string;
    readonly slices: number;
    readonly asyncSlices: number;
    /** Values of each counter. */
    readonly counters: Readonly<Record<string, number>>;
  }[];
}

const PAGE = `<!doctype html>
<script src="/${POLYFILL}"></script>
<link rel="import" href="/${VIEWER}">
<script>document.addEventListener('WebComponentsReady', () => { globalThis.isReady = true; });</script>`;

/** Nobody serves it: what the page asks for is answered here. */
const ORIGIN = 'http://trace-viewer.invalid';

/** Opens a trace as chrome://tracing does when a file is dropped on it. */
export async function viewTrace(file: string): Promise<ViewedTrace> {
  if (folder === undefined) throw new Error(MISSING);
  const page = await newPage();
  await page.route('**', async (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname === '/') await route.fulfill({ contentType: 'text/html', body: PAGE });
    else await route.fulfill({ path: join(folder, pathname) });
  });
  await page.goto(ORIGIN);
  await page.waitForFunction('globalThis.isReady === true');
  return page.evaluate(
    async (text) => {
      const { tr } = globalThis as unknown as { tr: TraceViewer };
      const model = new tr.Model();
      await new tr.importer.Import(model).importTracesWithProgressDialog([text]);
      return {
        warnings: model.importWarnings.map(({ message }) => message),
        arrows: model.flowEvents.length,
        processes: model.getAllProcesses().map(({ name, threads, counters }) => {
          const groups = Object.values(threads);
          return {
            name,
            slices: groups.reduce((sum, { sliceGroup }) => sum + sliceGroup.length, 0),
            asyncSlices: groups.reduce((sum, { asyncSliceGroup }) => sum + asyncSliceGroup.length, 0),
            counters: Object.fromEntries(Object.values(counters).map((counter) => [counter.name, counter.numSamples])),
          };
        }),
      };
    },
    readFileSync(file, 'utf8'),
  );
}

/** As much of the viewer's own types as is used. */
interface TraceViewer {
  readonly Model: new () => Model;
  readonly importer: {
    readonly Import: new (model: Model) => { importTracesWithProgressDialog(of: string[]): Promise<void> };
  };
}
interface Model {
  readonly importWarnings: readonly { readonly message: string }[];
  readonly flowEvents: { readonly length: number };
  getAllProcesses(): readonly {
    readonly name: string;
    readonly threads: Readonly<Record<string, { readonly sliceGroup: Group; readonly asyncSliceGroup: Group }>>;
    readonly counters: Readonly<Record<string, { readonly name: string; readonly numSamples: number }>>;
  }[];
}
interface Group {
  readonly length: number;
}
