import { test } from 'tap';
import { exploreChecked, SEED } from './model.ts';
import { planted } from './planted.ts';

/** Enough for those that need a certain interleaving. */
const EXECUTIONS = 2000;

for (const { invariant, kind, message = /./, scenario, swaps, executions = EXECUTIONS } of planted) {
  test(`${invariant} is found: ${scenario.title}`, async (t) => {
    t.comment(`seed ${SEED}`);
    const { finding } = exploreChecked(scenario, swaps, executions, { validates: false });
    t.match(finding, { kind, invariant, message }, finding?.message ?? 'nothing was found');
  });
}

for (const { scenario, swaps, executions = EXECUTIONS } of planted.filter(
  (each) => Object.keys(each.swaps).length > 0,
)) {
  test(`nothing is found without its mistake: ${scenario.title}`, async (t) => {
    t.comment(`seed ${SEED}, without ${Object.keys(swaps).join(', ')}`);
    t.equal(exploreChecked(scenario, {}, executions).finding, null);
  });
}

test('each planted program has a name of its own', async (t) => {
  t.equal(new Set(planted.map(({ scenario }) => scenario.name)).size, planted.length);
});

test('each invariant that the oracles know is planted', async (t) => {
  // The order of locks (I16) is the validator's, which does not listen here: scenarios/lockdep.test.ts plants it.
  const known = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 32, 33, 34,
    35, 36, 37, 38, 39, 40, 41, 42, 43, 45, 46, 47, 48, 49, 50, 51, 52, 53,
  ];
  t.strictSame(
    known.filter((number) => !planted.some(({ invariant }) => invariant === `I${number}`)),
    [],
  );
});
