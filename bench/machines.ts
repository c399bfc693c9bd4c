/**
 * The bio path, suspends and whole rounds on the real machine.
 */
import { suites } from '../src/scenarios/registry.ts';
import { medianOf, nanoseconds } from './measure.ts';
import { onMachine, repeat, valuesOf } from './real.ts';
import type { Row } from './row.ts';

const REPEATS = 5;
const WINDOW_US = 300_000;
const ROUND_CPUS = 4;
/** Rounds of a suite that warm up, and the time that is measured. */
const WARM_UP_ROUNDS = 20;
const ROUNDS_NS = 3e9;

/** Bios on two CPUs, to one device and to two. */
export async function biosOnTwoCpus(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const devices of [1, 2]) {
    const run = { program: 'bios', devices, cpus: 2, us: WINDOW_US } as const;
    const counts = await onMachine(2, (round) => repeat(round, REPEATS, { spinLock: 'tas', run }));
    const rates = valuesOf(counts, 'rate');
    const unitNs = Math.min(...valuesOf(counts, 'unitNs'));
    const units = (rate: number): number => (2 * 1e9) / rate / unitNs;
    const what = `two CPUs, ${devices === 1 ? 'one device' : 'a device each'}`;
    rows.push({ what, measured: Math.max(...rates), median: medianOf(rates), unit: 'bios/s' });
    const each = { measured: units(Math.max(...rates)), median: units(medianOf(rates)), unit: 'raw pairs' };
    rows.push({ what: `${what}, a bio on its CPU`, ...each });
  }
  return rows;
}

/** Suspend and resume, over and over. */
export async function suspendCycles(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const submitters of [0, 4])
    for (const noflush of [false, true]) {
      const run = { program: 'suspends', submitters, noflush, us: WINDOW_US } as const;
      const counts = await onMachine(2, (round) => repeat(round, REPEATS, { spinLock: 'tas', run }));
      const what = `${submitters === 0 ? 'idle' : `${submitters} submitters`}, ${noflush ? 'noflush' : 'flush'}`;
      const rates = valuesOf(counts, 'rate');
      rows.push({ what, measured: Math.max(...rates), median: medianOf(rates), unit: 'suspend + resume/s' });
      const bios = valuesOf(counts, 'bios');
      if (submitters > 0)
        rows.push({ what: `${what}, meanwhile`, measured: Math.max(...bios), median: medianOf(bios), unit: 'bios/s' });
      for (const part of ['p50', 'p99']) {
        const values = valuesOf(counts, part);
        const row = { measured: Math.min(...values), median: medianOf(values), unit: 'µs' };
        rows.push({ what: `${what}, one suspend, ${part}`, ...row });
      }
    }
  return rows;
}

/** Rounds a second of every suite, as `dmrace stress` runs them: oracles on, but without noise. */
export async function suiteRounds(): Promise<Row[]> {
  const bootModule = new URL('../src/cli/boot.js', import.meta.url).href;
  const variant = { preset: 'unified', bug: null };
  const rows: Row[] = [];
  for (const { name } of suites) {
    const rate = await onMachine(
      ROUND_CPUS,
      async (round) => {
        const one = (number: number): Promise<unknown> =>
          round({
            scenario: `${name}@1.${number}`,
            cpus: ROUND_CPUS,
            variant,
            lock: 'tas',
            oracles: true,
          });
        let number = 0;
        while (number < WARM_UP_ROUNDS) await one(number++);
        const start = nanoseconds();
        while (nanoseconds() - start < ROUNDS_NS) await one(number++);
        return ((number - WARM_UP_ROUNDS) * 1e9) / (nanoseconds() - start);
      },
      bootModule,
    );
    rows.push({ what: `suite ${name}, ${ROUND_CPUS} CPUs`, measured: rate, unit: 'rounds/s' });
  }
  return rows;
}
