import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'tap';
import { runCli, startCli } from '../support/cli.ts';

test('a run without a finding leaves nothing behind, not even of its canaries', async (t) => {
  const folder = t.testdir();
  const result = await runCli(['stress', 'suspend', '--rounds', '2', '--seed', '6'], folder);
  t.equal(result.code, 0, result.stderr);
  t.strictSame(readdirSync(folder), []);
});

test('a finding that cannot be written is reported all the same, and the run ends with 3', async (t) => {
  const folder = t.testdir();
  const cli = startCli(['stress', '--bug', 'io-freed-after-endio', '--seconds', '240', '--seed', '1'], folder);
  await cli.printed('stress: suites=');
  writeFileSync(`${folder}/dmrace-out`, 'the folder has become a file');
  const result = await cli.ended;
  t.equal(result.code, 3);
  t.match(result.stdout, /^use-after-free \(I14\): /m);
  t.match(result.stdout, /FAILURE: 1 finding in suspend; the harness broke: the finding cannot be written to /);
  t.match(result.stderr, /^dmrace: the harness broke: the finding cannot be written to dmrace-out/m);
});

test('--log-level says what the actors log: each line has its actor, and its task if one runs', async (t) => {
  const folder = t.testdir();
  const line = ['stress', '--bug', 'io-freed-after-endio', '--seconds', '240', '--seed', '1'];
  const result = await runCli([...line, '--log-level', 'debug', '--out', 'out'], folder);
  t.equal(result.code, 1, result.stderr);
  const lines = readFileSync(`${folder}/out/actors.log`, 'utf8').trimEnd().split('\n');
  const logged = lines.map((text) => JSON.parse(text) as { actor: string; msg: string; task?: string; kind?: string });
  const actors = [...new Set(logged.filter(({ msg }) => msg === 'round begins').map(({ actor }) => actor))];
  t.strictSame(actors.sort(), ['cpu0', 'cpu1', 'cpu2', 'cpu3', 'interrupt-actor']);
  const found = logged.filter(({ kind }) => kind === 'use-after-free');
  t.equal(found.length, 1);
  t.match(found, [{ actor: /^(cpu\d|interrupt-actor)$/ }]);
  t.match(result.stderr, /"actor":"administrator".*"kind":"use-after-free"/);

  const silent = await runCli([...line, '--log-level', 'silent', '--out', 'quiet'], folder);
  t.equal(silent.code, 1);
  t.equal(silent.stderr, '');
  t.notOk(readdirSync(`${folder}/quiet`).includes('actors.log'));
});
