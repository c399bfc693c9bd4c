import { availableParallelism } from 'node:os';
import { test } from 'tap';
import { runCli } from '../support/cli.ts';

interface Report {
  readonly settings: { readonly cpus: number };
  readonly cpus: readonly { readonly cpu: number; readonly steps: number }[];
  readonly ok: boolean;
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
