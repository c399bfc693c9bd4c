import { test } from 'tap';
import { runCanary } from '../../src/cli/stress/canaries.ts';
import type { StressSettings } from '../../src/cli/stress/order.ts';
import { StressRunner } from '../../src/cli/stress/runner.ts';
import { canaries } from '../../src/variants/canaries.ts';
import type { Canary } from '../../src/variants/canary.ts';
import { startMachine } from '../support/real.ts';

const TRIES = 100;
const CAUGHT_LEAST = 99;

const settings = (seed: number, out: string): StressSettings => ({
  suites: ['suspend'],
  cpus: 4,
  seconds: null,
  rounds: 1,
  seed,
  preset: 'unified',
  bug: null,
  lock: 'tas',
  noise: 'light',
  out,
  logLevel: 'silent',
});

for (const canary of canaries)
  test(`the canary ${canary.id} is caught in at least ${CAUGHT_LEAST} of ${TRIES} tries`, async (t) => {
    const machine = await startMachine(t, 4);
    let caught = 0;
    for (let seed = 0; seed < TRIES; seed++)
      if ((await runCanary(machine, settings(seed, t.testdir()), canary, () => false)).caught) caught++;
    t.ok(caught >= CAUGHT_LEAST, `${caught} of ${TRIES}`);
  });

test('a canary that is not caught stops the run before its suites and is named as what would have been missed', async (t) => {
  // The scenario of another canary: it never pushes a bio back.
  const pushback = canaries.find(({ id }) => id === 'nf-check-then-queue-unlocked') as Canary;
  const missed: Canary = { ...pushback, scenario: 'canary-lock', delay: null, rounds: 3 };
  const runner = new StressRunner(settings(1, t.testdir()), [missed], { say() {}, stopped: () => false, log() {} });
  const outcome = await runner.run();
  t.strictSame(outcome.canaries, [{ id: missed.id, caught: false, tries: 3 }]);
  t.match(outcome.faults, [
    `the canary ${missed.id} was not caught in 3 rounds: a bug like it (${missed.title}) would have been missed`,
  ]);
  t.equal(outcome.suites[0]?.rounds, 0);
});
