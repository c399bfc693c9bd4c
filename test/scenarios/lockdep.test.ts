/**
 * The lock validator over rounds of every suite on the model machine: silent, and not deaf.
 */
import { test } from 'tap';
import { ModelMachine } from '../../src/explore/explore.ts';
import { Walk } from '../../src/explore/strategies/walk.ts';
import type { FindingReport } from '../../src/machine/machine.ts';
import { suitesOf } from '../../src/scenarios/registry.ts';
import { Lockdep } from '../../src/shared/lockdep/lockdep.ts';
import { presets } from '../../src/variants/presets.ts';
import { type PlantedOrder, prepare } from '../support/planted-order-boot.ts';

const CPUS = 4;
const SEED = 7;
const ROUNDS = 3;
const EXECUTIONS = 2;
const STEP_LIMIT = 100_000;

/** Executions of a round, up to the first finding; `lockdep` keeps what it learns. */
function runRound(scenario: string, preset: string, lockdep: Lockdep, planted: boolean): FindingReport | null {
  const variant = { preset, bug: null };
  const order: PlantedOrder = { scenario, cpus: CPUS, variant, lock: 'tas', oracles: true, lockdep: true, planted };
  const bootable = prepare(order, lockdep);
  const machine = new ModelMachine(() => bootable.build(), new Walk(SEED), {
    settings: { cpus: CPUS, lock: 'tas', oracles: true },
    stepLimit: STEP_LIMIT,
    ...bootable,
    lockdep,
  });
  let finding: FindingReport | null = null;
  for (let run = 0; run < EXECUTIONS && finding === null; run++) finding = machine.run(run).finding;
  return finding;
}

for (const { name: preset } of presets.filter(({ clean }) => clean))
  test(`the lock validator is silent over rounds of every suite, preset ${preset}`, async (t) => {
    t.comment(`seed ${SEED}`);
    // One for all: what two suites do to the same locks must agree too.
    const lockdep = new Lockdep({ throws: true });
    for (const { name } of suitesOf(preset))
      for (let round = 0; round < ROUNDS; round++) {
        const scenario = `${name}@${SEED}.${round}`;
        const finding = runRound(scenario, preset, lockdep, false);
        t.equal(finding, null, `${scenario}: ${finding?.message ?? 'silent'}`);
      }
  });

test('two orders that are planted in a round are reported, whatever its suite', async (t) => {
  for (const { name } of suitesOf('unified')) {
    const finding = runRound(`${name}@${SEED}.0`, 'unified', new Lockdep({ throws: true }), true);
    t.match(finding, { kind: 'lock-order', invariant: 'I16', message: /&planted->outer at .*&planted->inner/ }, name);
  }
});
