/** Every acceptance case on the model machine: so many seeded schedules. */
import { test } from 'tap';
import { explore } from '../../src/explore/explore.ts';
import { Walk } from '../../src/explore/strategies/walk.ts';
import { Lockdep } from '../../src/shared/lockdep/lockdep.ts';
import { cases } from './all.ts';
import { prepare } from './boot.ts';
import { CASE_CPUS } from './case.ts';
import { type Machine, SEED, testCases } from './test-cases.ts';

const STEP_LIMIT = 50_000;

const model: Machine = async (order, times) => {
  // Without oracles a case shows that it notices a mistake itself.
  const lockdep = order.oracles ? new Lockdep({ throws: true }) : null;
  const bootable = prepare({ ...order, lockdep: lockdep !== null }, lockdep);
  const { finding } = explore(bootable.build, new Walk(SEED), times, {
    ...bootable,
    settings: { cpus: CASE_CPUS, lock: 'tas', oracles: order.oracles },
    stepLimit: STEP_LIMIT,
    lockdep,
  });
  return finding?.message ?? null;
};

testCases(model, 'schedules');

test('each case has a mistake that it must notice', async (t) => {
  const without = cases.filter(({ bugs = [], planted }) => bugs.length === 0 && planted === undefined);
  t.strictSame(
    without.map(({ sentence }) => sentence),
    [],
  );
});
