import { test } from 'tap';
import { suites } from '../../src/scenarios/registry.ts';
import { runCli, startCli } from '../support/cli.ts';
import type { StressJson } from '../support/stress-json.ts';

test('a short run catches its canaries, runs every suite and reports all of it as one JSON document', async (t) => {
  const result = await runCli(['stress', '--rounds', '10', '--seed', '3', '--json'], t.testdir());
  t.equal(result.code, 0, result.stderr);
  const json = JSON.parse(result.stdout) as StressJson;
  t.equal(json.ok, true);
  const has = (what: object | undefined, keys: string): void => {
    t.strictSame(
      keys.split(' ').filter((key) => !(key in (what ?? {}))),
      [],
    );
  };
  has(json, 'command version settings canaries suites locks cpus ok');
  t.equal(json.locks.length, 5);
  has(json.locks[0], 'class mode conBounces contentions waitNs acqBounces acquisitions holdNs sampled sites blame');
  has(json.suites[1], 'name rounds bios errorsByRule suspends interruptedByPhase findings');
  t.strictSame(Object.keys(json.suites[1]?.bios ?? {}), ['submitted', 'completed', 'pushedBack', 'failed']);
  t.strictSame(Object.keys(json.suites[1]?.suspends ?? {}), ['done', 'interrupted', 'failed']);
  t.strictSame(Object.keys(json.canaries[0] ?? {}), ['id', 'caught', 'tries']);
  t.strictSame(Object.keys(json.cpus[0] ?? {}), ['cpu', 'steps', 'interrupts', 'softirqs', 'switches', 'parks']);
  t.equal(json.settings.seed, 3);
  t.strictSame(
    json.canaries.map(({ id, caught }) => [id, caught]),
    [
      ['lock-busted', true],
      ['wake-dropped', true],
      ['recheck-missing', true],
      ['nf-check-then-queue-unlocked', true],
      ['flush-lies', true],
      ['post-flush-dropped', true],
    ],
  );
  t.strictSame(
    json.suites.map(({ name }) => name),
    suites.map(({ name }) => name),
  );
  for (const suite of json.suites) {
    t.equal(suite.rounds, 10);
    t.strictSame(suite.findings, []);
    const { submitted = 0, completed = 0, failed = 0 } = suite.bios;
    t.equal(submitted, completed + failed, `${suite.name}: every bio has ended`);
    t.equal(suite.name === 'locks' || submitted > 0, true, suite.name);
  }
  t.equal(json.cpus.length, 5, 'four CPUs and the interrupt actor');
  for (const cpu of json.cpus) t.ok((cpu['steps'] ?? 0) > 0 && (cpu['switches'] ?? 0) > 0);
});

test('a run for people says its settings first and last, and its verdict in the last line', async (t) => {
  const result = await runCli(['stress', 'suspend', '--rounds', '5', '--seed', '4', '--lock', 'ticket'], t.testdir());
  t.equal(result.code, 0, result.stderr);
  const lines = result.stdout.trimEnd().split('\n');
  t.match(lines[0], /^stress: suites=suspend cpus=4 rounds=5 seed=4 preset=unified lock=ticket noise=light/);
  t.match(result.stdout, /\nclass name +con-bounces +contentions +waittime-min .*\n(&\S+( +(~?[\d.]+|-)){12}\n){5}\n/);
  t.match(lines.at(-2), /^suites=suspend cpus=4 rounds=5 seed=4/);
  t.equal(lines.at(-1), 'End of stress: SUCCESS');
});

test('Ctrl-C among the suites says what its canaries and rounds have shown', async (t) => {
  const cli = startCli(['stress', '--seconds', '600', '--seed', '5', '--json', '--log-level', 'info'], t.testdir());
  // The last of the canaries.
  await cli.logged('"post-flush-dropped"');
  cli.process.kill('SIGINT');
  const result = await cli.ended;
  t.equal(result.code, 130);
  const json = JSON.parse(result.stdout) as StressJson;
  t.equal(json.ok, false);
  t.equal(json.canaries.length, 6);
});

test('Ctrl-C prints what is known so far and ends with 130, without a process left behind', async (t) => {
  const cli = startCli(['stress', '--seconds', '600', '--seed', '5'], t.testdir());
  await cli.printed('stress: suites=');
  cli.process.kill('SIGINT');
  const result = await cli.ended;
  t.equal(result.code, 130);
  t.match(result.stdout, /End of stress: INTERRUPTED\n$/);
});

/** A phase that is over in a few operations is met some five times in a run of 500 rounds, so once in a while not at all. */
const SEEDS = [1, 2, 3, 4, 5];

test('signals interrupt suspends in each of their phases', async (t) => {
  const unseen = new Set(['presuspend', 'freeze', 'block', 'flush', 'wait']);
  for (const seed of SEEDS) {
    if (unseen.size === 0) break;
    const line = ['stress', 'interrupted-suspend', 'freeze', '--rounds', '500', '--seed', String(seed), '--json'];
    const result = await runCli(line, t.testdir());
    t.equal(result.code, 0, result.stderr);
    const { suites: ran } = JSON.parse(result.stdout) as StressJson;
    for (const { interruptedByPhase } of ran)
      for (const [phase, count] of Object.entries(interruptedByPhase)) if (count > 0) unseen.delete(phase);
  }
  t.strictSame([...unseen], []);
});
