/** Every suite on threads with the lock validator: its canary is caught, and nothing else is found. */
import { test } from 'tap';
import { presets } from '../../src/variants/presets.ts';
import { runCli } from '../support/cli.ts';

interface Printed {
  readonly ok: boolean;
  readonly settings: { readonly lockdep: boolean };
  readonly canaries: readonly { readonly id: string; readonly caught: boolean }[];
  readonly suites: readonly { readonly name: string; readonly findings: readonly { readonly message: string }[] }[];
}

const SEED = 5;
const ROUNDS = 8;

for (const { name } of presets.filter(({ clean }) => clean))
  test(`the lock validator is silent over every suite on threads, preset ${name}`, async (t) => {
    t.comment(`seed ${SEED}`);
    const args = ['stress', '--lockdep', '--preset', name, '--cpus', '3', '--seed', String(SEED)];
    const out = t.testdir();
    const { stdout, code } = await runCli([...args, '--rounds', String(ROUNDS), '--out', out, '--json'], out);
    const { ok, settings, canaries, suites } = JSON.parse(stdout) as Printed;
    t.equal(settings.lockdep, true);
    t.ok(
      canaries.some(({ id, caught }) => id === 'lock-order' && caught),
      'the canary',
    );
    t.strictSame(
      suites.flatMap(({ name: suite, findings }) => findings.map(({ message }) => `${suite}: ${message}`)),
      [],
    );
    t.equal(ok, true);
    t.equal(code, 0);
  });
