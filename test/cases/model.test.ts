/** Every acceptance case on the model machine: so many seeded schedules. */
import { explore } from '../../src/explore/explore.ts';
import { Walk } from '../../src/explore/strategies/walk.ts';
import { prepare } from './boot.ts';
import { CASE_CPUS } from './case.ts';
import { type Machine, SEED, testCases } from './test-cases.ts';

const STEP_LIMIT = 50_000;

const model: Machine = async (order, times) => {
  const bootable = prepare(order);
  const { finding } = explore(bootable.build, new Walk(SEED), times, {
    ...bootable,
    settings: { cpus: CASE_CPUS, lock: 'tas', oracles: order.oracles },
    stepLimit: STEP_LIMIT,
  });
  return finding?.message ?? null;
};

testCases(model, 'schedules');
