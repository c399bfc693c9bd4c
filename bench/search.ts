/**
 * Searches in several threads, and a scheduler of promises beside them.
 */
import { asyncProperty, check, type Scheduler, scheduler } from 'fast-check';
import { exploreScenario } from '../src/cli/explore-scenario.ts';
import { medianOf, nanoseconds } from './measure.ts';
import type { Row } from './row.ts';

const REQUEST = {
  scenario: 'interrupted-noflush',
  cpus: 4,
  preset: 'unified',
  bug: null,
  lock: 'tas',
  seed: 1,
  strategy: 'walk',
  executions: null,
  seconds: 60,
} as const;
const REPEATS = 2;

/** Steps a second of the whole search, its threads' start included. */
async function searchRate(jobs: number): Promise<number> {
  const { finding, steps, seconds } = await exploreScenario({ ...REQUEST, jobs }, () => false);
  if (finding !== null) throw new Error(`the search finds something in ${REQUEST.scenario}: ${finding.message}`);
  return steps / seconds;
}

/** One job and two, in turn, so that both meet the same noise. */
export async function twoJobs(): Promise<Row[]> {
  const one: number[] = [];
  const two: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    one.push(await searchRate(1));
    two.push(await searchRate(2));
  }
  const rate = (what: string, rates: number[]): Row => ({
    what,
    measured: Math.max(...rates),
    median: medianOf(rates),
    unit: 'steps/s',
  });
  const ratios = two.map((rateOfTwo, i) => rateOfTwo / (one[i] as number));
  return [
    rate('coverage and races, --jobs 1', one),
    rate('coverage and races, --jobs 2', two),
    {
      what: 'two jobs ÷ one',
      measured: Math.max(...two) / Math.max(...one),
      median: medianOf(ratios),
      unit: '×',
      target: { atLeast: 1.7 },
    },
  ];
}

const PROMISE_RUNS = 60;
const PROMISE_REPEATS = 20;
/** So that a run has about as many steps as an execution of the noflush scenario. */
const BIOS = 22;

/**
 * What the noflush scenario is about, in promises: a submitter under a lock, a suspender that waits for `pending`, a completion that
 * hands back what it ends while `noflush` stands. Each access of shared state is a step. Gives the steps.
 */
async function promiseProgram(s: Scheduler): Promise<number> {
  const device = { locked: false, pending: 0, noflush: false, suspended: false, pushback: 0, ended: 0 };
  let steps = 0;
  const step = (): Promise<void> => {
    steps++;
    return s.schedule(Promise.resolve());
  };
  async function take(): Promise<void> {
    await step();
    while (device.locked) await step();
    device.locked = true;
  }
  async function give(): Promise<void> {
    await step();
    device.locked = false;
  }
  async function bio(): Promise<void> {
    await take();
    await step();
    device.pending++;
    await give();
    await step();
    if (device.noflush) device.pushback++;
    else device.ended++;
    await step();
    device.pending--;
  }
  async function submitter(): Promise<void> {
    for (let i = 0; i < BIOS; i++) await bio();
  }
  async function suspender(): Promise<void> {
    await step();
    device.noflush = true;
    await take();
    while (device.pending > 0) {
      await give();
      await take();
    }
    device.suspended = true;
    device.noflush = false;
    await give();
  }
  const all = Promise.all([submitter(), submitter(), suspender()]);
  await s.waitFor(all);
  if (device.pushback + device.ended !== 2 * BIOS) throw new Error('a bio is lost');
  return steps;
}

/** fast-check's scheduler on a promise program of the same kind, in this thread. */
export async function promiseSteps(): Promise<Row[]> {
  const rates: number[] = [];
  let lengths = 0;
  for (let seed = 0; seed < PROMISE_REPEATS; seed++) {
    let steps = 0;
    const start = nanoseconds();
    const property = asyncProperty(scheduler(), async (s) => {
      steps += await promiseProgram(s);
    });
    const { failed } = await check(property, { numRuns: PROMISE_RUNS, seed });
    if (failed) throw new Error('fast-check finds something in the promise program');
    rates.push(steps / ((nanoseconds() - start) / 1e9));
    lengths += steps;
  }
  const program = 'promises under fast-check’s scheduler';
  return [
    { what: program, measured: Math.max(...rates), median: medianOf(rates), unit: 'steps/s' },
    { what: `${program}, length`, measured: lengths / (PROMISE_REPEATS * PROMISE_RUNS), unit: 'steps/execution' },
  ];
}
