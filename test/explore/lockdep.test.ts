/**
 * The lock validator over many runs: what one run has taught it counts in the next, in whatever slices and threads they are made,
 * and a finding that needs several runs is replayed with all of them.
 */
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { modelMachine } from '../../src/cli/explore-machine.ts';
import { exploreScenario } from '../../src/cli/explore-scenario.ts';
import { withPlaces } from '../../src/cli/retell.ts';
import { scheduledFinding } from '../../src/cli/scheduled-finding.ts';
import { withoutParts } from '../../src/cli/without-parts.ts';
import { FollowList, FollowSchedule } from '../../src/explore/deciders.ts';
import { RunRecorder } from '../../src/explore/recorded-run.ts';
import { SlicedSearch } from '../../src/explore/search.ts';
import { SliceMaker, type SliceReport } from '../../src/explore/slices.ts';
import { Walk } from '../../src/explore/strategies/walk.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { defineScenario } from '../../src/scenarios/own/define.ts';
import { runCli } from '../support/cli.ts';
import { replayed } from '../support/replay.ts';

const SEED = 1;
const FIXTURE = fileURLToPath(new URL('../../../test/fixtures/two-orders.js', import.meta.url));

/** As test/fixtures/two-orders.js; `turns`: the values that make the two orders, anything else takes no lock. */
function twoOrders(name: string, steps: number, turns: readonly [number, number]): string {
  return defineScenario(name, ({ word, mutex }) => {
    const turn = word('turn');
    const [a, b] = [mutex('&two->a'), mutex('&two->b')];
    function* change(): Kernel<void> {
      for (let value = 1; value <= steps; value++) yield* turn.write(value);
    }
    function* both(): Kernel<void> {
      const seen = yield* turn.read();
      if (!turns.includes(seen)) return;
      const [first, second] = seen === turns[0] ? [a, b] : [b, a];
      yield* first.lock();
      yield* second.lock();
      yield* second.unlock();
      yield* first.unlock();
    }
    return { actors: [change, both] };
  }).name;
}

const orderOf = (scenario: string) =>
  ({ scenario, cpus: 2, preset: 'unified', bug: null, lock: 'tas', races: true, lockdep: true }) as const;
const LIMITS = { seconds: 1, seed: SEED, stopped: () => false };

