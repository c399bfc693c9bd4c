/** Every acceptance case on threads: so many rounds, all on one machine. */
import { t } from 'tap';
import { sitesOf } from '../../src/machine/site.ts';
import { startMachine } from '../support/real.ts';
import { CASE_CPUS } from './case.ts';
import { type Machine, SEED, testCases } from './test-cases.ts';

const SLOW_US = 1000;
const machine = await startMachine(t, CASE_CPUS, new URL('./boot.js', import.meta.url).href);

const threads: Machine = async (boot, times, slow) => {
  const delay = slow === undefined ? null : { ...sitesOf(slow.file, slow.func), us: SLOW_US };
  for (let i = 0; i < times; i++) {
    const { finding } = await machine.run({ boot, cpus: CASE_CPUS, noise: 'light', seed: SEED + i, delay });
    if (finding !== null) return finding.message;
  }
  return null;
};

testCases(threads, 'rounds');
