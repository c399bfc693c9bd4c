/**
 * The page of a profile, as a reader uses it.
 */
import { readFileSync } from 'node:fs';
import { test } from 'tap';
import type { PageData } from '../../src/page/data.ts';
import type { LockStat, ProfileReport, Slice, Timeline } from '../../src/profile/report.ts';
import { accessibilityFaults, afterDrawing, drawnAfter, inBrowser, openPage, pageFile } from '../support/browser.ts';

const REPORT = new URL('../../../test/data/profile-report.json', import.meta.url);
const profile = JSON.parse(readFileSync(REPORT, 'utf8')) as ProfileReport;
const timeline = profile.timeline as Timeline;
const data: PageData = {
  command: 'profile',
  subject: 'suspend',
  ok: true,
  verdict: 'SUCCESS',
  settings: { seed: '1' },
  findings: [],
  tables: [],
  run: null,
  earlier: [],
  locks: profile.locks,
  profile,
};

/** Of /proc/lock_stat. */
const LOCK_STAT = [
  'con-bounces',
  'contentions',
  'waittime-min',
  'waittime-max',
  'waittime-total',
  'waittime-avg',
  'acq-bounces',
  'acquisitions',
  'holdtime-min',
  'holdtime-max',
  'holdtime-total',
  'holdtime-avg',
];

test('the lock table has the columns of lock_stat and sorts by each', inBrowser, async (t) => {
  const { page, complaints, requests } = await openPage(pageFile(t, data));
  const table = page.getByRole('region', { name: /^Locks, by class/ });
  const heads = await table.locator('th').allTextContents();
  t.strictSame(
    heads.filter((head) => LOCK_STAT.includes(head)),
    LOCK_STAT,
  );
  const cellsUnder = (head: string): Promise<string[]> =>
    table.locator(`tbody td:nth-child(${heads.indexOf(head) + 1})`).allTextContents();
  const isMarked = (text: string): boolean => text.startsWith('~');
  t.ok((await cellsUnder('holdtime-total')).every(isMarked), 'holds were sampled, and are marked so');
  t.notOk((await cellsUnder('waittime-total')).some(isMarked), 'waits are exact');
  const numberIn = (text: string): number => Number(text.replaceAll(/[^\d.]/g, ''));
  for (const head of [...LOCK_STAT, 'share', 'holdtime-p99', 'parked']) {
    const column = async (): Promise<number[]> => (await cellsUnder(head)).map(numberIn);
    await table.getByRole('button', { name: head, exact: true }).click();
    const down = await column();
    t.strictSame(
      down,
      down.toSorted((a, b) => b - a),
      head,
    );
    await table.getByRole('button', { name: head, exact: true }).click();
    const up = await column();
    t.strictSame(
      up,
      up.toSorted((a, b) => a - b),
    );
    t.equal(up.length, profile.locks.length);
  }
  t.strictSame([complaints, requests.length], [[], 1]);
});

test('a profile says what the profiler changes, or that it is not known', inBrowser, async (t) => {
  const sentences = async (report: ProfileReport): Promise<string> => {
    const { page } = await openPage(pageFile(t, { ...data, profile: report }));
    return page.locator('.summary').innerText();
  };
  const known = await sentences(profile);
  t.match(known, '105 rounds were run without the profiler too: with it throughput is 90.1 % of that');
  t.match(known, 'spinlocks are waited for 3.2 instead of 2.5 times a round');
  t.match(await sentences({ ...profile, cost: null }), 'What the profiler changes is not known');
});

test('a lock that is chosen shows its histograms, sites and blame', inBrowser, async (t) => {
  const { page } = await openPage(pageFile(t, data));
  const lock = profile.locks[1] as LockStat;
  await page.getByRole('button', { name: lock.class, exact: true }).click();
  t.equal(await page.locator('.detail h3').textContent(), lock.class);
  const bars = await page.locator('.detail figure').first().locator('rect title').allTextContents();
  const counts = bars
    .map((title) => Number(/: ([\d,]+)$/.exec(title)?.[1]?.replaceAll(',', '')))
    .filter((count) => count > 0);
  t.strictSame(
    counts,
    lock.waitNs.histogram.map(({ count }) => count),
  );
  const blame = page.getByRole('region', { name: 'Who waited for whom' }).locator('tbody tr');
  t.strictSame(
    (await blame.locator('td:first-child').allTextContents()).sort(),
    lock.blame.map(({ waiter }) => waiter).sort(),
  );
  await page.getByRole('button', { name: '&md->map_lock-R' }).click();
  t.match(await page.locator('.detail').textContent(), 'wait: none', 'what has no waits has no histogram of them');
});

