import { test } from 'tap';
import type { PlaceReport } from '../../src/machine/machine.ts';
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
