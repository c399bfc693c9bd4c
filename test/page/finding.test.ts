/**
 * The page of a finding, as a reader uses it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import tap, { test } from 'tap';
import type { PageData, Points, Run, RunContext } from '../../src/page/data.ts';
import {
  accessibilityFaults,
  afterDrawing,
  dataOf,
  drawnAfter,
  inBrowser,
  openPage,
  pageFile,
} from '../support/browser.ts';
import { runCli } from '../support/cli.ts';
import { testFolder } from '../support/folder.ts';

const OUT = testFolder(tap);
const TWO_ORDERS = fileURLToPath(new URL('../../../test/fixtures/two-orders.js', import.meta.url));
const FILE = join(OUT, 'finding.html');
// As it was found: it has many switches.
const BUG = ['--bug', 'nf-check-then-queue-unlocked', '--seed', '1', '--jobs', '1', '--shrink-seconds', '0'];

const explored = await runCli(['explore', ...BUG, '--out', OUT, '--html', FILE], OUT);
const data = dataOf(readFileSync(FILE, 'utf8'));
const run = data.run as Run;

const latest = <T>(points: Points<T>, step: number): T | undefined => points.findLast(([from]) => from <= step)?.[1];

test('the run of a page ends as the finding says: who is where, with which locks', async (t) => {
  t.equal(explored.code, 1);
  const last = run.steps.length - 1;
  const { places } = data.findings[0]?.report ?? { places: [] };
  t.ok(places.length > 1);
  for (const place of places) {
    const context = run.contexts.find(({ name, lane }) => name === place.who && lane === place.cpu) as RunContext;
    t.ok(latest(context.alive, last), place.who);
    t.match(latest(context.waits, last) ?? '', place.waitsFor, `${place.who} waits`);
  }
  for (const [cpu, lane] of run.lanes.entries()) {
    const here = run.contexts.filter((context) => context.lane === cpu && latest(context.alive, last) === true);
    // Words of locks name no readers.
    const held = here
      .flatMap((context) => latest(context.holds, last) ?? [])
      .filter((lock) => !lock.endsWith('(read)'));
    const said = places.filter((place) => place.cpu === cpu).flatMap(({ holds }) => holds);
    t.strictSame(held.sort(), [...new Set(said)].sort(), `${lane} holds`);
  }
  const flags = run.watched.find(({ name }) => name === 'dm0')?.fields.find(({ name }) => name === 'flags');
  const sets = run.steps.findIndex(({ text }) => text.startsWith('set_noflush: set NOFLUSH_SUSPENDING in md->flags'));
  t.notOk(latest(flags?.points ?? [], sets - 1)?.includes('NOFLUSH_SUSPENDING'));
  t.ok(latest(flags?.points ?? [], sets)?.includes('NOFLUSH_SUSPENDING'), 'a state is that after its step');
});

test('explore writes its finding, its run and its numbers, and replay writes the same run', async (t) => {
  t.match(data, {
    command: 'explore',
    subject: 'interrupted-noflush with nf-check-then-queue-unlocked',
    verdict: 'FAILURE: lost-bio',
    ok: false,
    settings: { seed: '1' },
    findings: [
      {
        report: { kind: 'lost-bio' },
        command: /^dmrace replay v1\./,
        notes: [/^Found in execution \d+ with seed 1/],
      },
    ],
  });
  t.strictSame(
    data.tables.map(({ title }) => title),
    ['Outcomes', 'What was seen'],
  );
  t.ok(run.steps.length > 100);
  const file = join(OUT, 'replayed.html');
  const schedule = data.findings[0]?.command.split(' ').at(-1) ?? '';
  t.equal((await runCli(['replay', schedule, '--html', file], OUT)).code, 1);
  const replayed = dataOf(readFileSync(file, 'utf8'));
  t.match(replayed, {
    command: 'replay',
    verdict: 'FAILURE: lost-bio',
    findings: [{ command: `dmrace replay ${schedule}` }],
  });
  t.strictSame(replayed.run, run);
});

test('a search without a finding has a page with its numbers', async (t) => {
  const file = join(OUT, 'clean.html');
  const { code } = await runCli(['explore', 'drain', '--executions', '10', '--html', file], OUT);
  t.equal(code, 0);
  t.match(dataOf(readFileSync(file, 'utf8')), { verdict: 'SUCCESS', ok: true, findings: [], run: null });
});

test('the page of a search has what the scenario counts, as the text has', async (t) => {
  const file = join(OUT, 'counted.html');
  const args = ['explore', 'noflush-pushback@3.0', '--executions', '20', '--seed', '1', '--html', file];
  const { code, stdout } = await runCli(args, OUT);
  t.equal(code, 0);
  const table = dataOf(readFileSync(file, 'utf8')).tables.find(({ title }) => title === 'What was counted');
  t.ok((table?.rows.length ?? 0) > 2);
  for (const [what, total] of table?.rows ?? []) t.match(stdout, new RegExp(`^${what} +${total}$`, 'm'));
});

test('a page that cannot be written is refused before anything is started', async (t) => {
  const { code, stderr } = await runCli(['explore', 'drain', '--html', 'nowhere/page.html'], OUT);
  t.strictSame(
    [code, stderr],
    [2, "dmrace: --html 'nowhere/page.html' cannot be written to (ENOENT); name a file that can.\n"],
  );
});

const FULL = '/dev/full';
const whereItIs = { skip: existsSync(FULL) ? false : `there is no ${FULL}` };

test('a page that cannot be written after all takes nothing from what is printed', whereItIs, async (t) => {
  for (const args of [
    ['explore', 'drain', '--executions', '10'],
    ['profile', 'drain', '--seconds', '0.1'],
  ]) {
    const { code, stdout, stderr } = await runCli([...args, '--html', FULL, '--out', OUT], OUT);
    t.equal(code, 3);
    t.match(stdout, new RegExp(`\\nEnd of ${args[0]}: SUCCESS\\n$`));
    t.match(stderr, /^dmrace: the harness broke: \/dev\/full cannot be written: ENOSPC[^\n]*\n$/m);
  }
});

/** What the page shows of the step that the cursor is on. */
interface Shown {
  readonly said: string;
  readonly selected: string;
  readonly flags: string[];
  readonly pending: string[];
  readonly pushback: string[];
  readonly holds: string[];
}

