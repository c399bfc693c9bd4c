import { test } from 'tap';
import { Alarm, devices } from '../../src/irq/alarm.ts';
import { LINE_DEVICE, raiseIrq, requestIrq } from '../../src/irq/interrupt.ts';
import { startDevice } from '../../src/irq/interrupt-actor.ts';
import { openSoftirq, raiseSoftirq } from '../../src/irq/softirq.ts';
import { bugOn } from '../../src/machine/finding.ts';
import { type Kernel, resolved } from '../../src/machine/kernel.ts';
import type { Program } from '../../src/machine/machine.ts';
import { ops } from '../../src/machine/operations.ts';
import {
  declareSpinLock,
  type SpinLock,
  spinLock,
  spinLockIrqsave,
  spinUnlock,
  spinUnlockIrqrestore,
} from '../../src/shared/atomics-lock.ts';
import { memory, staticWords } from '../../src/shared/memory.ts';
import { cpu, cpuBase, inAtomic, inInterrupt, irqsDisabled } from '../../src/shared/per-cpu.ts';
import { CPU_INTERRUPTS, CPU_SOFTIRQS } from '../../src/shared/per-cpu-layout.ts';
import { currentOrNull, mightSleep, taskName } from '../../src/shared/task.ts';
import { Marked } from '../../src/shared/word.ts';
import { expectClean, expectFinding, onCpus, program, runModel } from '../support/model.ts';

/** A line and a softirq that nothing else uses. */
const LINE_TEST = 2;
const TEST_SOFTIRQ = 2;

/** Runs actors with a handler for the test's line. */
function runWithHandler(
  build: () => { handler: () => Kernel<void>; softirq?: () => Kernel<void> } & Program,
  options: Parameters<typeof runModel>[1] = {},
) {
  const withHandler = (): Program => {
    const { handler, softirq, ...rest } = build();
    requestIrq(LINE_TEST, 'test', handler);
    if (softirq !== undefined) openSoftirq(TEST_SOFTIRQ, softirq);
    return rest;
  };
  return runModel(program(withHandler), options);
}

const raise = (target: number): (() => Kernel<void>) =>
  function* (): Kernel<void> {
    yield* raiseIrq(target, LINE_TEST, HERE);
  };

test('an interrupt enters between any two operations while interrupts are on, and never while they are off', async (t) => {
  const result = runWithHandler(() => {
    let position = '';
    let entered = '';
    const word = new Marked(staticWords(1));
    return {
      *handler(): Kernel<void> {
        entered = position;
        bugOn(!irqsDisabled() || !inInterrupt(), 'a handler runs with interrupts off, in an interrupt');
      },
      *setup(): Kernel<void> {
        position = 'before';
        entered = '';
      },
      actors: onCpus(function* () {
        yield* word.read(HERE);
        position = 'read';
        yield* ops.irqOff(HERE);
        position = 'off';
        yield* word.write(1, HERE);
        position = 'written';
        yield* ops.irqOn(1, HERE);
        position = 'on';
        yield* word.read(HERE);
        position = 'end';
      }, raise(0)),
      outcome: () => entered,
    };
  });
  expectClean(t, result);
  t.strictSame([...result.outcomes.keys()].sort(), ['before', 'end', 'on', 'read']);
});

test('an interrupt between the load and the store of an unlocked update loses one of the two', async (t) => {
  const result = runWithHandler(() => {
    const word = new Marked(staticWords(1));
    const addOne = function* (): Kernel<void> {
      yield* word.write((yield* word.read(HERE)) + 1, HERE);
    };
    return { handler: addOne, actors: onCpus(addOne, raise(0)), outcome: () => String(memory.words[word.word]) };
  });
  t.strictSame([...result.outcomes.keys()].sort(), ['1', '2']);
});

test('a CPU that waits for a spinlock takes interrupts if they are on, and only then', async (t) => {
  for (const lock of ['tas', 'ticket'] as const)
    for (const irqsOn of [1, 0]) {
      const seen = new Set<boolean>();
      const result = runWithHandler(
        () => {
          const wanted = declareSpinLock('&test->lock');
          let waiting = false;
          return {
            *handler(): Kernel<void> {
              seen.add(waiting);
            },
            actors: onCpus(
              function* () {
                yield* ops.irqOn(irqsOn, HERE);
                waiting = true;
                yield* spinLock(wanted, HERE);
                waiting = false;
                yield* spinUnlock(wanted, HERE);
                yield* ops.irqOn(1, HERE);
              },
              function* () {
                yield* spinLock(wanted, HERE);
                for (let i = 0; i < 4; i++) yield* ops.relax(HERE);
                yield* spinUnlock(wanted, HERE);
              },
              raise(0),
            ),
          };
        },
        { lock },
      );
      expectClean(t, result);
      t.strictSame(seen, new Set(irqsOn === 1 ? [false, true] : [false]), `${lock}, interrupts ${irqsOn}`);
    }
});

