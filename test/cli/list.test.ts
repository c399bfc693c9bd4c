import { readdirSync } from 'node:fs';
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
  const has = (what: string, all: readonly string[], some: readonly string[]): void => {
    t.strictSame([...new Set(all)], all, `each of the ${what} once`);
    t.strictSame(
      some.filter((name) => !all.includes(name)),
      [],
      what,
    );
  };
  has('suites', names(list.suites), ['interrupted-suspend', 'locks', 'noflush-pushback', 'suspend']);
  has('targets', names(list.targets), ['error', 'linear', 'scripted', 'zero']);
  has('presets', names(list.presets), ['unified']);
  has('scenarios', names(list.scenarios), ['interrupted-noflush']);
  const bugFiles = readdirSync('src/variants/bugs').map((file) => file.replace(/\.ts$/, ''));
  t.strictSame(list.bugs.map(({ id }) => id).sort(), bugFiles.sort(), 'a bug is a file, and each file a bug');
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
