/**
 * Pages of what real threads did.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { afterDrawing, dataOf, inBrowser, openPage } from '../support/browser.ts';
import { runCli, startCli } from '../support/cli.ts';
import { testFolder } from '../support/folder.ts';

test('profile writes a page with its locks and its timeline', inBrowser, async (t) => {
  const out = testFolder(t);
  const args = ['suspend', '--seconds', '1', '--seed', '1', '--cpus', '2', '--html', 'page.html'];
  const { code, stdout, stderr } = await runCli(['profile', ...args], out);
  t.equal(code, 0, `${stdout}${stderr}`);
  const file = join(out, 'page.html');
  const { locks, profile } = dataOf(readFileSync(file, 'utf8'));
  t.ok(locks.length > 5 && (profile?.timeline?.slices.length ?? 0) > 100);
  const { page, complaints, requests } = await openPage(file);
  t.equal(
    await page
      .getByRole('region', { name: /^Locks, by class/ })
      .locator('tbody tr')
      .count(),
    locks.length,
  );
  await page.keyboard.press('+');
  await afterDrawing(page);
  t.match(await page.getByRole('img', { name: 'What happened when' }).getAttribute('aria-label'), / to /);
  t.strictSame([complaints, requests.length], [[], 1]);
});

test(
  'stress writes a page with its tables, its locks, and the last steps of each CPU at a finding',
  inBrowser,
  async (t) => {
    const out = testFolder(t);
    const bug = ['--bug', 'nf-check-then-queue-unlocked', '--seed', '1', '--seconds', '240'];
    const { code, stderr } = await runCli(['stress', ...bug, '--out', out, '--html', 'page.html'], out);
    t.equal(code, 1, stderr);
    const file = join(out, 'page.html');
    const data = dataOf(readFileSync(file, 'utf8'));
    t.match(data.findings[0], { report: { kind: 'lost-bio' }, command: /^dmrace explore interrupted-suspend@1\./ });
    t.ok(data.tables.some(({ title }) => title === 'Suites'));
    t.ok(data.locks.some(({ class: name }) => name === '&md->io_lock'));
    const { page, complaints } = await openPage(file);
    t.match(await page.locator('.finding summary').first().textContent(), /^The last \d+ steps of CPU 0/);
    t.strictSame(complaints, []);
  },
);

test('the page of a command that Ctrl-C has ended is no page of a success', async (t) => {
  const endless = ['stress', 'profile suspend', 'explore drain'];
  for (const words of endless) {
    const [command, ...names] = words.split(' ') as [string, ...string[]];
    const out = testFolder(t);
    const cli = startCli([command, ...names, '--seconds', '600', '--seed', '1', '--html', 'page.html'], out);
    await cli.printed(`${command}: `);
    cli.process.kill('SIGINT');
    t.equal((await cli.ended).code, 130, words);
    t.match(dataOf(readFileSync(join(out, 'page.html'), 'utf8')), { verdict: 'INTERRUPTED', ok: false }, words);
  }
});
