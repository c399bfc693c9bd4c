import { test } from 'tap';
import { findLitmus, litmusTests } from '../../src/scenarios/litmus/all.ts';
import { checkLitmus, type RunOnMachine } from '../support/litmus.ts';
import { runModel } from '../support/model.ts';

const SEED = 20_061;
/** Enough for the rarest declared outcome, ten times over. */
const EXECUTIONS = 1500;

const onModel: RunOnMachine = (scenario, lock) => {
  const { finding, outcomes } = runModel(scenario, { seed: SEED, executions: EXECUTIONS, lock });
  return { finding, outcomes: outcomes.keys() };
};

for (const litmus of litmusTests) {
  const { title } = litmus.scenario({ iterations: 1 });
  test(`${litmus.name}: ${title}`, async (t) => {
    t.comment(`seed ${SEED}, ${EXECUTIONS} executions`);
    await checkLitmus(t, litmus, onModel, { iterations: 1, exhaustive: true });
  });
}

test('a program that repeats its shot tells every outcome that it saw', async (t) => {
  for (const name of ['message-passing/words', 'message-passing/ring', 'lost-update/marked', 'signal/race']) {
    const litmus = litmusTests.find((each) => each.name === name);
    if (litmus === undefined) throw new Error(`there is no litmus test ${name}`);
    await checkLitmus(t, litmus, onModel, { iterations: 3, exhaustive: true });
  }
});

test('a litmus test is found by the name that its scenario has', async (t) => {
  for (const litmus of litmusTests) {
    const scenario = litmus.scenario({ iterations: 20_000 });
    t.equal(findLitmus(scenario.name)?.name, scenario.name);
  }
  t.equal(findLitmus('litmus/no-such/test@1'), undefined);
  t.equal(findLitmus('interrupted-noflush'), undefined);
});
