/** Every suite and every scenario on threads with the lock validator: what is planted is found, and nothing else. */
import { test } from 'tap';
import type { RealMachine } from '../../src/actors/machine.ts';
import { JoinedLocks } from '../../src/cli/joined-locks.ts';
import { scenarios, suites, suitesOf } from '../../src/scenarios/registry.ts';
import { presets } from '../../src/variants/presets.ts';
import { runCli } from '../support/cli.ts';
import type { PlantedOrder } from '../support/planted-order-boot.ts';
import { runRound, startMachine } from '../support/real.ts';

interface Printed {
  readonly ok: boolean;
  readonly settings: { readonly lockdep: boolean };
  readonly canaries: readonly { readonly id: string; readonly caught: boolean }[];
  readonly suites: readonly {
    readonly name: string;
    readonly rounds: number;
    readonly findings: readonly { readonly message: string }[];
  }[];
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
      suites.map((suite) => [suite.name, suite.rounds]),
      suitesOf(name).map((suite) => [suite.name, ROUNDS]),
    );
    t.strictSame(
      suites.flatMap(({ name: suite, findings }) => findings.map(({ message }) => `${suite}: ${message}`)),
      [],
    );
    t.equal(ok, true);
    t.equal(code, 0);
  });

const BOOT_MODULE = new URL('../support/planted-order-boot.js', import.meta.url).href;
const CPUS = Math.max(4, ...scenarios.map(({ cpus }) => cpus));

/** A round, heard by the validators of all CPUs; gives what each of them has learned. */
async function heard(machine: RealMachine, scenario: string, planted: boolean): Promise<readonly string[]> {
  const variant = { preset: 'unified', bug: null };
  const lockdep = planted ? 'afresh' : true;
  const boot: PlantedOrder = { scenario, cpus: CPUS, variant, lock: 'tas', oracles: true, lockdep, planted };
  const { finding, notes } = await machine.run({ boot, cpus: CPUS, noise: 'light', seed: SEED, delay: null });
  if (finding !== null) throw new Error(`${scenario}: ${finding.message}`);
  return notes;
}

test('the lock validator is silent over every scenario on threads', async (t) => {
  t.comment(`seed ${SEED}`);
  const machine = await startMachine(t, CPUS, BOOT_MODULE);
  const joined = new JoinedLocks();
  for (const { name } of scenarios)
    for (let round = 0; round < 2; round++) {
      const found = joined.add(await heard(machine, name, false)).map(({ message }) => message);
      t.strictSame(found, [], name);
    }
});

test('two orders that are planted are reported on threads, whatever the suite or scenario', async (t) => {
  const machine = await startMachine(t, CPUS, BOOT_MODULE);
  for (const name of [...suites.map((suite) => `${suite.name}@${SEED}.0`), ...scenarios.map((each) => each.name)]) {
    const found = new JoinedLocks().add(await heard(machine, name, true));
    t.match(found, [{ kind: 'lock-order', message: /&planted->outer at .*&planted->inner/ }], name);
    t.equal(found.length, 1);
  }
});

test('rounds of tests on threads are heard by the lock validator', async (t) => {
  const machine = await startMachine(t, CPUS, BOOT_MODULE);
  const round = { scenario: 'noflush', seed: SEED };
  t.equal((await runRound(machine, round)).finding, null);
  t.match((await runRound(machine, { ...round, planted: true })).finding, {
    kind: 'lock-order',
    message: /&planted->/,
  });
});
