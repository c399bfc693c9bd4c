import { test } from 'tap';
import { runCli } from '../support/cli.ts';

interface Inventory {
  readonly suites: readonly { name: string }[];
  readonly scenarios: readonly { name: string }[];
  readonly targets: readonly { name: string }[];
  readonly bugs: readonly Record<string, string>[];
  readonly presets: readonly { name: string }[];
}

test('list --json has all suites, scenarios, targets, bugs and presets', async (t) => {
  const result = await runCli(['list', '--json'], process.cwd());
  t.equal(result.code, 0);
  const list = JSON.parse(result.stdout) as Inventory;
  const names = (rows: readonly { name: string }[]): string[] => rows.map(({ name }) => name);
  t.strictSame(names(list.suites).sort(), ['interrupted-suspend', 'locks', 'noflush-pushback', 'suspend']);
  t.strictSame(names(list.targets), ['error', 'linear', 'scripted', 'zero']);
  t.strictSame(names(list.presets), ['unified']);
  t.ok(names(list.scenarios).includes('interrupted-noflush'));
  for (const bug of list.bugs)
    t.strictSame(Object.keys(bug), ['id', 'seed', 'title', 'commit', 'kind', 'preset', 'scenario']);
  t.ok(list.bugs.some(({ id, kind }) => id === 'nf-check-then-queue-unlocked' && kind === 'lost-bio'));
  t.ok(list.bugs.some(({ id, kind }) => id === 'io-freed-after-endio' && kind === 'use-after-free'));
});

test('list for people names the same things', async (t) => {
  const result = await runCli(['list'], process.cwd());
  t.equal(result.code, 0);
  for (const name of ['interrupted-suspend', 'interrupted-noflush', 'linear', 'io-freed-after-endio', 'unified'])
    t.match(result.stdout, name);
});
