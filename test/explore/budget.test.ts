/**
 * What a run may have of each kind of thing that a budget is for.
 */
import { test } from 'tap';
import { NO_BUDGET } from '../../src/explore/choices.ts';
import { FollowList, FollowSchedule } from '../../src/explore/deciders.ts';
import { type ExploreOptions, explore, ModelMachine } from '../../src/explore/explore.ts';
import { RunRecorder } from '../../src/explore/recorded-run.ts';
import { Shrinker } from '../../src/explore/shrink.ts';
import { Bounded } from '../../src/explore/strategies/bounded.ts';
import { Dpor } from '../../src/explore/strategies/dpor.ts';
import { Pct } from '../../src/explore/strategies/pct.ts';
import { Pos } from '../../src/explore/strategies/pos.ts';
import { Replay } from '../../src/explore/strategies/replay.ts';
import { Uniform } from '../../src/explore/strategies/uniform.ts';
import type { Strategy } from '../../src/explore/strategy.ts';
import { raiseIrq, requestIrq } from '../../src/irq/interrupt.ts';
import { usleep } from '../../src/irq/timer.ts';
import { EINTR } from '../../src/machine/errno.ts';
import { report } from '../../src/machine/finding.ts';
import { CHOICE_ALLOCATION, type Kernel } from '../../src/machine/kernel.ts';
import type { Budget } from '../../src/machine/machine.ts';
import { ops } from '../../src/machine/operations.ts';
import { declareWaitQueue, waitEvent, wakeUpAll } from '../../src/shared/atomics-lock.ts';
import { memory, staticWords } from '../../src/shared/memory.ts';
import {
  current,
  schedule,
  setCurrentState,
  TASK_INTERRUPTIBLE,
  TASK_NORMAL,
  TASK_RUNNING,
  TASK_UNINTERRUPTIBLE,
  Task,
  wakeUpTask,
} from '../../src/shared/task.ts';
import { Marked } from '../../src/shared/word.ts';
import { onCpus, program, type Runnable } from '../support/model.ts';

const SEED = 5;
const LINE = 5;
const RUNS = 300;

const optionsOf = (scenario: Runnable, budget: Partial<Budget>, swarm = false): ExploreOptions => ({
  settings: { cpus: scenario.cpus, lock: 'tas', oracles: false },
  slots: scenario.slots ?? {},
  staticWords: scenario.staticWords,
  stepLimit: 5000,
  budget: { ...NO_BUDGET, ...budget },
  swarm,
});

/** The outcomes of some runs, which must be clean. */
function outcomesOf(scenario: Runnable, strategy: Strategy, budget: Partial<Budget>): string[] {
  const { finding, outcomes } = explore(scenario.build, strategy, RUNS, optionsOf(scenario, budget));
  if (finding !== null) throw new Error(finding.message);
  return [...outcomes.keys()].sort();
}

/** Says how many of four interrupts have come before a task of their CPU has ended. */
const interrupted = program(() => {
  const came = new Marked(staticWords(1));
  const early = staticWords(1);
  requestIrq(LINE, 'test', function* (): Kernel<void> {
    yield* came.write((yield* came.read(HERE)) + 1, HERE);
  });
  return {
    actors: onCpus(
      function* (): Kernel<void> {
        for (let i = 0; i < 8; i++) yield* ops.load(early, HERE);
        memory.words[early] = yield* came.read(HERE);
      },
      function* (): Kernel<void> {
        for (let i = 0; i < 4; i++) yield* raiseIrq(0, LINE, HERE);
      },
    ),
    outcome: () => `${memory.words[early]}`,
  };
}, 2);

test('so many interrupts as the budget says enter while their CPU could go on', async (t) => {
  t.strictSame(outcomesOf(interrupted, new Uniform(SEED), { interrupts: 0 }), ['0']);
  t.strictSame(outcomesOf(interrupted, new Uniform(SEED), { interrupts: 1 }), ['0', '1']);
  t.strictSame(outcomesOf(interrupted, new Uniform(SEED), { interrupts: 2 }), ['0', '1', '2']);
  t.strictSame(outcomesOf(interrupted, new Uniform(SEED), {}), ['0', '1', '2', '3', '4']);
});

/** Two who go on only when an interrupt of their own CPU has come: one sleeps, the other one relaxes. */
const waiting = program(() => {
  const queue = declareWaitQueue('&test->wait');
  const came = new Marked(staticWords(1));
  requestIrq(LINE, 'test', function* (): Kernel<void> {
    yield* came.write(1, HERE);
    yield* wakeUpAll(queue, HERE);
  });
  return {
    actors: onCpus(
      function* (): Kernel<void> {
        yield* raiseIrq(0, LINE, HERE);
        yield* waitEvent(queue, () => came.read(HERE), TASK_UNINTERRUPTIBLE, HERE);
      },
      function* (): Kernel<void> {
        yield* raiseIrq(1, LINE, HERE);
        while ((yield* came.read(HERE)) === 0) yield* ops.relax(HERE);
      },
    ),
    outcome: () => 'done',
  };
}, 2);

