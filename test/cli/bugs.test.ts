import { test } from 'tap';
import { attempt, runTwin } from '../../src/cli/bugs/attempt.ts';
import { bugs } from '../../src/variants/variants.ts';
import { runCli, startCli } from '../support/cli.ts';
import { SHARES, shareOf } from '../support/verify-share.ts';

test('a bug that is not found is a failure with a sentence', async (t) => {
  const args = ['io-freed-after-endio', '--seeds', '1', '--seconds', '0.001', '--clean-executions', '10'];
  const { code, stdout } = await runCli(['bugs', 'verify', ...args], process.cwd());
  t.equal(code, 1);
  t.match(stdout, /io-freed-after-endio +0 of 1 /);
  t.match(stdout, /io-freed-after-endio, seed 1: nothing in 1 execution\n/);
  t.match(stdout, /End of bugs verify: FAILURE/);
});

test('a finding in a scenario without a bug is told', async (t) => {
  const twin = { scenario: 'last-close', preset: 'seed-000', seed: 1, executions: 20_000 };
  t.match((await runTwin(twin)).finding, /use-after-free \(I14\)/);
  t.equal((await runTwin({ ...twin, preset: '2.6.20', executions: 500 })).finding, null);
});

test('the same seed gives the same attempt', async (t) => {
  const order = { bug: 'nf-merge-order-tail', seed: 3, seconds: 60, shrinkSeconds: 0, replays: 3 };
  const [one, two] = [await attempt(order), await attempt(order)];
  t.strictSame({ ...one, seconds: 0 }, { ...two, seconds: 0 });
  t.equal(one.problem, null);
});

test('bugs names what it does not know, and lists what there is', async (t) => {
  const unknown = await runCli(['bugs', 'verify', 'nf-flag'], process.cwd());
  t.equal(unknown.code, 2);
  t.match(unknown.stderr, /^dmrace: There is no bug 'nf-flag'; there are nf-check-then-queue-unlocked, /);
  const seeds = await runCli(['bugs', 'verify', '--seeds', '0'], process.cwd());
  t.equal(seeds.code, 2);
  t.match(seeds.stderr, /It must be 1 to 10000 seeds/);
  const list = await runCli(['bugs'], process.cwd());
  t.equal(list.code, 0);
  for (const { id, title } of bugs) t.match(list.stdout, new RegExp(`${id} .*${title.replaceAll(/[>()]/g, '.')}`));
});

test('Ctrl-C ends bugs verify with what is known and exit code 130', async (t) => {
  const cli = startCli(['bugs', 'verify', '--seeds', '500'], process.cwd());
  await cli.printed('bugs verify: bugs=all');
  cli.process.kill('SIGINT');
  const { code, stdout } = await cli.ended;
  t.equal(code, 130);
  t.match(stdout, /End of bugs verify: INTERRUPTED/);
});

test('each bug is verified by one of the shares', (t) => {
  const shares = Array.from({ length: SHARES }, (_, i) => shareOf(i + 1));
  t.strictSame(shares.flat().sort(), bugs.map(({ id }) => id).sort());
  t.end();
});
