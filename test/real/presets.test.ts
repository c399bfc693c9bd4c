/**
 * The clean presets on threads and on the model: who gets in a suspend's way, and rounds of every suite.
 */
import { test } from 'tap';
import { exploreScenario } from '../../src/cli/explore-scenario.ts';
import { suitesOf } from '../../src/scenarios/registry.ts';
import { CLEAN_PRESETS } from '../support/kernel.ts';
import { runRound, startMachine } from '../support/real.ts';

const SEED = 1;
const ROUNDS = 150;
const MODEL_EXECUTIONS = 10_000;
const SUITE_ROUNDS = 25;

/** All ends that a scenario may have: by preset where they differ. */
const phases = (suspend: string, names: readonly string[]): string[] =>
  names.map((name) => `signal ${name}: suspend ${suspend}, bio 0`);
const RIVALS = ['-EINVAL and 0', '0 and -EINVAL', '0 and 0'].map((each) => `suspends ${each}, bio 0`);
const RESUMES = ['0, left suspended', '-EINVAL, left suspended', '0, left active'].map(
  (each) => `suspend 0, resume ${each}, bio 0`,
);
const ENDS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  unified: {
    'signal-in-suspend': phases('-EINTR', ['before', 'in presuspend', 'in freeze', 'in block', 'in flush', 'in wait']),
    'signal-in-noflush': phases('-EINTR', ['before', 'in presuspend', 'in block', 'in flush', 'in wait']),
    'rival-suspends': RIVALS,
    'resume-in-suspend': RESUMES,
  },
  // There is no thread to wait for.
  '2.6.20': {
    'signal-in-suspend': phases('-EINTR', ['before', 'in presuspend', 'in freeze', 'in block', 'in wait']),
    'signal-in-noflush': phases('-EINTR', ['before', 'in presuspend', 'in block', 'in wait']),
    'rival-suspends': RIVALS,
    'resume-in-suspend': RESUMES,
  },
};

for (const preset of CLEAN_PRESETS)
  for (const [scenario, ends] of Object.entries(ENDS[preset] ?? {}))
    test(`${preset}: ${scenario} ends on the model in all ways that it may, and on threads in none but those`, async (t) => {
      t.comment(`seed ${SEED}`);
      const request = { scenario, cpus: 4, seed: SEED, executions: MODEL_EXECUTIONS, seconds: null };
      const model = await exploreScenario({ ...request, preset, bug: null, lock: 'tas' }, () => false);
      t.equal(model.finding, null, model.finding?.message ?? 'clean');
      t.strictSame([...model.outcomes.keys()].sort(), [...ends].sort());
      const machine = await startMachine(t, 3);
      const seen = new Set<string>();
      for (let round = 0; round < ROUNDS; round++) {
        const { finding, outcome } = await runRound(machine, { scenario, preset, seed: SEED + round });
        if (finding !== null) throw new Error(finding.message);
        seen.add(outcome ?? '');
      }
      t.comment([...seen].join(' / '));
      // A phase without a step of its own, which the model has none to signal in.
      const unseen = ends.map((each) => each.replace('in presuspend', 'in freeze'));
      for (const outcome of seen) t.ok(ends.includes(outcome) || unseen.includes(outcome), outcome);
    });

for (const preset of CLEAN_PRESETS)
  test(`${preset}: rounds of every suite are clean on threads`, async (t) => {
    t.comment(`seed ${SEED}`);
    const machine = await startMachine(t, 4);
    for (const { name } of suitesOf(preset))
      for (let round = 0; round < SUITE_ROUNDS; round++) {
        const scenario = `${name}@${SEED}.${round}`;
        const { finding } = await runRound(machine, { scenario, preset, seed: SEED + round });
        if (finding !== null) t.fail(`${scenario}: ${finding.message}`);
      }
  });