test('an interrupt comes for which its CPU waits, however small the budget', async (t) => {
  for (const strategy of [new Uniform(SEED), new Pct(SEED, [3]), new Pos(SEED), new Bounded(0, 2)])
    t.strictSame(outcomesOf(waiting, strategy, { interrupts: 0 }), ['done']);
});

/** Whether a sleeper has slept long enough before somebody else has ended; then a third one polls for the sleeper. */
const sleeping = program(() => {
  const other = new Marked(staticWords(1));
  const slept = new Marked(staticWords(1));
  const early = staticWords(1);
  return {
    actors: onCpus(
      function* (): Kernel<void> {
        yield* usleep(10, HERE);
        memory.words[early] = 1 - (yield* other.read(HERE));
        yield* slept.write(1, HERE);
      },
      function* (): Kernel<void> {
        for (let i = 0; i < 40; i++) yield* slept.read(HERE);
        yield* other.write(1, HERE);
      },
      function* (): Kernel<void> {
        while ((yield* slept.read(HERE)) === 0) yield* ops.relax(HERE);
      },
    ),
    outcome: () => (memory.words[early] === 1 ? 'early' : 'late'),
  };
}, 3);

test('a timer goes off before others have come to rest only within the budget, and afterwards always', async (t) => {
  t.strictSame(outcomesOf(sleeping, new Uniform(SEED), { timers: 0 }), ['late']);
  t.strictSame(outcomesOf(sleeping, new Pos(SEED), { timers: 0 }), ['late']);
  t.strictSame(outcomesOf(sleeping, new Uniform(SEED), { timers: 1 }), ['early', 'late']);
  t.strictSame(outcomesOf(sleeping, new Uniform(SEED), {}), ['early', 'late']);
});

/** How many signals have come to one who waits again after each, until another one is done. */
const signalled = program(() => {
  const queue = declareWaitQueue('&test->wait');
  const done = new Marked(staticWords(1));
  const signals = staticWords(1);
  return {
    actors: onCpus(
      function* (): Kernel<void> {
        while ((yield* waitEvent(queue, () => done.read(HERE), TASK_INTERRUPTIBLE, HERE)) === -EINTR) {
          (memory.words[signals] as number)++;
          yield* current().sigpending.write(0, HERE);
        }
      },
      function* (): Kernel<void> {
        for (let i = 0; i < 20; i++) yield* done.read(HERE);
        yield* done.write(1, HERE);
        yield* wakeUpAll(queue, HERE);
      },
    ),
    outcome: () => `${memory.words[signals]}`,
  };
}, 2);

/** How many wake-ups have come to a sleeper before there was a cause for one. */
const wokenEarly = program(() => {
  const done = new Marked(staticWords(1));
  const over = new Marked(staticWords(1));
  const sleeper = new Marked(staticWords(1));
  const early = staticWords(1);
  return {
    actors: onCpus(
      function* (): Kernel<void> {
        yield* sleeper.write(current().handle, HERE);
        for (;;) {
          yield* setCurrentState(TASK_UNINTERRUPTIBLE, HERE);
          if ((yield* done.read(HERE)) !== 0) break;
          yield* schedule(HERE);
          if ((yield* done.read(HERE)) === 0) (memory.words[early] as number)++;
        }
        yield* setCurrentState(TASK_RUNNING, HERE);
        // Whoever wakes this task needs it until then.
        while ((yield* over.read(HERE)) === 0) yield* ops.relax(HERE);
      },
      function* (): Kernel<void> {
        for (let i = 0; i < 4; i++) yield* done.read(HERE);
        yield* done.write(1, HERE);
        const handle = yield* sleeper.read(HERE);
        if (handle !== 0) yield* wakeUpTask(Task.at(handle), TASK_NORMAL, HERE);
        yield* over.write(1, HERE);
      },
    ),
    outcome: () => `${memory.words[early]}`,
  };
}, 2);

/** How many of six allocations have failed. */
const allocating = program(() => {
  const failed = staticWords(1);
  function* allocate(): Kernel<void> {
    for (let i = 0; i < 3; i++)
      if ((yield* ops.choice(CHOICE_ALLOCATION, 2, HERE)) !== 0) (memory.words[failed] as number)++;
  }
  return { actors: onCpus(allocate, allocate), outcome: () => `${memory.words[failed]}` };
}, 2);