async function shown(page: Page): Promise<Shown> {
  const texts = (selector: string): Promise<string[]> => page.locator(selector).allTextContents();
  const field = (name: string): Promise<string[]> => texts(`section[aria-label="dm0"] [data-field="${name}"] .chip`);
  return {
    said: (await texts('.said')).join(),
    selected: (await texts('[role=option][aria-selected=true] .cell')).join(),
    flags: await field('flags'),
    pending: await field('pending'),
    pushback: await field('pushback'),
    holds: (await texts('.holds .chip')).sort(),
  };
}

/** What it has to show, from the data. */
function expected(step: number): Pick<Shown, 'flags' | 'pending' | 'holds'> {
  const fields = run.watched.find(({ name }) => name === 'dm0')?.fields ?? [];
  const field = (name: string): string[] => [
    ...(latest(fields.find((each) => each.name === name)?.points ?? [], step) ?? []),
  ];
  const alive = run.contexts.filter((context) => latest(context.alive, step) === true);
  const holds = alive.flatMap((context) => latest(context.holds, step) ?? []).sort();
  return { flags: field('flags'), pending: field('pending'), holds };
}

test(
  'the cursor steps through the run by keys, buttons, slider and lines, and the state follows',
  inBrowser,
  async (t) => {
    const { page, complaints } = await openPage(FILE);
    const isAt = async (step: number): Promise<void> => {
      const now = await shown(page);
      t.match(now.said, `Step ${step + 1} of ${run.steps.length}`);
      t.ok(now.said.includes(run.steps[step]?.text ?? '?') && now.selected.includes(run.steps[step]?.text ?? '?'));
      t.match(now, expected(step), `the state after step ${step + 1}`);
    };
    const last = run.steps.length - 1;
    await isAt(last);
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    await isAt(last - 2);
    await page.keyboard.press('ArrowRight');
    await isAt(last - 1);
    await page.keyboard.press('Home');
    await isAt(0);
    const switches = run.steps.flatMap(({ turned }, index) => (turned ? [index] : []));
    const first = switches.slice(0, 6);
    for (const step of first) {
      await page.keyboard.press('Shift+ArrowRight');
      await isAt(step);
    }
    await page.keyboard.press('Shift+ArrowLeft');
    await isAt(first.at(-2) as number);
    const laneOf = (step: number): number | undefined => run.contexts[run.steps[step]?.context ?? -1]?.lane;
    const from = first.at(-2) as number;
    await page.keyboard.press('ArrowDown');
    await isAt(run.steps.findIndex((_, step) => step > from && laneOf(step) === laneOf(from)));
    await page.getByRole('button', { name: 'last step' }).click();
    await isAt(last);
    await page.getByRole('slider', { name: 'Step' }).fill('210');
    await isAt(210);
    await page.locator('#step-212').click();
    await isAt(212);
    t.strictSame(complaints, []);
  },
);

