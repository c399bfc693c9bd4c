import { test } from 'tap';
import { exploreChecked, SEED } from './model.ts';
import { planted } from './planted.ts';

/** Enough for those that need a certain interleaving. */
const EXECUTIONS = 2000;

for (const { invariant, kind, scenario, swaps } of planted) {
  test(`${invariant} is found: ${scenario.title}`, async (t) => {
    t.comment(`seed ${SEED}`);
    const { finding } = exploreChecked(scenario, swaps, EXECUTIONS);
    t.match(finding, { kind, invariant }, finding?.message ?? 'nothing was found');
  });
}

for (const { scenario, swaps } of planted.filter((each) => Object.keys(each.swaps).length > 0)) {
  test(`${scenario.name} is clean without its mistake: ${scenario.title}`, async (t) => {
    t.comment(`seed ${SEED}, without ${Object.keys(swaps).join(', ')}`);
    t.equal(exploreChecked(scenario, {}, EXECUTIONS).finding, null);
  });
}
