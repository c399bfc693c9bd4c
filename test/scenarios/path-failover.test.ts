/**
 * The suite `path-failover` on the model machine: it would notice an I/O that fails, and a suspend that hangs.
 */
import { type Test, test } from 'tap';
import type { Seams } from '../../src/core/seams.ts';
import { type FailoverPlan, planFailoverRound } from '../../src/scenarios/suites/failover-plan.ts';
import { failoverRound } from '../../src/scenarios/suites/path-failover.ts';
import { canaries } from '../../src/variants/canaries.ts';
import { type CheckedResult, exploreChecked, SEED } from '../check/model.ts';

const CPUS = 3;
const ROUNDS = 24;
const EXECUTIONS = 4;

/** Rounds up to the first finding, each of them changed. */
function runRounds(t: Test, change: (plan: FailoverPlan) => FailoverPlan, swaps: Partial<Seams> = {}): CheckedResult {
  t.comment(`seed ${SEED}`);
  for (let round = 0; ; round++) {
    const plan = change(planFailoverRound(SEED, round, CPUS));
    const result = exploreChecked(failoverRound(`path-failover@${SEED}.${round}`, plan, CPUS), swaps, EXECUTIONS);
    if (result.finding !== null || round === ROUNDS) return result;
  }
}

test('without queue_if_no_path an I/O fails in some round, and the round says so', async (t) => {
  const { finding } = runRounds(t, (plan) => ({
    ...plan,
    tables: plan.tables.map((table) => table.replaceAll('1 queue_if_no_path', '0')),
  }));
  t.match(finding, { kind: 'wrong-error', invariant: 'I53', message: /failed, although paths return/ });
});

test('a suspend that nobody wakes is found', async (t) => {
  const { finding } = runRounds(t, (plan) => plan, canaries.find(({ id }) => id === 'wake-dropped')?.swaps ?? {});
  t.match(finding, { kind: 'lost-wakeup', invariant: 'I47' });
});