for (const [what, kind, scenario] of [
  ['signals come to a sleeper', 'signals', signalled],
  ['wake-ups come without a cause', 'wakeups', wokenEarly],
  ['allocations fail', 'allocations', allocating],
] as const)
  test(`so many ${what} as the budget says, no more, and not always so many`, async (t) => {
    for (const strategy of [() => new Uniform(SEED), () => new Pos(SEED)]) {
      t.strictSame(outcomesOf(scenario, strategy(), {}), ['0']);
      t.strictSame(outcomesOf(scenario, strategy(), { [kind]: 0 }), ['0']);
      t.strictSame(outcomesOf(scenario, strategy(), { [kind]: 1 }), ['0', '1']);
      t.strictSame(outcomesOf(scenario, strategy(), { [kind]: 2 }), ['0', '1', '2']);
    }
  });

/** A sleeper who does not look again when it is woken. */
const woken = program(() => {
  const word = new Marked(staticWords(1));
  const sleeper = new Marked(staticWords(1));
  return {
    actors: onCpus(
      function* (): Kernel<void> {
        yield* sleeper.write(current().handle, HERE);
        yield* setCurrentState(TASK_INTERRUPTIBLE, HERE);
        if ((yield* word.read(HERE)) === 0) yield* schedule(HERE);
        if ((yield* word.read(HERE)) === 0) report('assertion', 'I0', 'woken too early');
      },
      function* (): Kernel<void> {
        for (let i = 0; i < 6; i++) yield* word.read(HERE);
        yield* word.write(1, HERE);
        const handle = yield* sleeper.read(HERE);
        if (handle !== 0) yield* wakeUpTask(Task.at(handle), TASK_NORMAL, HERE);
        yield* sleeper.write(0, HERE);
      },
    ),
  };
}, 3);

test('each run draws its share: a part has none of a kind, and a systematic search has all of it in each', async (t) => {
  for (const strategy of [new Uniform(SEED), new Dpor(), new Bounded(0, 9)]) {
    const machine = new ModelMachine(
      interrupted.build,
      strategy,
      optionsOf(interrupted, { signals: 1, wakeups: 2 }, true),
    );
    const shares = { none: 0, all: 0, limited: 0 };
    const { left } = machine.execution;
    const refill = left.refill.bind(left);
    left.refill = (budget) => {
      if (budget !== NO_BUDGET) {
        if (budget.wakeups === 0) shares.none++;
        if (budget.wakeups === 2 && budget.signals === 1) shares.all++;
        if (budget.interrupts < NO_BUDGET.interrupts) shares.limited++;
      }
      refill(budget);
    };
    for (let run = 0; run < 200; run++) machine.run(run);
    if (strategy instanceof Uniform) {
      t.ok(shares.none > 100 && shares.none < 190, `${shares.none} of 200 runs without a wake-up`);
      t.ok(shares.all > 0 && shares.all < 40, `${shares.all} with everything`);
      t.ok(shares.limited > 20 && shares.limited < 100, `${shares.limited} with few interrupts`);
    } else t.strictSame(shares, { none: 0, all: 200, limited: 0 });
  }
});

test('what a run has drawn is part of its choices, and a plain schedule needs none of it', async (t) => {
  const machine = new ModelMachine(woken.build, new Uniform(SEED), optionsOf(woken, { signals: 1, wakeups: 2 }, true));
  let found = 0;
  for (let run = 0; run < RUNS; run++) {
    machine.follow(new Uniform(SEED));
    const { finding } = machine.run(run);
    if (finding === null) continue;
    found++;
    const { hash } = machine.execution;
    const pairs = machine.execution.choices.pairs();
    const replay = new Replay(pairs);
    machine.follow(replay);
    t.equal(machine.run(0).finding?.message, finding.message);
    t.equal(machine.execution.hash, hash);
    t.equal(replay.divergence, null);
    if (found > 5) continue;
    const recorder = new RunRecorder(machine);
    const first = recorder.run(new FollowList(pairs));
    t.equal(first.traceHash, hash);
    t.equal(recorder.run(new FollowSchedule(first)).traceHash, hash, 'and as a schedule');
    const shrinker = new Shrinker(recorder, first, SEED);
    for (const _ of shrinker.shrink(() => false));
    t.strictSame(
      shrinker.best.answers.filter(({ limits }) => limits === true),
      [],
    );
  }
  t.ok(found > 5 && found < RUNS / 2, `${found} of ${RUNS} runs`);
});

test('a run that goes on in a fair way has used no more of its budget than it had', async (t) => {
  const endless = program(() => {
    const word = new Marked(staticWords(1));
    return {
      actors: onCpus(function* (): Kernel<void> {
        for (;;) yield* word.write(1, HERE);
      }),
    };
  }, 1);
  const machine = new ModelMachine(endless.build, new Uniform(SEED), optionsOf(endless, { interrupts: 2, timers: 1 }));
  t.equal(machine.run(0).finding?.kind, 'livelock');
  t.strictSame(machine.execution.left.used(), { ...NO_BUDGET, interrupts: 0, timers: 0 });
});
