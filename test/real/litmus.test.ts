import { type Test, test } from 'tap';
import type { RealMachine } from '../../src/actors/machine.ts';
import { litmusTests } from '../../src/scenarios/litmus/all.ts';
import type { Litmus, SpinLockName } from '../../src/scenarios/litmus/litmus.ts';
import type { Scenario } from '../../src/scenarios/scenario.ts';
import { checkLitmus, type LitmusRun } from '../support/litmus.ts';
import { runRound, startMachine } from '../support/real.ts';

const SEED = 1;
/** Shots of a round; starting a round costs more than many shots. */
const ITERATIONS = 200;
const BROKEN_ITERATIONS = 3000;
/** A broken program gets so many rounds to be caught in. */
const ROUNDS_TO_CATCH = 200;

/** A broken program that only fails when threads are lucky; the model catches it. */
const tests = litmusTests.filter(({ name }) => name !== 'wake-up/tested-too-early');

test('what two CPUs can see, on threads', async (t) => {
  t.comment(`seed ${SEED}`);
  const machine = await startMachine(t, 4);
  for (const litmus of tests) await t.test(litmus.name, (each) => checkOnThreads(each, machine, litmus));
});

async function checkOnThreads(t: Test, machine: RealMachine, litmus: Litmus): Promise<void> {
  const mustCatch = litmus.finding !== undefined;
  const run = async (scenario: Scenario, lock: SpinLockName): Promise<LitmusRun> => {
    for (let round = 0; ; round++) {
      const { finding, outcome } = await runRound(machine, { scenario: scenario.name, seed: SEED + round, lock });
      if (finding !== null || !mustCatch) return { finding, outcomes: outcome === null ? [] : [outcome] };
      if (round === ROUNDS_TO_CATCH) throw new Error(`${litmus.name} was not caught in ${ROUNDS_TO_CATCH} rounds`);
    }
  };
  await checkLitmus(t, litmus, run, { iterations: mustCatch ? BROKEN_ITERATIONS : ITERATIONS, exhaustive: false });
}
