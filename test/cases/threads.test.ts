/** Every acceptance case on threads: so many rounds, all on one machine. */
import { t } from 'tap';
import type { RoundResult } from '../../src/actors/machine.ts';
import type { LockdepOrder } from '../../src/cli/thread-lockdep.ts';
import { sitesOf } from '../../src/machine/site.ts';
import { heardRound, startMachine } from '../support/real.ts';
import { CASE_CPUS } from './case.ts';
import { type Machine, SEED, testCases } from './test-cases.ts';

const SLOW_US = 1000;
const machine = await startMachine(t, CASE_CPUS, new URL('./boot.js', import.meta.url).href);

const threads: Machine = async (order, times, slow) => {
  const delay = slow === undefined ? null : { ...sitesOf(slow.file, slow.func), us: SLOW_US };
  for (let i = 0; i < times; i++) {
    const run = (lockdep: LockdepOrder = false): Promise<RoundResult> =>
      machine.run({ boot: { ...order, lockdep }, cpus: CASE_CPUS, noise: 'light', seed: SEED + i, delay });
    const { finding } = await (order.oracles ? heardRound(machine, order.preset, run) : run());
    if (finding !== null) return finding.message;
  }
  return null;
};

testCases(threads, 'rounds');