test('a click on the lanes moves the cursor there, plus and minus zoom, 0 shows all', inBrowser, async (t) => {
  const { page } = await openPage(FILE);
  const canvas = page.getByRole('img', { name: 'Who runs where' });
  const window = async (): Promise<number[]> => {
    await afterDrawing(page);
    const label = (await canvas.getAttribute('aria-label')) ?? '';
    return [...label.matchAll(/step (\d+)/g)].map((match) => Number(match[1]));
  };
  await page.keyboard.press('0');
  t.strictSame(await window(), [1, run.steps.length + 1]);
  await page.keyboard.press('Home');
  await page.keyboard.press('+');
  const [from, to] = await window();
  t.ok(from === 1 && to !== undefined && to < run.steps.length / 2 + 3, `steps ${from} to ${to}`);
  await canvas.click({ position: { x: 900, y: 40 } });
  const step = Number(/Step (\d+)/.exec((await shown(page)).said)?.[1]);
  t.ok(step > 1 && step <= (to ?? 0), `step ${step}`);
  await page.keyboard.press('End');
  t.equal((await window()).at(-1), run.steps.length + 1, 'the cursor stays in sight');
  await page.keyboard.press('-');
  t.strictSame(await window(), [1, run.steps.length + 1]);
  await page.getByRole('button', { name: 'zoom in' }).click();
  t.not((await window())[0], 1);
});

