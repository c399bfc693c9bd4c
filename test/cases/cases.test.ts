/**
 * Every acceptance case on both machines: so many seeded schedules on the model, so many rounds on threads.
 */
import { type Test, test } from 'tap';
import type { RealMachine } from '../../src/actors/machine.ts';
import { explore } from '../../src/explore/explore.ts';
import { Walk } from '../../src/explore/walk.ts';
import { sitesOf } from '../../src/machine/site.ts';
import { startMachine } from '../support/real.ts';
import { cases } from './all.ts';
import { type CaseOrder, prepare } from './boot.ts';
import { type AcceptanceCase, CASE_CPUS } from './case.ts';

const SEED = 1;
const TIMES = { schedules: 150, rounds: 25 };
/** Enough for a bug that needs a certain interleaving. */
const TIMES_TO_FIND = { schedules: 20_000, rounds: 2000 };
const SLOW_US = 1000;
const STEP_LIMIT = 50_000;

const BOOT_MODULE = new URL('./boot.js', import.meta.url).href;

/** Up to the first finding; gives its sentence, or null. */
type Machine = (order: CaseOrder, times: number, slow?: AcceptanceCase['slow']) => Promise<string | null>;
type Times = NonNullable<AcceptanceCase['times']>;

const model: Machine = async (order, times) => {
  const bootable = prepare(order);
  const { finding } = explore(bootable.build, new Walk(SEED), times, {
    ...bootable,
    settings: { cpus: CASE_CPUS, lock: 'tas', oracles: order.oracles },
    stepLimit: STEP_LIMIT,
  });
  return finding?.message ?? null;
};

const threads =
  (machine: RealMachine): Machine =>
  async (boot, times, slow) => {
    const delay = slow === undefined ? null : { ...sitesOf(slow.file, slow.func), us: SLOW_US };
    for (let i = 0; i < times; i++) {
      const { finding } = await machine.run({ boot, cpus: CASE_CPUS, noise: 'light', seed: SEED + i, delay });
      if (finding !== null) return finding.message;
    }
    return null;
  };

async function runCases(t: Test, machine: Machine, unit: keyof Times): Promise<void> {
  t.comment(`seed ${SEED}`);
  for (const { sentence, presets = ['unified'], bugs = [], planted, times = TIMES, slow } of cases)
    await t.test(sentence, async (t) => {
      for (const preset of presets) {
        const order = { sentence, preset, bug: null, planted: false, oracles: true };
        t.equal(await machine(order, times[unit]), null, `${preset}: holds`);
        const mistakes = [
          ...bugs.map((bug) => ({ bug, planted: false })),
          ...(planted === undefined ? [] : [{ bug: null, planted: true }]),
        ];
        for (const mistake of mistakes) {
          const finding = await machine({ ...order, ...mistake, oracles: false }, TIMES_TO_FIND[unit], slow);
          t.not(finding, null, `${preset} with ${mistake.bug ?? 'a planted mistake'}: does not hold; ${finding}`);
        }
      }
    });
}

test('on the model machine', async (t) => {
  await runCases(t, model, 'schedules');
});

test('on threads', async (t) => {
  await runCases(t, threads(await startMachine(t, CASE_CPUS, BOOT_MODULE)), 'rounds');
});
