import { test } from 'tap';
import { exploreScenario } from '../../src/cli/explore-scenario.ts';
import { scenarios } from '../../src/scenarios/registry.ts';
import { runRound, startMachine } from '../support/real.ts';

const SEED = 1;
const ROUNDS = 200;
/** Most outcomes are reached soon; more is tried only while one is missing. */
const MODEL_RUNS = [500, 5000, 200_000];

/** What the model reaches in so many executions. */
async function reached(scenario: string, seed: number, executions: number): Promise<ReadonlySet<string>> {
  const result = await exploreScenario(
    { scenario, cpus: 4, seed, executions, seconds: null, preset: 'unified', bug: null, lock: 'tas' },
    () => false,
  );
  if (result.finding !== null) throw new Error(result.finding.message);
  return new Set(result.outcomes.keys());
}

for (const scenario of scenarios)
  test(`what threads end ${scenario.name} with, the model reaches too`, async (t) => {
    t.comment(`seed ${SEED}, ${ROUNDS} rounds`);
    const machine = await startMachine(t, Math.max(2, scenario.cpus));
    const seen = new Set<string>();
    for (let round = 0; round < ROUNDS; round++) {
      const { finding, outcome } = await runRound(machine, { scenario: scenario.name, seed: SEED + round });
      if (finding !== null) throw new Error(finding.message);
      seen.add(outcome ?? '');
    }
    const model = new Set<string>();
    const unseen = (): string[] => [...seen].filter((outcome) => !model.has(outcome));
    for (const [more, executions] of MODEL_RUNS.entries()) {
      if (unseen().length === 0) break;
      for (const outcome of await reached(scenario.name, SEED + more, executions)) model.add(outcome);
    }
    t.strictSame(unseen(), []);
    t.comment([...seen].join(' / '));
  });
