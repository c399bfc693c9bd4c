import { test } from 'tap';
import { addTimer, delTimer, freeTimer, setupTimer, timerFunctions, usleep } from '../../src/irq/timer.ts';
import {
  createSinglethreadWorkqueue,
  defineWorker,
  destroyWorkqueue,
  flushWorkqueue,
  initWork,
  queueWork,
  type Work,
  Workqueue,
  workFunctions,
} from '../../src/irq/workqueue.ts';
import { bugOn } from '../../src/machine/finding.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import type { Program } from '../../src/machine/machine.ts';
import { ops } from '../../src/machine/operations.ts';
import { inInterrupt, irqsDisabled } from '../../src/shared/per-cpu.ts';
import { current, sendSignal, type Task, taskName } from '../../src/shared/task.ts';
import { expectClean, expectFinding, onCpus, program, runModel } from '../support/model.ts';

/** What the functions of a test do; set by its setup. */
let action: (arg: number) => Kernel<void> = function* (): Kernel<void> {};
const TIMER_FN = timerFunctions.define('test-timer', (arg) => action(arg));
const WORK_FN = workFunctions.define('test-work', (arg) => action(arg));
const WORKER = defineWorker('ktest');

/** What was done, in order. */
const log: string[] = [];

function run(build: () => Program, options: Parameters<typeof runModel>[1] = {}) {
  return runModel(
    program(() => {
      const { setup, ...rest } = build();
      return {
        *setup(): Kernel<void> {
          log.length = 0;
          if (setup !== undefined) yield* setup();
        },
        outcome: () => log.join(' '),
        ...rest,
      };
    }),
    { executions: 200, ...options },
  );
}

// ---- Timers. ----

test('a timer runs its function on its own CPU, in a softirq', async (t) => {
  const result = run(() => ({
    *setup(): Kernel<void> {
      action = function* (arg): Kernel<void> {
        log.push(`${arg}`);
        bugOn(!inInterrupt() || irqsDisabled(), 'a timer runs in a softirq, with interrupts on');
      };
    },
    actors: onCpus(
      function* () {},
      function* () {
        yield* addTimer(setupTimer(TIMER_FN, 1), 10, HERE);
        yield* addTimer(setupTimer(TIMER_FN, 2), 10, HERE);
      },
    ),
  }));
  expectClean(t, result);
  t.strictSame([...result.outcomes.keys()].sort(), ['1 2', '2 1'], 'the scheduler decides which one goes off first');
});

test('a timer that was stopped in time does not run', async (t) => {
  const result = run(() => ({
    *setup(): Kernel<void> {
      action = function* (): Kernel<void> {
        log.push('ran');
      };
    },
    actors: onCpus(function* () {
      const timer = setupTimer(TIMER_FN, 0);
      yield* addTimer(timer, 10, HERE);
      if ((yield* delTimer(timer, HERE)) === 0) return;
      log.push('stopped');
      freeTimer(timer);
    }),
  }));
  expectClean(t, result);
  t.strictSame([...result.outcomes.keys()].sort(), ['ran', 'stopped']);
});

test('usleep ends by itself, and a signal does not end it', async (t) => {
  const result = run(() => {
    let sleeper: Task | null = null;
    return {
      *setup(): Kernel<void> {
        sleeper = null;
      },
      actors: onCpus(
        function* () {
          sleeper = current();
          for (let i = 0; i < 2; i++) yield* usleep(50, HERE);
          log.push('awake');
          // The signaller may still be looking at this task.
          while (sleeper !== null) yield* ops.relax(HERE);
        },
        function* () {
          while (sleeper === null) yield* ops.relax(HERE);
          yield* sendSignal(sleeper, HERE);
          sleeper = null;
        },
      ),
    };
  });
  expectClean(t, result);
  t.strictSame([...result.outcomes.keys()], ['awake']);
});

test('usleep in atomic context is found', async (t) => {
  const result = run(() => ({
    actors: onCpus(function* () {
      yield* ops.irqOff(HERE);
      yield* usleep(1, HERE);
    }),
  }));
  expectFinding(t, result, {
    kind: 'sleep-in-atomic',
    message: /^CPU 0 may sleep in usleep while its interrupts are off$/,
  });
});

// ---- Work queues. ----

interface Bench {
  wq: Workqueue;
  readonly works: Work[];
}

/** A queue on CPU 0 and three items, for each run anew. */
function bench(fn: (bench: Bench, arg: number) => Kernel<void>): { bench: Bench; setup: () => Kernel<void> } {
  const made: { works: Work[]; wq?: Workqueue } = { works: [] };
  const bench = made as Bench;
  return {
    bench,
    *setup(): Kernel<void> {
      action = (arg) => fn(bench, arg);
      const wq = createSinglethreadWorkqueue(WORKER, 0);
      if (wq === null) throw new Error('no work queue is free');
      bench.wq = wq;
      bench.works.length = 0;
      for (let i = 0; i < 3; i++) bench.works.push(initWork(WORK_FN, i));
    },
  };
}

const queue = ({ wq, works }: Bench, i: number): Kernel<number> => queueWork(wq, works[i] as Work, HERE);

function* logItem(_bench: Bench, arg: number): Kernel<void> {
  log.push(`${arg}`);
  yield* ops.relax(HERE);
}