/** A task and a handler of one CPU want the same lock. */
function sharedLock(enter: (lock: SpinLock) => Kernel<number>, leave: (lock: SpinLock, saved: number) => Kernel<void>) {
  return () => {
    const lock = declareSpinLock('&test->lock');
    return {
      *handler(): Kernel<void> {
        yield* spinLock(lock, HERE);
        yield* spinUnlock(lock, HERE);
      },
      actors: onCpus(function* () {
        const saved = yield* enter(lock);
        yield* ops.relax(HERE);
        yield* leave(lock, saved);
      }, raise(0)),
    };
  };
}

test('a handler that takes the plain spinlock of the task it interrupted deadlocks with it', async (t) => {
  const plain = sharedLock(
    function* (lock) {
      yield* spinLock(lock, HERE);
      return 0;
    },
    (lock) => spinUnlock(lock, HERE),
  );
  const tas = runWithHandler(plain, { lock: 'tas', lockdep: false });
  expectFinding(t, tas, {
    kind: 'self-deadlock',
    invariant: 'I48',
    message: /^CPU 0 takes &test->lock, which it already holds$/,
  });
  t.match(tas.finding?.places, [
    { cpu: 0, who: 'irq test', holds: ['&test->lock'] },
    { cpu: 0, who: 'actor0' },
  ]);
  // A ticket lock may be interrupted between drawing its ticket and having its turn: then both wait.
  const kinds = new Set(
    [1, 2, 3, 4, 5, 6, 7, 8].map(
      (seed) => runWithHandler(plain, { lock: 'ticket', seed, lockdep: false }).finding?.kind,
    ),
  );
  t.ok(kinds.has('self-deadlock'));
  kinds.delete('self-deadlock');
  kinds.delete('deadlock');
  t.strictSame(kinds, new Set());
});

test('with interrupts off around the lock the same handler does no harm', async (t) => {
  const irqsave = sharedLock(
    (lock) => spinLockIrqsave(lock, HERE),
    (lock, saved) => spinUnlockIrqrestore(lock, saved, HERE),
  );
  for (const lock of ['tas', 'ticket'] as const) expectClean(t, runWithHandler(irqsave, { lock, executions: 1000 }));
});

test('a handler must not sleep', async (t) => {
  const result = runWithHandler(() => ({
    *handler(): Kernel<void> {
      mightSleep('a handler', HERE);
    },
    actors: onCpus(function* () {}, raise(0)),
  }));
  expectFinding(t, result, {
    kind: 'sleep-in-atomic',
    invariant: 'I18',
    message: /^CPU 0 may sleep in a handler while it is in an interrupt$/,
  });
});

test('a handler leaves its CPU as it found it', async (t) => {
  const held = runWithHandler(() => {
    const lock = declareSpinLock('&test->lock');
    return { handler: () => spinLock(lock, HERE), actors: onCpus(raise(0)) };
  });
  expectFinding(t, held, {
    kind: 'assertion',
    invariant: 'I18',
    message: /^the handler of irq test ends on CPU 0 with/,
  });
  const on = runWithHandler(() => ({ handler: () => ops.irqOn(1, HERE), actors: onCpus(raise(0)) }));
  expectFinding(t, on, { kind: 'irq-unsafe', invariant: 'I17', message: /ends on CPU 0 with interrupts on$/ });
});

test('an interrupt comes to the CPU that it is sent to, and a raised line is taken once', async (t) => {
  const result = runWithHandler(
    () => {
      let taken: number[] = [];
      return {
        *setup(): Kernel<void> {
          taken = [];
        },
        *handler(): Kernel<void> {
          taken.push(cpu);
          bugOn(memory.words[cpuBase + CPU_INTERRUPTS] !== 1, 'a raised line is taken once');
        },
        actors: onCpus(raise(2), raise(1)),
        outcome: () => taken.sort().join(' '),
      };
    },
    { executions: 50 },
  );
  expectClean(t, result);
  t.strictSame([...result.outcomes.keys()], ['1 2']);
});

