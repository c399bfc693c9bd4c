import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { test } from 'tap';
import { runCli } from '../support/cli.ts';
import { expectReplay } from '../support/replay.ts';

interface Report {
  readonly settings: { readonly cpus: number };
  readonly cpus: readonly { readonly cpu: number; readonly steps: number }[];
  readonly ok: boolean;
}

interface StressFinding {
  readonly kind: string;
  readonly explore: string;
  readonly file: string;
}

test('heavy noise runs twice as many CPUs as were asked for or as there are cores, and all of them work', async (t) => {
  const out = t.testdir();
  const line = ['stress', 'suspend', '--cpus', '2', '--noise', 'heavy', '--rounds', '12', '--seed', '1', '--json'];
  const result = await runCli([...line, '--out', out], out);
  t.equal(result.code, 0, result.stderr);
  const { settings, cpus, ok } = JSON.parse(result.stdout) as Report;
  t.ok(ok);
  t.equal(settings.cpus, 2 * Math.max(2, availableParallelism()));
  t.equal(cpus.length, settings.cpus + 1, 'and the interrupt actor');
  t.strictSame(
    cpus.filter(({ steps }) => steps === 0),
    [],
  );
});

test('a finding under heavy noise leads to the same round on the model machine, with its roles on the same CPUs', async (t) => {
  const out = t.testdir();
  const line = ['noflush-pushback', '--bug', 'nf-merge-order-tail', '--noise', 'heavy', '--cpus', '2', '--seed', '1'];
  const stress = await runCli(['stress', ...line, '--seconds', '120', '--json', '--out', out], out);
  t.equal(stress.code, 1, stress.stderr);
  const { suites } = JSON.parse(stress.stdout) as { suites: { findings: StressFinding[] }[] };
  const [finding] = suites.flatMap(({ findings }) => findings);
  if (finding === undefined) throw new Error('threads find nothing');
  const cpus = 2 * Math.max(2, availableParallelism());
  const words = `--cpus ${cpus} --preset unified --lock tas --bug nf-merge-order-tail --kind ${finding.kind}`;
  t.match(finding.explore, /^dmrace explore noflush-pushback@1\.\d+s --cpus /);
  t.ok(finding.explore.endsWith(words), finding.explore);
  const file = JSON.parse(readFileSync(finding.file, 'utf8')) as StressFinding;
  t.equal(file.explore, finding.explore, 'its file has the command too');
  const [, ...explore] = finding.explore.split(' ');
  const search = await runCli([...explore, '--seed', '1', '--jobs', '1', '--shrink-seconds', '1', '--json'], out);
  t.equal(search.code, 1, search.stderr);
  const { findings } = JSON.parse(search.stdout) as { findings: { kind: string; schedule: string }[] };
  t.equal(findings[0]?.kind, finding.kind);
  expectReplay(t, findings[0]?.schedule ?? '', 'reorder');
});