test('items run in the order in which they were queued, in process context, one after the other', async (t) => {
  let running = 0;
  const result = run(() => {
    const { bench: b, setup } = bench(function* (_, arg) {
      bugOn(running++ !== 0, 'items of one queue do not overlap');
      bugOn(taskName(current()) !== 'ktest/0', 'items run in the thread of their queue');
      log.push(`${arg}`);
      yield* ops.relax(HERE);
      running--;
    });
    return {
      setup,
      actors: onCpus(
        function* () {},
        function* () {
          for (const i of [2, 0, 1]) yield* queue(b, i);
          yield* flushWorkqueue(b.wq, HERE);
          log.push('flushed');
        },
      ),
    };
  });
  expectClean(t, result);
  t.strictSame([...result.outcomes.keys()], ['2 0 1 flushed']);
});

test('an item that is queued already is not queued twice', async (t) => {
  const result = run(() => {
    const { bench: b, setup } = bench(logItem);
    return {
      setup,
      actors: onCpus(function* () {
        // The worker is on this CPU, so it runs when this task sleeps.
        log.push(`${yield* queue(b, 0)}${yield* queue(b, 0)}`);
        yield* flushWorkqueue(b.wq, HERE);
      }),
    };
  });
  expectClean(t, result);
  t.strictSame([...result.outcomes.keys()], ['10 0']);
});

test('an item that is queued while it runs runs once more', async (t) => {
  let again = 0;
  const result = run(() => {
    const { bench: b, setup } = bench(function* (b, arg) {
      log.push(`${arg}`);
      if (again-- > 0) log.push(`queued ${yield* queue(b, arg)}`);
    });
    return {
      *setup(): Kernel<void> {
        again = 2;
        yield* setup();
      },
      actors: onCpus(function* () {
        yield* queue(b, 1);
      }),
    };
  });
  expectClean(t, result);
  t.strictSame([...result.outcomes.keys()], ['1 queued 1 1 queued 1 1']);
});

test('a flush does not wait for what is queued after it began', async (t) => {
  const result = run(() => {
    const { bench: b, setup } = bench(function* (b, arg) {
      log.push(`${arg}`);
      // Queues the other item for ever, as long as somebody flushes.
      if (log.length < 40 && !log.includes('flushed')) yield* queue(b, 1 - arg);
    });
    return {
      setup,
      actors: onCpus(
        function* () {},
        function* () {
          yield* queue(b, 0);
          yield* flushWorkqueue(b.wq, HERE);
          log.push('flushed');
        },
      ),
      outcome: () => (log.indexOf('flushed') < 30 ? 'ended' : 'waited'),
    };
  });
  expectClean(t, result);
  t.ok(result.outcomes.has('ended'));
});

test('a worker that flushes its own queue is told so', async (t) => {
  const result = run(() => {
    const { bench: b, setup } = bench((b) => flushWorkqueue(b.wq, HERE));
    return {
      setup,
      actors: onCpus(function* () {
        yield* queue(b, 0);
      }),
    };
  });
  expectFinding(t, result, {
    kind: 'self-deadlock',
    invariant: 'I48',
    message: /^ktest flushes the work queue that it serves$/,
  });
});

test('a flush in atomic context is found', async (t) => {
  const result = run(() => {
    const { bench: b, setup } = bench(logItem);
    return {
      setup,
      actors: onCpus(function* () {
        yield* ops.irqOff(HERE);
        yield* flushWorkqueue(b.wq, HERE);
      }),
    };
  });
  expectFinding(t, result, { kind: 'sleep-in-atomic', message: /flush_workqueue/ });
});

test('an item that sleeps holds up those behind it', async (t) => {
  const result = run(() => {
    const { bench: b, setup } = bench(function* (_, arg) {
      if (arg === 0) yield* usleep(10, HERE);
      log.push(`${arg}`);
    });
    return {
      setup,
      actors: onCpus(
        function* () {},
        function* () {
          for (const i of [0, 1]) yield* queue(b, i);
          yield* flushWorkqueue(b.wq, HERE);
        },
      ),
    };
  });
  expectClean(t, result);
  t.strictSame([...result.outcomes.keys()], ['0 1']);
});

test('work is queued from an interrupt too', async (t) => {
  const result = run(() => {
    const { bench: b, setup } = bench(logItem);
    return {
      *setup(): Kernel<void> {
        yield* setup();
        const runItem = action;
        action = function* (arg): Kernel<void> {
          if (arg === 7) yield* queue(b, 0);
          else yield* runItem(arg);
        };
      },
      actors: onCpus(
        function* () {},
        function* () {
          yield* addTimer(setupTimer(TIMER_FN, 7), 1, HERE);
        },
      ),
    };
  });
  expectClean(t, result);
  t.strictSame([...result.outcomes.keys()], ['0']);
});

test('destroying a queue runs what is queued, ends its thread and frees it', async (t) => {
  const result = run(() => {
    const { bench: b, setup } = bench(logItem);
    return {
      setup,
      actors: onCpus(
        function* () {},
        function* () {
          for (const i of [0, 1]) yield* queue(b, i);
          yield* destroyWorkqueue(b.wq, HERE);
          log.push('gone');
          bugOn(Workqueue.live().length > 0, 'the queue is gone');
        },
      ),
    };
  });
  expectClean(t, result);
  t.strictSame([...result.outcomes.keys()], ['0 1 gone']);
});

test('who saw the items run may destroy their queue while those who queued them are still returning', async (t) => {
  const result = run(
    () => {
      const { bench: b, setup } = bench(logItem);
      const queuer = (i: number) =>
        function* (): Kernel<void> {
          yield* queue(b, i);
        };
      return {
        setup,
        // With two items the worker may find one of them without having been woken for it.
        actors: onCpus(queuer(0), queuer(1), function* () {
          while (log.length < 2) yield* ops.relax(HERE);
          yield* destroyWorkqueue(b.wq, HERE);
        }),
      };
    },
    { executions: 3000 },
  );
  expectClean(t, result);
});
