/**
 * The rounds of the suites on the model machine: clean without a bug, made from their seed alone, and with counts that add up.
 */
import { test } from 'tap';
import { prepare } from '../../src/cli/boot.ts';
import { ModelMachine } from '../../src/explore/explore.ts';
import { Walk } from '../../src/explore/strategies/walk.ts';
import type { RunOutcome } from '../../src/machine/machine.ts';
import { findScenario, suites } from '../../src/scenarios/registry.ts';
import { barrier, barrierPowercut } from '../../src/scenarios/suites/barrier.ts';
import { planFailoverRound, planRqFailoverRound } from '../../src/scenarios/suites/failover-plan.ts';
import { planLocksRound } from '../../src/scenarios/suites/locks.ts';
import { interruptedSuspend, noflushPushback, rqSuspend, suspend } from '../../src/scenarios/suites/suspend-suites.ts';
import { boundProgram } from '../../src/shared/program.ts';
import { canaries } from '../../src/variants/canaries.ts';

const CPUS = 4;
const ROUNDS = 24;
const EXECUTIONS = 6;
const STEP_LIMIT = 100_000;
/** What a round about suspending may take on average, so that it can be searched. */
const SUSPEND_STEPS_MAX = 6000;

interface Seat {
  readonly name: string;
  readonly cpu: number;
}

/** Executions of a round with oracles, up to the first finding. */
function runRound(name: string, cpus: number, executions: number, bug: string | null = null): RunOutcome[] {
  const variant = { preset: 'unified', bug };
  const bootable = prepare({ scenario: name, cpus, variant, lock: 'tas', oracles: true });
  const machine = new ModelMachine(() => bootable.build(), new Walk(1), {
    settings: { cpus, lock: 'tas', oracles: true },
    stepLimit: STEP_LIMIT,
    ...bootable,
  });
  const outcomes: RunOutcome[] = [];
  for (let run = 0; run < executions && outcomes.at(-1)?.finding == null; run++) outcomes.push(machine.run(run));
  return outcomes;
}

const suspendSuites = [suspend, noflushPushback, interruptedSuspend, rqSuspend];
const failovers = [{ plan: planFailoverRound }, { plan: planRqFailoverRound }];
const plans = [...suspendSuites, { plan: planLocksRound }, ...failovers, barrier, barrierPowercut];

for (const { name } of suites)
  test(`rounds of suite ${name} are clean, whatever the schedule`, async (t) => {
    for (let round = 0; round < ROUNDS; round++) {
      const runs = runRound(`${name}@7.${round}`, CPUS, EXECUTIONS);
      const { finding } = runs.at(-1) as RunOutcome;
      t.equal(finding, null, `${name}@7.${round}: ${finding?.message ?? 'clean'}`);
    }
  });

for (const { name } of suspendSuites) {
  test(`what the rounds of suite ${name} count adds up, and a round can be searched`, async (t) => {
    for (let round = 0; round < ROUNDS; round++) {
      const runs = runRound(`${name}@8.${round}`, CPUS, EXECUTIONS);
      for (const { counts } of runs) {
        t.ok((counts['bios.submitted'] as number) > 0);
        t.equal(counts['bios.submitted'], (counts['bios.completed'] as number) + (counts['bios.failed'] as number));
        const phases = Object.keys(counts).filter((key) => key.startsWith('interrupted.'));
        const byPhase = phases.reduce((sum, key) => sum + (counts[key] as number), 0);
        t.equal(counts['suspends.interrupted'], byPhase);
      }
      const steps = runs.reduce((sum, run) => sum + run.steps, 0) / runs.length;
      t.ok(steps <= SUSPEND_STEPS_MAX, `${steps} steps`);
    }
  });
}

for (const [suite, what, seen] of [
  ['path-failover', 'bios are pushed back', ['bios.pushedBack']],
  ['rq-mpath-flush', 'barriers have all their flushes', ['barriers.completed']],
] as const)
  test(`in rounds of ${suite} paths break, ${what}, and no I/O fails`, async (t) => {
    const total = new Map<string, number>();
    for (let round = 0; round < ROUNDS; round++)
      for (const { counts } of runRound(`${suite}@8.${round}`, CPUS, EXECUTIONS))
        for (const [key, count] of Object.entries(counts)) total.set(key, (total.get(key) ?? 0) + count);
    for (const key of ['bios.submitted', ...seen, 'suspends.done', 'paths.broken'])
      t.ok((total.get(key) ?? 0) > 0, key);
    t.equal(total.get('bios.completed'), total.get('bios.submitted'));
  });

test('a shuffled round has the same actors on other CPUs, and is clean', async (t) => {
  let moved = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const [plain, shuffled] = ['', 's'].map((mark) => {
      const name = `suspend@7.${round}${mark}`;
      t.equal(runRound(name, CPUS, 1).at(-1)?.finding, null, name);
      return boundProgram().actors.map((actor) => ({ name: actor.name, cpu: actor.cpu }));
    }) as [Seat[], Seat[]];
    t.strictSame(
      shuffled.map(({ name }) => name),
      plain.map(({ name }) => name),
    );
    const cpuOf = new Map(plain.map(({ cpu }, i) => [cpu, shuffled[i]?.cpu]));
    t.ok(
      plain.every(({ cpu }, i) => cpuOf.get(cpu) === shuffled[i]?.cpu),
      'who shared a CPU shares one',
    );
    if (plain.some(({ cpu }, i) => cpu !== shuffled[i]?.cpu)) moved++;
  }
  t.ok(moved > 0);
});
for (const { name } of [barrier, barrierPowercut])
  test(`in rounds of ${name} barriers complete, and sectors are checked for what they cover`, async (t) => {
    const total = new Map<string, number>();
    for (let round = 0; round < ROUNDS; round++)
      for (const { counts } of runRound(`${name}@8.${round}`, CPUS, EXECUTIONS))
        for (const [key, count] of Object.entries(counts)) total.set(key, (total.get(key) ?? 0) + count);
    for (const key of ['barriers.completed', 'sectors.checked', 'suspends.done', 'paths.broken', 'bios.pushedBack'])
      t.ok((total.get(key) ?? 0) > 0, key);
    t.equal(total.get('power.cuts'), name === 'barrier' ? 0 : ROUNDS * EXECUTIONS);
    t.equal(total.get('bios.submitted'), (total.get('bios.completed') ?? 0) + (total.get('bios.failed') ?? 0));
  });

