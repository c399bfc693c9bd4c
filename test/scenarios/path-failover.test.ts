/**
 * The suites `path-failover` and `rq-mpath-flush` on the model machine: they would notice an I/O that fails, and a suspend that hangs.
 */
import { type Test, test } from 'tap';
import type { Seams } from '../../src/core/seams.ts';
import { type FailoverPlan, planFailoverRound, planRqFailoverRound } from '../../src/scenarios/suites/failover-plan.ts';
import { failoverRound } from '../../src/scenarios/suites/path-failover.ts';
import { canaries } from '../../src/variants/canaries.ts';
import { type CheckedResult, exploreChecked, SEED } from '../check/model.ts';

const CPUS = 3;
const ROUNDS = 24;
const EXECUTIONS = 4;

const SUITES = [
  ['path-failover', planFailoverRound],
  ['rq-mpath-flush', planRqFailoverRound],
] as const;
type Suite = (typeof SUITES)[number];

/** Rounds up to the first finding, each of them changed. */
function runRounds(
  t: Test,
  [name, planRound]: Suite,
  change: (plan: FailoverPlan) => FailoverPlan,
  swaps: Partial<Seams> = {},
): CheckedResult {
  t.comment(`seed ${SEED}`);
  for (let round = 0; ; round++) {
    const plan = change(planRound(SEED, round, CPUS));
    const result = exploreChecked(failoverRound(`${name}@${SEED}.${round}`, plan, CPUS), swaps, EXECUTIONS);
    if (result.finding !== null || round === ROUNDS) return result;
  }
}

for (const suite of SUITES) {
  test(`${suite[0]}: without queue_if_no_path an I/O fails in some round, and the round says so`, async (t) => {
    const { finding } = runRounds(t, suite, (plan) => ({
      ...plan,
      tables: plan.tables.map((table) => table.replaceAll('1 queue_if_no_path', '0')),
    }));
    t.match(finding, { kind: 'wrong-error', invariant: 'I53', message: /failed, although paths return/ });
  });

  test(`${suite[0]}: a suspend that nobody wakes is found`, async (t) => {
    const dropped = canaries.find(({ id }) => id === 'wake-dropped')?.swaps ?? {};
    const { finding } = runRounds(t, suite, (plan) => plan, dropped);
    t.match(finding, { kind: 'lost-wakeup', invariant: 'I47' });
  });
}