test('a softirq runs on the way out of the interrupt, with interrupts on, and does not overlap itself', async (t) => {
  let nested = false;
  const result = runWithHandler(() => {
    let running = 0;
    let runs = 0;
    return {
      *setup(): Kernel<void> {
        running = 0;
        runs = 0;
      },
      *handler(): Kernel<void> {
        if (running > 0) nested = true;
        yield* raiseSoftirq(TEST_SOFTIRQ, HERE);
      },
      *softirq(): Kernel<void> {
        bugOn(running++ !== 0, 'softirqs of one CPU do not overlap');
        bugOn(irqsDisabled() || !inAtomic(), 'a softirq runs with interrupts on and must not sleep');
        yield* ops.relax(HERE);
        runs++;
        running--;
      },
      actors: onCpus(function* () {}, raise(0), raise(0)),
      outcome: () => `${runs} runs, ${memory.words[cpuBase + CPU_SOFTIRQS]}`,
    };
  });
  expectClean(t, result);
  t.ok(nested, 'a hard interrupt came on top of the softirq');
  t.strictSame(
    [...result.outcomes.keys()].map((outcome) => outcome.slice(0, 6)).sort(),
    ['1 runs', '2 runs'],
    'a line raised twice before it is taken is taken once',
  );
});

/** Who a softirq runs on top of, or as. */
const runner = (): string => {
  const task = currentOrNull();
  return task !== null && taskName(task).startsWith('ksoftirqd') ? taskName(task) : 'irq';
};

test('a softirq that raises itself again is left to ksoftirqd after ten rounds', async (t) => {
  const result = runWithHandler(
    () => {
      const runners: string[] = [];
      return {
        *setup(): Kernel<void> {
          runners.length = 0;
        },
        handler: () => raiseSoftirq(TEST_SOFTIRQ, HERE),
        *softirq(): Kernel<void> {
          runners.push(runner());
          if (runners.length < 25) yield* raiseSoftirq(TEST_SOFTIRQ, HERE);
        },
        actors: onCpus(raise(0)),
        outcome: () => runners.join(' '),
      };
    },
    { executions: 20 },
  );
  expectClean(t, result);
  const expected = [...Array(10).fill('irq'), ...Array(15).fill('ksoftirqd/0')].join(' ');
  t.strictSame([...result.outcomes.keys()], [expected]);
});

test('a softirq raised by a task is run by ksoftirqd, which is woken again the next time', async (t) => {
  const result = runWithHandler(() => {
    const runners: string[] = [];
    return {
      *setup(): Kernel<void> {
        runners.length = 0;
      },
      *handler(): Kernel<void> {},
      *softirq(): Kernel<void> {
        runners.push(runner());
      },
      actors: onCpus(() => raiseSoftirqLater()),
      *verify(): Kernel<void> {
        yield* raiseSoftirq(TEST_SOFTIRQ, HERE);
      },
      outcome: () => runners.join(' '),
    };
  });
  expectClean(t, result);
  t.strictSame([...result.outcomes.keys()], ['ksoftirqd/0 ksoftirqd/0']);
});

function* raiseSoftirqLater(): Kernel<void> {
  yield* raiseSoftirq(TEST_SOFTIRQ, HERE);
}

test('ksoftirqd lets the tasks of its CPU run, whatever softirqs do', async (t) => {
  const result = runWithHandler(
    () => {
      let stop = false;
      return {
        *handler(): Kernel<void> {},
        *softirq(): Kernel<void> {
          if (!stop) yield* raiseSoftirq(TEST_SOFTIRQ, HERE);
        },
        *setup(): Kernel<void> {
          stop = false;
        },
        actors: [
          { name: 'raiser', cpu: 0, run: raiseSoftirqLater },
          {
            name: 'stopper',
            cpu: 0,
            *run(): Kernel<void> {
              stop = true;
            },
          },
        ],
      };
    },
    { stepLimit: 50_000 },
  );
  expectClean(t, result);
});

/** Where the requests of a test come back. */
let answered: (arg: number) => void = () => {};
const TEST_DEVICE = devices.define('test-device', {
  line: LINE_DEVICE,
  *elapsed(alarm): Kernel<number> {
    alarm.result = alarm.arg * 10;
    return yield* resolved(1);
  },
  *interrupt(alarm): Kernel<void> {
    answered(alarm.result + cpu);
    Alarm.free(alarm);
  },
});

test('requests to devices come back in any order, each on its CPU', async (t) => {
  const build = () => {
    const answers: number[] = [];
    const ask = (arg: number) =>
      function* (): Kernel<void> {
        const alarm = Alarm.alloc();
        if (alarm === null) throw new Error('no alarm is free');
        alarm.device = TEST_DEVICE;
        alarm.arg = arg;
        alarm.cpu = 1;
        yield* startDevice(alarm, 100, HERE);
      };
    return {
      *setup(): Kernel<void> {
        answers.length = 0;
        answered = (answer) => void answers.push(answer);
      },
      actors: onCpus(ask(1), ask(2)),
      outcome: () => answers.join(' '),
    };
  };
  const result = runModel(program(build));
  expectClean(t, result);
  t.strictSame([...result.outcomes.keys()].sort(), ['11 21', '21 11']);
});
