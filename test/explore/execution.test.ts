import '../../src/targets/all.ts';
import { test } from 'tap';
import { type ExploreOptions, explore, ModelMachine } from '../../src/explore/explore.ts';
import { Replay } from '../../src/explore/strategies/replay.ts';
import { Uniform } from '../../src/explore/strategies/uniform.ts';
import { Walk } from '../../src/explore/strategies/walk.ts';
import { raiseIrq, requestIrq } from '../../src/irq/interrupt.ts';
import {
  createSinglethreadWorkqueue,
  defineWorker,
  initWork,
  queueWork,
  workFunctions,
} from '../../src/irq/workqueue.ts';
import { CHOICE_SCENARIO, type Kernel } from '../../src/machine/kernel.ts';
import type { PlaceReport } from '../../src/machine/machine.ts';
import { ops } from '../../src/machine/operations.ts';
import { interruptedNoflush } from '../../src/scenarios/interrupted-noflush.ts';
import {
  declareMutex,
  declareSpinLock,
  declareWaitQueue,
  mutexLock,
  mutexUnlock,
  type SpinLock,
  spinLock,
  spinUnlock,
  waitEvent,
  wakeUpAll,
} from '../../src/shared/atomics-lock.ts';
import { staticWords } from '../../src/shared/memory.ts';
import { TASK_UNINTERRUPTIBLE } from '../../src/shared/task.ts';
import { Atomic, Marked } from '../../src/shared/word.ts';
import { installVariant } from '../../src/variants/variants.ts';
import { expectClean, expectFinding, onCpus, program, type Runnable, runModel, runTask } from '../support/model.ts';

function optionsOf(scenario: Runnable): ExploreOptions {
  return {
    settings: { cpus: scenario.cpus, lock: 'tas', oracles: false },
    slots: scenario.slots ?? {},
    staticWords: scenario.staticWords,
    stepLimit: 20_000,
  };
}

/** Two who increment a word and a third one who looks: many schedules, one outcome each. */
function racing(): Runnable {
  return program(() => {
    const word = new Marked(staticWords(1));
    const lock = declareSpinLock('&test->lock');
    const increment = function* (): Kernel<void> {
      for (let i = 0; i < 3; i++) {
        yield* word.write((yield* word.read(HERE)) + 1, HERE);
        yield* spinLock(lock, HERE);
        yield* spinUnlock(lock, HERE);
      }
    };
    return { actors: onCpus(increment, increment, increment) };
  });
}

// ---- The same again. ----

test('the same seed makes the same steps, another seed makes others', async (t) => {
  const first = runModel(racing(), { seed: 11 });
  const second = runModel(racing(), { seed: 11 });
  const other = runModel(racing(), { seed: 12 });
  t.strictSame(second, first);
  t.not(other.traceHash, first.traceHash);
});

test('a run leaves nothing behind: run 40 of a fresh machine is run 40 of one that has made the others', async (t) => {
  installVariant({ preset: 'unified', bug: null });
  for (const scenario of [interruptedNoflush, racing()]) {
    const worn = new ModelMachine(scenario.build, new Walk(3), optionsOf(scenario));
    const hashes: number[] = [];
    for (let run = 0; run < 40; run++) {
      worn.run(run);
      hashes.push(worn.execution.hash);
    }
    const expected = worn.run(40);
    const hash = worn.execution.hash;
    worn.run(7);
    t.equal(worn.execution.hash, hashes[7], 'a run can be repeated');
    const fresh = new ModelMachine(scenario.build, new Walk(3), optionsOf(scenario));
    t.strictSame(fresh.run(40), expected);
    t.equal(fresh.execution.hash, hash);
  }
});

test('a run that ended with a finding in the middle of things leaves nothing behind either', async (t) => {
  const abba = spinlocksCrosswise();
  const machine = new ModelMachine(abba.build, new Walk(1), optionsOf(abba));
  const results = Array.from({ length: 60 }, (_, run) => ({ ...machine.run(run), hash: machine.execution.hash }));
  t.ok(results.some(({ finding }) => finding !== null));
  t.ok(results.some(({ finding }) => finding === null));
  const again = Array.from({ length: 60 }, (_, run) => ({ ...machine.run(run), hash: machine.execution.hash }));
  t.strictSame(again, results);
});

test('an observer hears every step', async (t) => {
  const scenario = racing();
  const machine = new ModelMachine(scenario.build, new Walk(1), optionsOf(scenario));
  let heard = 0;
  machine.observe(() => heard++);
  t.equal(machine.run(0).steps, heard);
});

// ---- Deadlocks. ----

/** Two actors take two locks in opposite order. */
function crosswise<L>(
  declare: (name: string) => L,
  lock: (lock: L) => Kernel<void>,
  unlock: (lock: L) => Kernel<void>,
): Runnable {
  return program(() => {
    const a = declare('&test->a');
    const b = declare('&test->b');
    const takeBoth = (first: L, second: L) =>
      function* (): Kernel<void> {
        yield* lock(first);
        yield* lock(second);
        yield* unlock(second);
        yield* unlock(first);
      };
    return { actors: onCpus(takeBoth(a, b), takeBoth(b, a)) };
  });
}

