/**
 * Each program of the benchmark shows its bug and no other, and its repaired twin shows nothing.
 */
import { test } from 'tap';
import { skeletons } from '../../bench/sctbench/programs.ts';
import { published } from '../../bench/sctbench/published.ts';
import { ALGORITHM_NAMES, type Algorithm, Bench } from '../../bench/sctbench/trial.ts';

const SEED = 1;
/** Steps in which a bug is found, and in which nothing is found in a twin, by each algorithm. */
const STEPS = 1_000_000;
const TWIN_STEPS = 60_000;

/** Too rare for a test: the published trials took 369,000 schedules on average. */
const RARE = ['SafeStack'];

const WITHIN = { schedules: 5000, steps: STEPS };

for (const skeleton of skeletons) {
  const { name } = skeleton;
  if (!RARE.includes(name))
    test(`${name}: the bug is found`, async (t) => {
      const { found, other } = new Bench(skeleton).trial('SURW', SEED, WITHIN);
      t.not(found, null, `found after ${found} schedules`);
      t.equal(other, '');
    });

  test(`${name}: the repaired twin is silent`, async (t) => {
    const twin = new Bench(skeleton, true);
    for (const algorithm of ALGORITHM_NAMES) {
      const { found, other, schedules } = twin.trial(algorithm, SEED, { schedules: 1000, steps: TWIN_STEPS });
      t.equal(found, null, `${algorithm}: ${schedules} schedules`);
      t.equal(other, '', algorithm);
    }
  });
}

test('the portfolio finds the bug of a program too, with the same seed after the same number of schedules', async (t) => {
  const wronglock = skeletons.find(({ name }) => name === 'CS/wronglock');
  if (wronglock === undefined) throw new Error('there is no wronglock');
  const found = [1, 2].map(() => new Bench(wronglock).trial('portfolio', SEED, WITHIN).found);
  t.not(found[0], null);
  t.equal(found[0], found[1]);
});

test('most programs have published figures, under the same names', async (t) => {
  const algorithms: readonly Algorithm[] = ['SURW', 'PCT-3', 'PCT-10', 'POS', 'RW'];
  const known = skeletons.filter(({ name }) => algorithms.some((each) => published(name, each) !== undefined));
  t.ok(known.length >= 20, `${known.length} of ${skeletons.length}`);
  t.equal(new Set(skeletons.map(({ name }) => name)).size, skeletons.length);
  t.strictSame(published('CS/reorder_3', 'SURW'), {
    trials: 20,
    solved: 20,
    schedules: { mean: 7.3, min: 2, max: 23 },
  });
});
