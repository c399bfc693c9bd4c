import { test } from 'tap';
import type { PlaceReport } from '../../src/machine/machine.ts';
import { selftestCases } from '../../src/scenarios/selftest/cases.ts';
import { STEP_RING_ENTRIES } from '../../src/shared/per-cpu-layout.ts';
import { runRound, startMachine } from '../support/real.ts';

test('a round that hangs is known by its state: who waits for what, and the last 64 steps of every CPU', async (t) => {
  const machine = await startMachine(t, 2);
  // A reader takes the lock again while a writer waits, after both have made many steps.
  const { finding, cpus } = await runRound(machine, { scenario: 'litmus/recursive-reader/rw-semaphore@1', seed: 1 });
  if (finding === null) throw new Error('there is no finding');
  t.equal(finding.kind, 'deadlock');
  t.equal(finding.invariant, 'I48');
  // Not "the round is not over after 30 s".
  t.match(finding.message, /^no CPU can move: side0 waits for &litmus->lock; side1 waits for &litmus->lock$/);
  const places = finding.places.filter(({ at }) => at !== 'asleep');
  t.strictSame(
    places.map(({ cpu }) => cpu),
    [0, 1, 2],
    'the CPUs and the interrupt actor',
  );
  const isStep = ({ lastSteps }: PlaceReport): boolean => lastSteps.every((step) => / \(.+:\d+\)/.test(step));
  for (const place of places) {
    t.equal(place.lastSteps.length, Math.min(STEP_RING_ENTRIES, cpus[place.cpu]?.steps ?? 0));
    t.ok(isStep(place), place.lastSteps.join(', '));
  }
  t.equal(STEP_RING_ENTRIES, 64);
  const sleepers = finding.places.filter(({ at }) => at === 'asleep');
  t.match(sleepers, [
    { who: 'side0', cpu: 0, waitsFor: '&litmus->lock' },
    { who: 'side1', cpu: 1, waitsFor: '&litmus->lock' },
  ]);
});

test('who stands in an interrupt when a finding is made is said to', async (t) => {
  const machine = await startMachine(t, 2);
  const who = async (use: string): Promise<string | undefined> => {
    const scenario = selftestCases.find((each) => each.kind === 'mutex' && each.use === use)?.scenario.name ?? '';
    const { finding } = await runRound(machine, { scenario, seed: 1 });
    t.equal(finding?.kind, 'sleep-in-atomic', use);
    return finding?.places.find(({ cpu }) => cpu === 0)?.who;
  };
  t.equal(await who('in a hardirq and in a task with interrupts on'), 'task, in a hardirq');
  t.equal(await who('in a softirq and in a task with interrupts on'), 'task, in a softirq');
  t.equal(await who('taken with interrupts off'), 'task');
});
