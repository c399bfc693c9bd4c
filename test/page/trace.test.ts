/**
 * A trace in a viewer that is not ours: speedscope reads the tasks, interrupts, waits and suspend phases of the Trace Event format, and says
 * on its console which of them cross.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import type { TraceEvent } from '../../src/profile/trace-event.ts';
import { inBrowser, visit } from '../support/browser.ts';
import { runCli } from '../support/cli.ts';
import { testFolder } from '../support/folder.ts';

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
    const { traceEvents } = JSON.parse(readFileSync(file, 'utf8')) as { traceEvents: TraceEvent[] };
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
