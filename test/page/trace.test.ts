/**
 * A trace in viewers that are not ours. speedscope reads the tasks, interrupts, waits and suspend phases of the Trace Event format, and says
 * on its console which of them cross; chrome://tracing reads all of it, and says what begins without an end.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import type { TraceEvent } from '../../src/profile/trace-event.ts';
import { addTo } from '../../src/shared/counts.ts';
import { inBrowser, visit } from '../support/browser.ts';
import { runCli } from '../support/cli.ts';
import { testFolder } from '../support/folder.ts';
import { inTraceViewer, viewTrace } from '../support/trace-viewer.ts';

const VIEWER = join(createRequire(import.meta.url).resolve('speedscope/package.json'), '../dist/release/index.html');

/** What the viewer says when it opens a file, and what it shows then. */
async function opened(file: string): Promise<{ complaints: string[]; title: string; shown: string }> {
  const { page, complaints } = await visit(VIEWER);
  await page.setInputFiles('input[type=file]', file);
  await page.waitForFunction("document.title.includes(' - speedscope')");
  const shown = await page.locator('body').innerText();
  // What a machine without a graphics card says of it.
  return { complaints: complaints.filter((each) => !each.includes('GL Driver')), title: await page.title(), shown };
}

const eventsOf = (file: string): readonly TraceEvent[] =>
  (JSON.parse(readFileSync(file, 'utf8')) as { traceEvents: TraceEvent[] }).traceEvents;

async function traced(t: Test): Promise<string> {
  const folder = testFolder(t);
  const args = ['profile', 'noflush-pushback', '--seconds', '1', '--seed', '3', '--cpus', '2', '--trace', 'trace.json'];
  const { code, stderr } = await runCli(args, folder);
  t.equal(code, 0, stderr);
  return join(folder, 'trace.json');
}

test(
  'speedscope opens a trace, finds a thread of each CPU, and has nothing to complain about',
  inBrowser,
  async (t) => {
    const file = await traced(t);
    const traceEvents = eventsOf(file);
    const threads = new Set(traceEvents.filter(({ ph }) => ph === 'X').map(({ pid, tid }) => `${pid}/${tid}`));
    t.ok(threads.has('3/1'), 'the interrupt actor runs too');
    const { complaints, title, shown } = await opened(file);
    t.strictSame(complaints, []);
    t.match(title, /trace\.json/);
    t.match(shown, new RegExp(`CPU 0 \\(pid 1\\), tasks and interrupts \\(tid 1\\) \\(1/${threads.size}\\)`));

    const last = traceEvents.findLast(({ ph }) => ph === 'X') as TraceEvent;
    const crossing = [
      { ...last, dur: 2 },
      { ...last, name: 'crosses', ts: last.ts + 1, dur: 2 },
    ];
    writeFileSync(file, JSON.stringify({ traceEvents: [...traceEvents.filter((each) => each !== last), ...crossing] }));
    t.not((await opened(file)).complaints.length, 0, 'it would have complained');
  },
);

/** How many events of these phases each process has. */
function countsOf(events: readonly TraceEvent[], phase: string): Record<string, number> {
  const counts = new Map<number, number>();
  for (const { ph, pid } of events) if (ph === phase) addTo(counts, pid);
  const names = events.filter(({ name }) => name === 'process_name');
  return Object.fromEntries(names.map(({ pid, args }) => [args?.['name'], counts.get(pid) ?? 0]));
}

test(
  'chrome://tracing opens a trace with all its slices, holds, counters and arrows, and has nothing to complain about',
  inTraceViewer,
  async (t) => {
    const file = await traced(t);
    const events = eventsOf(file);
    const { warnings, arrows, processes } = await viewTrace(file);
    t.strictSame(warnings, []);
    const by = <T>(what: (process: (typeof processes)[number]) => T): Record<string, T> =>
      Object.fromEntries(processes.map((process) => [process.name, what(process)]));
    t.strictSame(
      by(({ slices }) => slices),
      countsOf(events, 'X'),
    );
    t.strictSame(
      by(({ asyncSlices }) => asyncSlices),
      countsOf(events, 'b'),
    );
    t.equal(arrows, events.filter(({ ph }) => ph === 't' || ph === 'f').length);
    t.ok(arrows > 0);
    const counters = Object.assign({}, ...processes.map((process) => process.counters)) as Record<string, number>;
    for (const counter of ['pending', 'deferred', 'pushback'])
      t.ok((counters[`device 0: ${counter}`] ?? 0) > 0, `it has the counter ${counter}`);

    const hold = events.find(({ ph }) => ph === 'e');
    writeFileSync(file, JSON.stringify({ traceEvents: events.filter((each) => each !== hold) }));
    t.match((await viewTrace(file)).warnings, [/BEGIN event .* was unmatched/], 'it would have complained');
  },
);