const spinlocksCrosswise = (): Runnable =>
  crosswise(
    declareSpinLock,
    (lock) => spinLock(lock, HERE),
    (lock) => spinUnlock(lock, HERE),
  );

const mutexesCrosswise = (): Runnable =>
  crosswise(
    declareMutex,
    (lock) => mutexLock(lock, HERE),
    (lock) => mutexUnlock(lock, HERE),
  );

const PLACE = /^\w+ \(test\/explore\/execution\.test\.ts:\d+\)$/;

test('two spinlocks taken crosswise: the deadlock names what each holds, where it stands and what it waits for', async (t) => {
  const { finding } = runModel(spinlocksCrosswise(), { lockdep: false });
  expectFinding(
    t,
    { finding },
    {
      kind: 'deadlock',
      invariant: 'I48',
      message:
        /^a cycle has closed: actor0 waits for &test->b \(take\) at \w+ \(test.*\); actor1 waits for &test->a \(take\) at /,
    },
  );
  const wanted: readonly Partial<PlaceReport>[] = [
    { cpu: 0, who: 'actor0', holds: ['&test->a'], waitsFor: '&test->b (take)' },
    { cpu: 1, who: 'actor1', holds: ['&test->b'], waitsFor: '&test->a (take)' },
  ];
  t.match(finding?.places, wanted);
  for (const { at } of finding?.places ?? []) t.match(at, PLACE);
});

test('two mutexes taken crosswise: likewise, although both tasks sleep', async (t) => {
  const { finding } = runModel(mutexesCrosswise(), { lockdep: false });
  expectFinding(
    t,
    { finding },
    {
      kind: 'deadlock',
      invariant: 'I48',
      message: /actor0 waits for &test->b at \w+ \(test.*\); actor1 waits for &test->a at /,
    },
  );
  const wanted: readonly Partial<PlaceReport>[] = [
    { cpu: 0, who: 'actor0', holds: ['&test->a'], waitsFor: '&test->b' },
    { cpu: 1, who: 'actor1', holds: ['&test->b'], waitsFor: '&test->a' },
  ];
  t.match(finding?.places, wanted);
  for (const { at } of finding?.places ?? []) t.match(at, PLACE);
});

test('two handlers that wait for each other are a deadlock when all tasks have ended', async (t) => {
  const result = runModel(
    program(() => {
      const a = declareSpinLock('&test->a');
      const b = declareSpinLock('&test->b');
      const takeBoth = function* (first: SpinLock, second: SpinLock): Kernel<void> {
        yield* spinLock(first, HERE);
        yield* spinLock(second, HERE);
        yield* spinUnlock(second, HERE);
        yield* spinUnlock(first, HERE);
      };
      requestIrq(2, 'ab', () => takeBoth(a, b));
      requestIrq(3, 'ba', () => takeBoth(b, a));
      return {
        *setup(): Kernel<void> {
          yield* raiseIrq(1, 2, HERE);
          yield* raiseIrq(2, 3, HERE);
        },
        actors: [],
      };
    }),
    { lockdep: false },
  );
  expectFinding(t, result, {
    kind: 'deadlock',
    message: /irq ba on CPU 2 waits for &test->a \(take\).*irq ab on CPU 1 waits for &test->b \(take\)/,
  });
});

let daemonWork: (arg: number) => Kernel<void> = function* (): Kernel<void> {};
const DAEMON_WORK = workFunctions.define('test-daemon-work', (arg) => daemonWork(arg));
const DAEMON = defineWorker('kdaemon');

test('a daemon may wait for work for ever, but not for a lock', async (t) => {
  const build = (leaves: boolean) => () => {
    const mutex = declareMutex('&test->mutex');
    return {
      *setup(): Kernel<void> {
        daemonWork = function* (): Kernel<void> {
          yield* mutexLock(mutex, HERE);
          yield* mutexUnlock(mutex, HERE);
        };
        const wq = createSinglethreadWorkqueue(DAEMON, 1);
        if (wq === null) throw new Error('no work queue is free');
        yield* mutexLock(mutex, HERE);
        yield* queueWork(wq, initWork(DAEMON_WORK, 0), HERE);
        if (!leaves) yield* mutexUnlock(mutex, HERE);
      },
      actors: [],
    };
  };
  expectClean(t, runModel(program(build(false))));
  expectFinding(t, runModel(program(build(true)), { lockdep: false }), {
    kind: 'deadlock',
    message: /^no CPU can move: kdaemon\/1 waits for &test->mutex at /,
  });
});

test('a run without end is a livelock after so many steps', async (t) => {
  const result = runTask(
    function* () {
      const word = new Atomic(staticWords(1));
      for (;;) yield* word.add(1, HERE);
    },
    { stepLimit: 100 },
  );
  expectFinding(t, result, { kind: 'livelock', invariant: 'I48', message: /^the run is not over after 100 steps$/ });
});

