import { readdirSync, writeFileSync } from 'node:fs';
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
  const cli = startCli(['stress', '--bug', 'nf-check-then-queue-unlocked', '--seconds', '60', '--seed', '1'], folder);
  await cli.printed('stress: suites=');
  writeFileSync(`${folder}/dmrace-out`, 'the folder has become a file');
  const result = await cli.ended;
  t.equal(result.code, 3);
  t.match(result.stdout, /^lost-bio \(I8\): /m);
  t.match(
    result.stdout,
    /FAILURE: 1 finding in interrupted-suspend; the harness broke: the finding cannot be written to /,
  );
  t.match(result.stderr, /^dmrace: the harness broke: the finding cannot be written to dmrace-out/m);
});