test('the blame graph has a box for each site and an arrow for each edge', inBrowser, async (t) => {
  const { page } = await openPage(pageFile(t, data));
  const edges = profile.locks.flatMap(({ blame }) => blame);
  const sites = [...new Set(edges.flatMap(({ waiterSite, holderSite }) => [waiterSite, holderSite]))];
  const graph = page.getByRole('region', { name: 'Blame graph' });
  t.strictSame((await graph.locator('.node text').allTextContents()).sort(), sites.sort());
  const said = await graph.locator('.edge title').allTextContents();
  t.equal(said.length, edges.length, 'no two of these edges are of one lock and the same places');
  const [edge] = edges;
  t.ok(said.some((text) => text.startsWith(`${edge?.waiterSite} waited for ${edge?.holderSite}, &md->io_lock`)));
  const locks = profile.locks.map((lock) => ({ ...lock, blame: [] }));
  const { page: quiet } = await openPage(pageFile(t, { ...data, locks }));
  t.equal(await quiet.getByText('Nobody waited for anybody.').count(), 1);
});

test('the timeline zooms, moves by the arrow keys, and says what a bar is', inBrowser, async (t) => {
  const { page, complaints } = await openPage(pageFile(t, data));
  const canvas = page.getByRole('img', { name: 'What happened when' });
  const window = async (): Promise<string> => {
    await afterDrawing(page);
    return (await canvas.getAttribute('aria-label')) ?? '';
  };
  t.equal(await window(), 'What happened when, 0 ns to 400 µs');
  await page.keyboard.press('+');
  t.equal(await window(), 'What happened when, 100 µs to 300 µs');
  await page.keyboard.press('ArrowRight');
  t.equal(await window(), 'What happened when, 150 µs to 350 µs');
  await page.keyboard.press('0');
  t.equal(await window(), 'What happened when, 0 ns to 400 µs');
  await canvas.hover({ position: { x: 160, y: 30 } });
  t.match(await page.locator('.tip').textContent(), /^submitter0, runs: 90 µs/);
  t.strictSame(complaints, []);
});

test('roles, names, focus and contrast of a profile are as WCAG 2.2 AA asks, light and dark', inBrowser, async (t) => {
  t.strictSame(await accessibilityFaults(pageFile(t, data)), []);
});

test('whatever a lock, a task or a site is called is shown as it is', inBrowser, async (t) => {
  const nasty = '</script><img src=x onerror=alert(1)><!--<script>&amp;"\'';
  const locks = profile.locks.map((lock) => ({
    ...lock,
    class: nasty,
    sites: lock.sites.map((site) => ({ ...site, site: nasty })),
    blame: lock.blame.map((edge) => ({ ...edge, waiter: nasty, waiterSite: nasty, holder: nasty, holderSite: nasty })),
  }));
  const slices = timeline.slices.map((slice) => ({ ...slice, name: nasty, site: nasty, who: nasty }));
  const named = { ...profile, timeline: { ...timeline, slices } };
  const { page, complaints, requests } = await openPage(pageFile(t, { ...data, locks, profile: named }));
  t.equal(await page.locator('.node text').textContent(), nasty, 'a site that waits for itself');
  t.equal(await page.locator('img').count(), 0);
  t.strictSame([complaints, requests.length], [[], 1]);
});

test('a timeline of 10,000 slices opens, and its long ones stay in sight', inBrowser, async (t) => {
  const long = timeline.slices[0] as Slice;
  const short = Array.from({ length: 10_000 }, (_, index) => ({
    ...long,
    kind: index % 3 === 0 ? ('hold' as const) : ('hardirq' as const),
    lane: index % 2,
    name: `irq ${index % 5}`,
    startNs: index * 1000,
    durationNs: 400,
  }));
  const slices = [{ ...long, startNs: 0, durationNs: 10_000_000 }, ...short];
  const busy = { ...profile, timeline: { ...timeline, slices, toNs: 10_000_000 } };
  const { page, complaints } = await openPage(pageFile(t, { ...data, profile: busy }));
  t.comment(`drawn after ${await drawnAfter(page)} ms`);
  for (let zoom = 0; zoom < 6; zoom++) await page.keyboard.press('+');
  await afterDrawing(page);
  const canvas = page.getByRole('img', { name: 'What happened when' });
  await canvas.hover({ position: { x: 600, y: 30 } });
  t.match(await page.locator('.tip').textContent(), /^submitter0, runs: 10 ms/);
  t.strictSame(complaints, []);
});

test('a window as narrow as a telephone shows the whole page without scrolling sideways', inBrowser, async (t) => {
  const { page } = await openPage(pageFile(t, data));
  const hidden = (): Promise<number> =>
    page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');
  await page.setViewportSize({ width: 360, height: 800 });
  t.equal(await hidden(), 0);
  await page.evaluate("document.querySelector('figure > svg').style.minWidth = '480px'");
  t.ok((await hidden()) > 0, 'a histogram that does not shrink is noticed');
});