// ---- What is tried. ----

test('tasks of one CPU that were woken while it was idle run in either order', async (t) => {
  const result = runModel(
    program(() => {
      const queue = declareWaitQueue('&test->wait');
      const word = new Marked(staticWords(1));
      const order: number[] = [];
      const sleeper = (number: number) => ({
        name: `sleeper${number}`,
        cpu: 0,
        *run(): Kernel<void> {
          yield* waitEvent(queue, () => word.read(HERE), TASK_UNINTERRUPTIBLE, HERE);
          order.push(number);
        },
      });
      return {
        *setup(): Kernel<void> {
          order.length = 0;
        },
        actors: [
          sleeper(0),
          sleeper(1),
          {
            name: 'waker',
            cpu: 1,
            *run(): Kernel<void> {
              while ([...queue.waiters()].length < 2) yield* ops.relax(HERE);
              yield* word.write(1, HERE);
              // Both are asleep, and CPU 0 has one of them as its last task.
              for (let i = 0; i < 30; i++) yield* ops.relax(HERE);
              yield* wakeUpAll(queue, HERE);
            },
          },
        ],
        outcome: () => order.join(' '),
      };
    }),
  );
  expectClean(t, result);
  t.strictSame([...result.outcomes.keys()].sort(), ['0 1', '1 0']);
});

test('a CPU leaves no task in the middle of what it does', async (t) => {
  const result = runModel(
    program(() => {
      let running = 0;
      const task = (number: number) => ({
        name: `task${number}`,
        cpu: 0,
        *run(): Kernel<void> {
          running = number;
          for (let i = 0; i < 5; i++) {
            yield* ops.relax(HERE);
            if (running !== number) throw new Error(`task ${running} runs in the middle of task ${number}`);
          }
        },
      });
      return { actors: [task(1), task(2)] };
    }),
  );
  expectClean(t, result);
});

test('every value of a choice is tried', async (t) => {
  const result = runModel(
    program(() => {
      let chosen = -1;
      return {
        actors: onCpus(function* () {
          chosen = yield* ops.choice(CHOICE_SCENARIO, 3, HERE);
        }),
        outcome: () => String(chosen),
      };
    }),
  );
  t.strictSame([...result.outcomes.keys()].sort(), ['0', '1', '2']);
});

/** Another CPU has to make 20 steps while the first one stands between two of its own. */
const longWindow: Runnable = program(() => {
  const open = new Marked(staticWords(1));
  let fits = false;
  return {
    *setup(): Kernel<void> {
      fits = false;
    },
    actors: onCpus(
      function* () {
        yield* open.write(1, HERE);
        yield* open.write(0, HERE);
      },
      function* () {
        let seen = 0;
        for (let i = 0; i < 20; i++) seen += yield* open.read(HERE);
        fits = seen === 20;
      },
      function* () {
        for (let i = 0; i < 20; i++) yield* ops.relax(HERE);
      },
    ),
    outcome: () => (fits ? 'fits' : 'does not fit'),
  };
});

test('the walk finds a window of 20 steps that a uniform walk does not', async (t) => {
  const executions = 2000;
  const walk = explore(longWindow.build, new Walk(1), executions, optionsOf(longWindow));
  const uniform = explore(longWindow.build, new Uniform(1), executions, optionsOf(longWindow));
  t.ok((walk.outcomes.get('fits') ?? 0) > 0, `${walk.outcomes.get('fits')} of ${executions}`);
  t.equal(uniform.outcomes.get('fits'), undefined);
});

// ---- A run is the list of its choices. ----

test('the choices of a run make the same run again', async (t) => {
  installVariant({ preset: 'unified', bug: null });
  for (const scenario of [interruptedNoflush, racing()]) {
    const walked = new ModelMachine(scenario.build, new Walk(3), optionsOf(scenario));
    for (let run = 0; run < 20; run++) {
      const expected = walked.run(run);
      const { hash, choices } = walked.execution;
      const replay = new Replay(choices.pairs());
      const again = new ModelMachine(scenario.build, replay, optionsOf(scenario));
      t.strictSame(again.run(0), expected);
      t.equal(again.execution.hash, hash);
      t.equal(replay.divergence, null);
    }
  }
});

test('a replay says where it leaves its rails', async (t) => {
  const scenario = racing();
  const machine = new ModelMachine(scenario.build, new Walk(3), optionsOf(scenario));
  machine.run(0);
  const pairs = machine.execution.choices.pairs();
  const short = new Replay(pairs.slice(0, 4));
  new ModelMachine(scenario.build, short, optionsOf(scenario)).run(0);
  t.match(short.divergence?.message, /the list ends, but the run does not/);
  pairs[2] = 7;
  const strange = new Replay(pairs);
  new ModelMachine(scenario.build, strange, optionsOf(scenario)).run(0);
  t.match(strange.divergence, { choice: pairs[1], message: 'process 7 cannot move' });
});