test('the page fetches nothing, and would not be let to', inBrowser, async (t) => {
  const { page, requests, complaints } = await openPage(FILE);
  await page.keyboard.press('Home');
  t.strictSame(
    requests.map((url) => url.replace(/^.*\//, '')),
    ['finding.html'],
  );
  t.strictSame(complaints, []);
  const refused = (await page.evaluate(`(async () => {
    const violated = [];
    document.addEventListener('securitypolicyviolation', (event) => violated.push(event.effectiveDirective));
    await fetch('http://127.0.0.1:9/').catch(() => {});
    const script = document.createElement('script');
    script.textContent = 'document.title = "run"';
    document.head.append(script);
    const image = new Image();
    image.src = 'http://127.0.0.1:9/x.png';
    await new Promise((resolve) => image.addEventListener('error', resolve));
    return { violated: violated.sort(), title: document.title };
  })()`)) as { violated: string[]; title: string };
  t.strictSame(refused.violated, ['connect-src', 'img-src', 'script-src-elem']);
  t.not(refused.title, 'run');
});

test('whatever a scenario or a message says is shown as it is', inBrowser, async (t) => {
  const nasty = '</script><img src=x onerror=alert(1)> <!--<script> &amp; ${1} "\' \u2028 </title><b>';
  const finding = data.findings[0] as PageData['findings'][number];
  const places = finding.report.places.map((place) => ({
    ...place,
    who: nasty,
    at: nasty,
    holds: [nasty],
    lastSteps: [nasty],
  }));
  const named = { ...run.contexts[0], name: nasty } as RunContext;
  const file = pageFile(t, {
    ...data,
    subject: nasty,
    verdict: nasty,
    settings: { [nasty]: nasty },
    tables: [{ title: nasty, head: [nasty], rows: [[nasty]] }],
    findings: [
      {
        ...finding,
        command: nasty,
        notes: [nasty],
        report: { ...finding.report, message: nasty, site: nasty, places },
      },
    ],
    run: {
      ...run,
      lanes: run.lanes.map(() => nasty),
      contexts: [named, ...run.contexts.slice(1)],
      steps: run.steps.map((step) => ({ ...step, text: nasty })),
    },
  });
  const { page, complaints, requests } = await openPage(file);
  await page.keyboard.press('Home');
  t.equal(await page.locator('.sentence').textContent(), nasty);
  t.equal(await page.locator('.command code').textContent(), nasty);
  t.equal(await page.title(), `dmrace explore ${nasty}: ${nasty}`);
  t.equal(await page.locator('img').count(), 0);
  t.strictSame([complaints, requests.length], [[], 1]);
});

test('tables sort by each of their columns', inBrowser, async (t) => {
  const rows = [
    ['b', 10],
    ['a', 9],
    ['c', 200],
  ] as const;
  const { page } = await openPage(pageFile(t, { ...data, tables: [{ title: 'T', head: ['name', 'count'], rows }] }));
  const table = page.getByRole('region', { name: 'T', exact: true });
  const column = (): Promise<string[]> => table.locator('tbody td:first-child').allTextContents();
  t.strictSame(await column(), ['b', 'a', 'c']);
  await table.getByRole('button', { name: 'count' }).click();
  t.strictSame(await column(), ['c', 'b', 'a'], 'numbers are compared as numbers, the largest first');
  t.equal(await table.locator('th').nth(1).getAttribute('aria-sort'), 'descending');
  await table.getByRole('button', { name: 'count' }).press('Enter');
  t.strictSame(await column(), ['a', 'b', 'c']);
  await table.getByRole('button', { name: 'name' }).click();
  t.strictSame(await column(), ['a', 'b', 'c']);
  t.equal(await table.locator('th').nth(1).getAttribute('aria-sort'), null);
});

test('light and dark follow the system until the switch says otherwise', inBrowser, async (t) => {
  const ground = (page: Page): Promise<string> => page.evaluate('getComputedStyle(document.body).backgroundColor');
  const { page: light } = await openPage(FILE, 'light');
  const { page: dark } = await openPage(FILE, 'dark');
  const [bright, black] = [await ground(light), await ground(dark)];
  t.not(bright, black);
  await light.getByRole('button', { name: 'Light / dark' }).click();
  t.equal(await ground(light), black);
  await dark.keyboard.press('t');
  t.equal(await ground(dark), bright);
});

test('? shows the keys, and Escape puts them away', inBrowser, async (t) => {
  const { page } = await openPage(FILE);
  const dialog = page.getByRole('dialog', { name: 'Keys' });
  t.equal(await dialog.isVisible(), false);
  await page.keyboard.press('?');
  t.equal(await dialog.isVisible(), true);
  t.match(await dialog.textContent(), 'next switch');
  await page.keyboard.press('Escape');
  t.equal(await dialog.isVisible(), false);
});

test('roles, names, focus and contrast are as WCAG 2.2 AA asks, light and dark', inBrowser, async (t) => {
  t.strictSame(await accessibilityFaults(FILE), []);
});

test('a run of 10,000 steps opens, and only the lines in sight exist', inBrowser, async (t) => {
  const times = Math.ceil(10_000 / run.steps.length);
  const again = <T>(points: Points<T>): Points<T> =>
    Array.from({ length: times }, (_, time) =>
      points.map(([step, value]) => [step + time * run.steps.length, value] as const),
    ).flat();
  const steps = Array.from({ length: times }, () => run.steps)
    .flat()
    .slice(0, 10_000);
  const contexts = run.contexts.map((context) => ({
    ...context,
    alive: again(context.alive),
    holds: again(context.holds),
    waits: again(context.waits),
  }));
  const watched = run.watched.map(({ name, fields }) => ({
    name,
    fields: fields.map((field) => ({ ...field, points: again(field.points) })),
  }));
  const file = pageFile(t, { ...data, run: { ...run, steps, contexts, watched } });
  const { page, complaints } = await openPage(file);
  t.comment(`drawn after ${await drawnAfter(page)} ms`);
  t.match((await shown(page)).said, 'Step 10000 of 10000');
  const lines = await page.locator('[role=option]').count();
  t.ok(lines > 20 && lines < 100, `${lines} lines`);
  t.strictSame(complaints, []);
});

/** What a page has, and Node has not. */
interface InPage {
  getComputedStyle(element: unknown): { readonly borderLeftColor: string };
}

/** In the page: the colour of who makes a step. */
const border = (element: unknown): string =>
  (globalThis as unknown as InPage).getComputedStyle(element).borderLeftColor;

test('things with different names have different colours, however many there are', inBrowser, async (t) => {
  const names = Array.from({ length: 40 }, (_, i) => `${'abcdefghij'[i % 10]}-${'klmn'[Math.floor(i / 10)]}`);
  const [first, step] = [run.contexts[0] as RunContext, run.steps[0] as Run['steps'][number]];
  const contexts = names.map((name) => ({ ...first, name }));
  const steps = names.map((_, context) => ({ ...step, context }));
  const file = pageFile(t, { ...data, run: { ...run, contexts, watched: [], steps, decisive: null } });
  const { page, complaints } = await openPage(file);
  const shades = new Map<string, string>();
  for (const key of ['Home', 'End']) {
    await page.keyboard.press(key);
    await afterDrawing(page);
    for (const cell of await page.locator('.lines .cell').all()) {
      const [name = ''] = ((await cell.getAttribute('title')) ?? '').split(':');
      shades.set(name, await cell.evaluate(border));
    }
  }
  t.equal(shades.size, names.length);
  t.equal(new Set(shades.values()).size, names.length);
  t.strictSame(complaints, []);
  t.strictSame(await accessibilityFaults(file), []);
});

test('a finding that takes several runs shows them one after the other', inBrowser, async (t) => {
  const out = testFolder(t);
  const file = join(out, 'orders.html');
  const { code } = await runCli(
    ['explore', TWO_ORDERS, '--seed', '1', '--jobs', '1', '--out', out, '--html', file],
    out,
  );
  t.equal(code, 1);
  const shown = dataOf(readFileSync(file, 'utf8'));
  t.equal(shown.earlier.length, 1);
  const [before, last] = [...shown.earlier, shown.run as Run] as [Run, Run];
  const locks = ({ contexts }: Run): string[] =>
    contexts.flatMap(({ holds }) => holds.flatMap(([, held]) => (held.length === 2 ? [held.join(' ')] : [])));
  t.ok(locks(before).length > 0 && locks(last).length > 0);
  t.not(
    locks(before)
      .filter((each) => each.includes('two'))
      .join(),
    locks(last)
      .filter((each) => each.includes('two'))
      .join(),
  );
  const { page, complaints } = await openPage(file);
  const title = () => page.locator('section h2').nth(1).textContent();
  const said = () => page.locator('.said b').textContent();
  t.equal(await title(), 'Run 2 of 2, with the finding');
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowLeft');
  t.equal(await title(), 'Run 1 of 2', 'before the first step of one run lies the last of the other');
  t.equal(await said(), `Step ${before.steps.length} of ${before.steps.length}`);
  await page.keyboard.press('ArrowRight');
  t.strictSame([await title(), await said()], ['Run 2 of 2, with the finding', `Step 1 of ${last.steps.length}`]);
  await page.keyboard.press('[');
  t.equal(await title(), 'Run 1 of 2');
  await page.getByRole('tab', { name: 'Run 2 of 2' }).click();
  t.equal(await title(), 'Run 2 of 2, with the finding');
  t.equal(await page.locator('[role=tab][aria-selected=true]').count(), 1);
  t.strictSame(complaints, []);
  t.strictSame(await accessibilityFaults(file), []);

  const replayed = join(out, 'replayed.html');
  const schedule = shown.findings[0]?.command.split(' ').at(-1) ?? '';
  t.equal((await runCli(['replay', schedule, '--own', TWO_ORDERS, '--html', replayed], out)).code, 1);
  const again = dataOf(readFileSync(replayed, 'utf8'));
  t.strictSame([again.earlier, again.run?.steps], [shown.earlier, last.steps]);
});