test('two orders that no run takes both are found, and replayed with the run that took the other', async (t) => {
  t.comment(`seed ${SEED}`);
  const scenario = twoOrders('two-orders-in-process', 1, [0, 1]);
  const request = { ...orderOf(scenario), seed: SEED, executions: 500, seconds: null };
  const { finding } = await exploreScenario(request, () => false);
  t.match(finding, { kind: 'lock-order', invariant: 'I16' });
  if (finding === null) return;
  t.equal(finding.earlier.length, 1);
  const { schedule, finding: found } = await scheduledFinding(
    orderOf(scenario),
    finding.choices,
    LIMITS,
    finding.earlier,
  );
  t.match(schedule, /^v1\.two-orders-in-process\.[\w-]+~[\w-]+$/, 'the schedule holds both runs');
  const again = withPlaces(scenario, () => replayed(schedule));
  t.equal(again.divergence, null);
  t.equal(again.run.found?.message, found.message);
  t.match(found.message, /&two->[ab] at .* while it holds &two->[ab] \(taken at .*; both takes &two->[ab] at both /);
  const alone = replayed(schedule.replace(/~.*/, ''));
  t.equal(alone.run.found, null, 'the last run alone shows nothing');
});

test('a round is made smaller together with the runs that come before the last one', async (t) => {
  t.comment(`seed ${SEED}`);
  const bug = { preset: '2.6.20', bug: 'nf-pushback-lock-irqs-on', races: false };
  const order = { ...orderOf('noflush-pushback@1.0'), ...bug, cpus: 4 };
  const { finding } = await exploreScenario({ ...order, seed: SEED, executions: 100, seconds: null }, () => false);
  t.match(finding, { kind: 'irq-unsafe', invariant: 'I17' });
  if (finding === null) return;
  const whole = new RunRecorder(
    modelMachine(order),
    finding.earlier.map((choices) => new FollowList(choices)),
  );
  t.equal(whole.earlier.length, 1);
  const first = whole.run(new FollowList(finding.choices));
  const limits = { seconds: Number.POSITIVE_INFINITY, seed: SEED, stopped: () => false };
  const less = await withoutParts(order, first, whole.earlier, limits);
  t.match(less.order.scenario, /^noflush-pushback@1\.0~/);
  t.equal(less.earlier.length, 1);
  const again = new RunRecorder(
    modelMachine(less.order),
    less.earlier.map((choices) => new FollowSchedule(choices)),
  ).run(new FollowSchedule(less.run));
  t.equal(again.found?.kind, 'irq-unsafe');
  t.equal(again.check, less.run.check);
});

test('orders that were seen in different slices are found when the slices are merged, in whatever order they come', async (t) => {
  t.comment(`seed ${SEED}`);
  const scenario = twoOrders('two-orders-rare', 5, [1, 3]);
  const RUNS = 400;
  const maker = new SliceMaker(modelMachine(orderOf(scenario)), null);
  // One run a slice, so that no slice sees both.
  const reports: SliceReport[] = [];
  for (let number = 0; number < RUNS; number++)
    reports.push(maker.make({ number, strategy: 'uniform', seed: SEED, first: number, runs: 1 }));
  t.ok(reports.every(({ finding }) => finding === null));
  const merged = (order: readonly SliceReport[]) => {
    const search = new SlicedSearch('uniform', SEED, RUNS);
    for (const report of order) search.report(report);
    return search.result();
  };
  const result = merged(reports);
  t.match(result.finding, { kind: 'lock-order', invariant: 'I16' });
  t.ok(result.executions < RUNS, 'what comes after the finding does not count');
  t.strictSame(merged(reports.toReversed()).finding, result.finding);
  t.equal(result.finding?.earlier.length, 1);
});

test('explore says the same for any number of jobs, and replay needs nothing but its line', async (t) => {
  const explored = async (jobs: number) => {
    const out = t.testdir();
    const args = ['explore', FIXTURE, '--seed', '1', '--jobs', String(jobs), '--executions', '4000', '--out', out];
    const { stdout, code } = await runCli([...args, '--shrink-seconds', '0', '--json'], out);
    t.equal(code, 1);
    return JSON.parse(stdout) as { executions: number; findings: { schedule: string; message: string }[] };
  };
  const [one, two] = [await explored(1), await explored(2)];
  t.equal(two.executions, one.executions);
  t.equal(two.findings[0]?.schedule, one.findings[0]?.schedule);
  const replay = await runCli(['replay', '--own', FIXTURE, one.findings[0]?.schedule ?? ''], t.testdir());
  t.equal(replay.code, 1, replay.stderr);
  for (const text of [
    'WARNING: possible circular locking dependency detected',
    'Possible unsafe locking scenario:',
    'lock(&two->b);',
    '*** DEADLOCK ***',
    'End of replay: FAILURE: lock-order',
  ])
    t.ok(replay.stdout.includes(text), text);
});

test('without the validator nothing is found in them', async (t) => {
  const scenario = twoOrders('two-orders-unwatched', 1, [0, 1]);
  const request = { ...orderOf(scenario), lockdep: false, seed: SEED, executions: 500, seconds: null };
  t.equal((await exploreScenario(request, () => false)).finding, null);
});

test('what a slice learns does not depend on the slices that its machine has made before', async (t) => {
  const scenario = twoOrders('two-orders-slices', 1, [0, 1]);
  const machine = modelMachine(orderOf(scenario));
  machine.follow(new Walk(SEED));
  const maker = new SliceMaker(machine, null);
  const order = { number: 3, strategy: 'uniform', seed: SEED, first: 300, runs: 40 } as const;
  const first = maker.make(order);
  maker.make({ ...order, number: 4, first: 340 });
  t.strictSame(maker.make(order).finding, first.finding);
});
