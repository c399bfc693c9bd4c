import { test } from 'tap';
import { findLitmus, litmusTests } from '../../src/scenarios/litmus/all.ts';
import { checkLitmus, type RunOnMachine } from '../support/litmus.ts';
import { runModel } from '../support/model.ts';

const SEED = 20_061;
/** Enough for the rarest declared outcome, ten times over. */
const EXECUTIONS = 1500;
/** Tests whose mistake, were it made, would show in one of a thousand executions only. */
const RARE: ReadonlyMap<string, number> = new Map([['signal/exclusive', 8000]]);

const onModel =
  (executions: number): RunOnMachine =>
  (scenario, lock) => {
    const { finding, outcomes } = runModel(scenario, {
      seed: SEED,
      executions,
      lock,
      // A broken program is about what really happens.
      lockdep: scenario.outcomes?.length !== 0,
    });
    return { finding, outcomes: outcomes.keys() };
  };

for (const litmus of litmusTests) {
  const { title } = litmus.scenario({ iterations: 1 });
  test(`${litmus.name}: ${title}`, async (t) => {
    const executions = RARE.get(litmus.name) ?? EXECUTIONS;
    t.comment(`seed ${SEED}, ${executions} executions`);
    await checkLitmus(t, litmus, onModel(executions), { iterations: 1, exhaustive: true });
  });
}

test('a program that repeats its shot tells every outcome that it saw', async (t) => {
  for (const name of [
    'message-passing/words',
    'message-passing/ring',
    'lost-update/marked',
    'signal/race',
    'workqueue/flush',
  ]) {
    const litmus = litmusTests.find((each) => each.name === name);
    if (litmus === undefined) throw new Error(`there is no litmus test ${name}`);
    await checkLitmus(t, litmus, onModel(EXECUTIONS), { iterations: 3, exhaustive: true });
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