test('the same seed gives the same round, another one another', async (t) => {
  for (const { plan } of plans) {
    for (let round = 0; round < ROUNDS; round++) t.strictSame(plan(3, round, CPUS), plan(3, round, CPUS));
    const differs = (seed: number, round: number): boolean =>
      JSON.stringify(plan(seed, round, CPUS)) !== JSON.stringify(plan(3, 0, CPUS));
    t.ok(differs(4, 0));
    t.ok(differs(3, 1));
  }
});

test('a round has a name by which it is found again, and runs on as many CPUs as it is given', async (t) => {
  for (const suite of suites)
    for (const cpus of [1, 2, 16]) {
      const scenario = suite.round(5, 6, cpus);
      t.equal(scenario.name, `${suite.name}@5.6`);
      t.equal(scenario.cpus, cpus);
      t.equal(findScenario(scenario.name, cpus)?.title, scenario.title);
      const { finding } = runRound(scenario.name, cpus, 2).at(-1) as RunOutcome;
      t.equal(finding, null, finding?.message ?? 'clean');
    }
});

test('a run of any suite gives work to every CPU', async (t) => {
  const most = 16;
  const cpusOf = (plan: object): number[] =>
    [...JSON.stringify(plan).matchAll(/"cpu":(\d+)/g)].map((match) => Number(match[1]));
  for (const { plan } of plans) {
    const used = new Set<number>();
    for (let round = 0; round < most; round++) for (const cpu of cpusOf(plan(1, round, most))) used.add(cpu);
    t.equal(used.size, most);
  }
});

test('suspends are interrupted in every phase', async (t) => {
  const total = new Map<string, number>();
  for (let round = 0; round < 4 * ROUNDS; round++)
    for (const { counts } of runRound(`interrupted-suspend@9.${round}`, CPUS, EXECUTIONS))
      for (const [key, count] of Object.entries(counts)) total.set(key, (total.get(key) ?? 0) + count);
  for (const phase of ['presuspend', 'block', 'flush', 'wait'])
    t.ok((total.get(`interrupted.${phase}`) ?? 0) > 0, phase);
});

test('a round in which threads have shown a bug shows it on the model machine too', async (t) => {
  for (const [name, bug, kind] of [
    ['suspend@4.89', 'io-freed-after-endio', 'use-after-free'],
    ['interrupted-suspend@1.3', 'nf-check-then-queue-unlocked', 'lost-bio'],
    ['rq-mpath-flush@8.0', 'rqb-prep-clones-flush', 'leak'],
    ['rq-mpath-flush@8.0', 'rqb-clone-read-after-free', 'use-after-free'],
  ] as const) {
    const { finding } = runRound(name, CPUS, 20_000, bug).at(-1) as RunOutcome;
    t.equal(finding?.kind, kind, finding?.message ?? 'clean');
  }
});

test('the rounds of canaries are clean without them, and not with them', async (t) => {
  for (const [name, canary] of [
    ['canary-drain', 'wake-dropped'],
    ['canary-drain', 'recheck-missing'],
    ['canary-pushback', 'nf-check-then-queue-unlocked'],
    ['canary-barrier', 'flush-lies'],
    ['canary-barrier', 'post-flush-dropped'],
  ] as const) {
    const clean = runRound(name, 2, 300).at(-1) as RunOutcome;
    t.equal(clean.finding, null, clean.finding?.message ?? 'clean');
    const kinds = canaries.find(({ id }) => id === canary)?.kinds ?? [];
    const { finding } = runRound(name, 2, 20_000, canary).at(-1) as RunOutcome;
    t.ok(finding !== null && kinds.includes(finding.kind), `${canary}: ${finding?.message}`);
  }
});

test('barriers, a path that fails, suspends and a power cut meet in one scenario, which sees a flush that lies or is left out', async (t) => {
  const [name, cpus, executions] = ['rq-barrier-cut-paths', 5, 60];
  const total = new Map<string, number>();
  for (const { finding, counts } of runRound(name, cpus, executions)) {
    t.equal(finding, null, finding?.message ?? 'clean');
    for (const [key, count] of Object.entries(counts)) total.set(key, (total.get(key) ?? 0) + count);
  }
  for (const key of ['barriers.completed', 'sectors.checked', 'suspends.done', 'paths.broken'])
    t.ok((total.get(key) ?? 0) > 0, key);
  t.equal(total.get('power.cuts'), executions);
  for (const [canary, kind] of [
    ['flush-lies', 'lost-bio'],
    ['post-flush-dropped', 'lost-bio'],
  ] as const) {
    const { finding } = runRound(name, cpus, 20_000, canary).at(-1) as RunOutcome;
    t.equal(finding?.kind, kind, `${canary}: ${finding?.message}`);
  }
});
