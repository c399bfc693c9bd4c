/**
 * Whoever can never go on is reported as soon as that is certain, while others still run; what keeps a run from ending is told apart.
 */
import { type Test, test } from 'tap';
import { Bio } from '../../src/block/bio.ts';
import { wakersOf } from '../../src/check/index.ts';
import { NO_BUDGET, UNLIMITED } from '../../src/explore/choices.ts';
import { FollowList } from '../../src/explore/deciders.ts';
import { type ExploreResult, explore, ModelMachine } from '../../src/explore/explore.ts';
import { ALONE_MAX, ALONE_PATIENCE } from '../../src/explore/livelock.ts';
import { contextName } from '../../src/explore/places.ts';
import { RunRecorder } from '../../src/explore/recorded-run.ts';
import { Replay } from '../../src/explore/strategies/replay.ts';
import { Walk } from '../../src/explore/strategies/walk.ts';
import { type Moves, TURN_MADE, type Turn } from '../../src/explore/strategy.ts';
import { addTimer, setupTimer, type Timer, timerFunctions } from '../../src/irq/timer.ts';
import {
  createSinglethreadWorkqueue,
  defineWorker,
  flushWorkqueue,
  initWork,
  queueWork,
  type Work,
  type Workqueue,
  workFunctions,
} from '../../src/irq/workqueue.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import type { Program } from '../../src/machine/machine.ts';
import { ops } from '../../src/machine/operations.ts';
import {
  declareMutex,
  declareRwLock,
  declareRwSemaphore,
  declareSpinLock,
  declareWaitQueue,
  defineWait,
  downRead,
  downWrite,
  finishWait,
  freeWait,
  mutexLock,
  mutexUnlock,
  prepareToWaitExclusive,
  readLock,
  readUnlock,
  scheduleOn,
  spinLock,
  spinTrylock,
  spinUnlock,
  upRead,
  upWrite,
  wakeUp,
  writeLock,
  writeUnlock,
} from '../../src/shared/atomics-lock.ts';
import { staticWords } from '../../src/shared/memory.ts';
import { type Mempool, mempoolAlloc, mempoolCreate } from '../../src/shared/mempool.ts';
import { current, TASK_UNINTERRUPTIBLE } from '../../src/shared/task.ts';
import { Atomic, Marked } from '../../src/shared/word.ts';
import { expectClean, expectFinding, onCpus } from '../support/model.ts';

const SEED = 1;
const EXECUTIONS = 3000;
const STEP_LIMIT = 20_000;

type Lock = 'tas' | 'ticket';
const TAS: readonly Lock[] = ['tas'];

function searched(build: () => Program, slots: Record<string, number> = {}, lock: Lock = 'tas'): ExploreResult {
  return explore(build, new Walk(SEED), EXECUTIONS, {
    settings: { cpus: 4, lock, oracles: false },
    slots,
    staticWords: 64,
    stepLimit: STEP_LIMIT,
    wakersOf,
  });
}

// ---- Deadlocks, while somebody else is busy. ----

const BUSY_TURNS = 400;

interface Planted {
  readonly title: string;
  readonly program: () => Program;
  readonly message: RegExp;
  readonly slots?: Record<string, number>;
  readonly locks?: readonly Lock[];
}

/** Takes the first, then the second, and gives both back. */
function inOrder(first: Guard, second: Guard): () => Kernel<void> {
  return function* nested(): Kernel<void> {
    yield* first.take();
    yield* second.take();
    yield* second.give();
    yield* first.give();
  };
}

interface Guard {
  take(): Kernel<void>;
  give(): Kernel<void>;
}

function spin(name: string): Guard {
  const lock = declareSpinLock(name);
  return { take: () => spinLock(lock, HERE), give: () => spinUnlock(lock, HERE) };
}

function mutex(name: string): Guard {
  const lock = declareMutex(name);
  return { take: () => mutexLock(lock, HERE), give: () => mutexUnlock(lock, HERE) };
}

const daemon = defineWorker('klive');
let work: () => Kernel<void>;
const WORK = workFunctions.define('liveness-work', () => work());
let queueAgain: () => Kernel<number>;
const AGAIN = timerFunctions.define('liveness-again', function* again(): Kernel<void> {
  yield* queueAgain();
});

const PLANTED: readonly Planted[] = [
  {
    title: 'two spinlocks, crosswise',
    locks: ['tas', 'ticket'],
    program() {
      const [a, b] = [spin('&test->a'), spin('&test->b')];
      return { actors: onCpus(inOrder(a, b), inOrder(b, a)) };
    },
    message: /actor\d waits for &test->[ab] \([\w-]+\) at take .*; actor\d waits for &test->[ab] /,
  },
  {
    title: 'two mutexes, crosswise',
    program() {
      const [a, b] = [mutex('&test->a'), mutex('&test->b')];
      return { actors: onCpus(inOrder(a, b), inOrder(b, a)) };
    },
    message: /actor\d waits for &test->[ab] at take .*; actor\d waits for &test->[ab] at/,
  },
  {
    title: 'three mutexes in a circle',
    program() {
      const [a, b, c] = [mutex('&test->a'), mutex('&test->b'), mutex('&test->c')];
      return { actors: onCpus(inOrder(a, b), inOrder(b, c), inOrder(c, a)) };
    },
    message: /(actor\d waits for &test->[abc] at [^;]*(; )?){3}$/,
  },
  {
    title: 'a reader of an rwlock that waits for a spinlock, and a writer',
    program() {
      const lock = declareRwLock('&test->rwlock');
      const reader = { take: () => readLock(lock, HERE), give: () => readUnlock(lock, HERE) };
      const writer = { take: () => writeLock(lock, HERE), give: () => writeUnlock(lock, HERE) };
      const other = spin('&test->lock');
      return { actors: onCpus(inOrder(reader, other), inOrder(other, writer)) };
    },
    message: /actor1 waits for &test->rwlock|actor0 waits for &test->lock/,
  },
  {
    title: 'a reader of an rw_semaphore that waits for a mutex, and a writer',
    program() {
      const lock = declareRwSemaphore('&test->rwsem');
      const reader = { take: () => downRead(lock, HERE), give: () => upRead(lock, HERE) };
      const writer = { take: () => downWrite(lock, HERE), give: () => upWrite(lock, HERE) };
      const other = mutex('&test->mutex');
      return { actors: onCpus(inOrder(reader, other), inOrder(other, writer)) };
    },
    message: /actor1 waits for &test->rwsem|actor0 waits for &test->mutex/,
  },
  {
    title: 'a recursive read of an rw_semaphore with a writer between',
    program() {
      const lock = declareRwSemaphore('&test->rwsem');
      const reader = { take: () => downRead(lock, HERE), give: () => upRead(lock, HERE) };
      const writer = function* (): Kernel<void> {
        yield* downWrite(lock, HERE);
        yield* upWrite(lock, HERE);
      };
      return { actors: onCpus(inOrder(reader, reader), writer) };
    },
    message: /actor0 waits for &test->rwsem at take .*; actor1 waits for &test->rwsem/,
  },
  {
    title: 'a flush of a work queue whose worker waits for what the flusher holds',
    program() {
      const guard = mutex('&test->mutex');
      let wq: Workqueue;
      work = function* (): Kernel<void> {
        yield* guard.take();
        yield* guard.give();
      };
      return {
        *setup(): Kernel<void> {
          wq = createSinglethreadWorkqueue(daemon, 1) as Workqueue;
        },
        actors: onCpus(function* flusher(): Kernel<void> {
          yield* guard.take();
          yield* queueWork(wq, initWork(WORK, 0), HERE);
          yield* flushWorkqueue(wq, HERE);
          yield* guard.give();
        }),
      };
    },
    message: /klive\/1 waits for &test->mutex .*|actor0 waits for &wq->flushed/,
  },
  {
    title: 'a pool whose elements all lie on the private list of the one who waits',
    slots: { bio: 2 },
    program() {
      let pool: Mempool;
      return {
        *setup(): Kernel<void> {
          pool = mempoolCreate(Bio, 2) as Mempool;
        },
        actors: onCpus(function* submitter(): Kernel<void> {
          const task = current();
          for (let i = 0; i < 3; i++) {
            const bio = yield* mempoolAlloc(Bio, pool, HERE);
            bio.next = task.bioHead0;
            task.bioHead0 = bio.handle;
          }
        }),
      };
    },
    message: /actor0 waits for &pool->wait at submitter/,
  },
];

for (const { title, program, message, slots, locks } of PLANTED)
  for (const lock of locks ?? TAS)
    test(`a deadlock is reported while others still run: ${title} (${lock})`, async (t: Test) => {
      t.comment(`seed ${SEED}`);
      const build = (): Program => {
        const turns = new Marked(staticWords(1));
        const planted = program();
        const busy = function* (): Kernel<void> {
          for (let turn = 1; turn <= BUSY_TURNS; turn++) yield* turns.write(turn, HERE);
        };
        return { ...planted, actors: [...planted.actors, { name: 'busy', cpu: 3, run: busy }] };
      };
      const { finding } = searched(build, slots, lock);
      t.comment(finding?.message ?? 'nothing');
      expectFinding(t, { finding }, { kind: 'deadlock', invariant: 'I48', message });
      t.match(finding?.message, /^a cycle has closed: /);
      t.match(
        finding?.places.find(({ who }) => who === 'busy'),
        { waitsFor: '', at: /busy/ },
        'somebody still runs',
      );
    });

test('locks that everybody takes in one order are no deadlock', async (t) => {
  for (const make of [spin, mutex])
    expectClean(
      t,
      searched(() => {
        const [a, b, c] = [make('&test->a'), make('&test->b'), make('&test->c')];
        return { actors: onCpus(inOrder(a, b), inOrder(b, c), inOrder(a, c)) };
      }),
    );
});

// ---- Lost wake-ups. ----

test('who tests too early is told with the check, the notification and the sleep', async (t) => {
  const { finding } = searched(() => {
    const queue = declareWaitQueue('&test->wait');
    const condition = new Marked(staticWords(1));
    return {
      actors: onCpus(
        function* sleeper(): Kernel<void> {
          if ((yield* condition.read(HERE)) !== 0) return;
          const entry = defineWait();
          yield* prepareToWaitExclusive(queue, entry, TASK_UNINTERRUPTIBLE, HERE);
          yield* scheduleOn(queue, HERE);
          yield* finishWait(queue, entry, HERE);
          freeWait(entry);
        },
        function* waker(): Kernel<void> {
          yield* condition.write(1, HERE);
          yield* wakeUp(queue, HERE);
        },
      ),
    };
  });
  const place = (name: string): string => `${name} \\(test/explore/liveness\\.test\\.ts:\\d+\\)`;
  const triple = `actor0 checks word \\d+ at ${place('sleeper')} → actor1 notifies &test->wait at ${place('waker')} → actor0 sleeps at ${place('sleeper')}$`;
  expectFinding(t, { finding }, { kind: 'lost-wakeup', invariant: 'I47', message: new RegExp(triple) });
});

/** Two exclusive waiters and two units; who finds one without having slept may have been given the wake-up for the other one. */
function twoUnits(passesOn: boolean): Program {
  const queue = declareWaitQueue('&test->wait');
  const units = new Atomic(staticWords(1));
  const waiter = function* waiter(): Kernel<void> {
    const entry = defineWait();
    for (;;) {
      yield* prepareToWaitExclusive(queue, entry, TASK_UNINTERRUPTIBLE, HERE);
      const left = yield* units.read(HERE);
      if (left > 0 && (yield* units.cmpxchg(left, left - 1, HERE)) === left) break;
      if (left === 0) yield* scheduleOn(queue, HERE);
    }
    yield* finishWait(queue, entry, HERE);
    freeWait(entry);
    if (passesOn && (yield* units.read(HERE)) !== 0) yield* wakeUp(queue, HERE);
  };
  const giver = function* giver(): Kernel<void> {
    for (let i = 0; i < 2; i++) {
      yield* units.add(1, HERE);
      yield* wakeUp(queue, HERE);
    }
  };
  return { actors: onCpus(waiter, waiter, giver) };
}

test('a wake-up that an exclusive waiter has eaten is told, and none is lost when it is passed on', async (t) => {
  expectFinding(
    t,
    searched(() => twoUnits(false)),
    {
      kind: 'lost-wakeup',
      message:
        /actor(\d) checks .* → actor2 notifies &test->wait at .*, which wakes one that is awake → actor\1 sleeps at/,
    },
  );
  expectClean(
    t,
    searched(() => twoUnits(true)),
  );
});

test('who waits for what nobody ever does is in a deadlock, and no wake-up was lost', async (t) => {
  const { finding } = searched(() => {
    const queue = declareWaitQueue('&test->wait');
    return {
      actors: onCpus(function* sleeper(): Kernel<void> {
        const entry = defineWait();
        yield* prepareToWaitExclusive(queue, entry, TASK_UNINTERRUPTIBLE, HERE);
        yield* scheduleOn(queue, HERE);
      }),
    };
  });
  expectFinding(t, { finding }, { kind: 'deadlock', message: /^no CPU can move: actor0 waits for &test->wait/ });
});

// ---- Livelocks. ----

test('loops that wait for what nobody changes are a livelock long before the step limit', async (t) => {
  const { finding, steps } = searched(() => {
    const [a, b] = [new Marked(staticWords(1)), new Marked(staticWords(1))];
    const until = (word: Marked) =>
      function* polls(): Kernel<void> {
        while ((yield* word.read(HERE)) === 0) yield* ops.relax(HERE);
      };
    return { actors: onCpus(until(a), until(b)) };
  });
  expectFinding(
    t,
    { finding },
    {
      kind: 'livelock',
      invariant: 'I48',
      message: /^everybody waits in a loop for what nobody changes: actor0 at polls \(.*\); actor1 at polls/,
    },
  );
  t.ok(steps < STEP_LIMIT / 4, `after ${steps} steps`);
});

test('a loop whose word is written in the end is none, however often others relax before', async (t) => {
  const result = searched(() => {
    const word = new Marked(staticWords(1));
    return {
      actors: onCpus(
        function* polls(): Kernel<void> {
          while ((yield* word.read(HERE)) === 0) yield* ops.relax(HERE);
        },
        function* writes(): Kernel<void> {
          for (let i = 0; i < 100; i++) yield* ops.relax(HERE);
          yield* word.write(1, HERE);
        },
      ),
    };
  });
  expectClean(t, result);
});

test('a loop is none if it has been given up when nobody can move any more', async (t) => {
  const result = searched(() => ({
    actors: onCpus(function* tries(): Kernel<void> {
      for (let i = 0; i < 256; i++) yield* ops.relax(HERE);
    }),
  }));
  expectClean(t, result);
});

test('two that give way to each other for ever go round under fair scheduling', async (t) => {
  const { finding, steps, executions } = searched(() => {
    const [a, b] = [declareSpinLock('&test->a'), declareSpinLock('&test->b')];
    const meeting = new Atomic(staticWords(1));
    const polite = (own: typeof a, other: typeof a) =>
      function* gives(): Kernel<void> {
        for (;;) {
          yield* spinLock(own, HERE);
          // Once both have met here, neither ever finds the other's lock free in a fair order.
          yield* meeting.add(1, HERE);
          const got = yield* spinTrylock(other, HERE);
          yield* meeting.add(-1, HERE);
          if (got !== 0) yield* spinUnlock(other, HERE);
          yield* spinUnlock(own, HERE);
        }
      };
    return { actors: onCpus(polite(a, b), polite(b, a)) };
  });
  t.equal(executions, 1);
  expectFinding(
    t,
    { finding },
    {
      kind: 'livelock',
      invariant: 'I48',
      message: /^everybody moves, and the run goes round and round: actor0 at gives \(.*\); actor1 at gives/,
    },
  );
  t.ok(steps < STEP_LIMIT, `after ${steps} steps`);
});

/** Lets the task `starved` move only when nobody else can. */
class Starves extends Walk {
  override next(moves: Moves): Turn {
    for (let index = 0, count = moves.collect(); index < count; index++) {
      if (contextName(moves.mover(index)) === 'starved') continue;
      moves.take(index);
      return TURN_MADE;
    }
    return super.next(moves);
  }
}

/** The rest of the work is longer than it takes the timer to go off and to queue the work again. */
const AFTER_TIMER = 50;

test('work that comes back by a timer does not keep others from its CPU once the run is a fair one', async (t) => {
  let turns = 0;
  const result = explore(
    () => {
      const flag = new Marked(staticWords(1));
      let queue: Workqueue;
      let item: Work;
      let timer: Timer;
      work = function* polls(): Kernel<void> {
        turns++;
        if ((yield* flag.read(HERE)) === 0) yield* addTimer(timer, 1, HERE);
        for (let i = 0; i < AFTER_TIMER; i++) yield* ops.relax(HERE);
      };
      queueAgain = () => queueWork(queue, item, HERE);
      return {
        *setup(): Kernel<void> {
          turns = 0;
          queue = createSinglethreadWorkqueue(daemon, 0) as Workqueue;
          item = initWork(WORK, 0);
          timer = setupTimer(AGAIN, 0);
        },
        actors: [
          {
            name: 'begins',
            cpu: 0,
            *run(): Kernel<void> {
              yield* queueWork(queue, item, HERE);
            },
          },
          {
            name: 'starved',
            cpu: 0,
            *run(): Kernel<void> {
              yield* flag.write(1, HERE);
            },
          },
        ],
      };
    },
    new Starves(SEED),
    1,
    {
      settings: { cpus: 1, lock: 'tas', oracles: false },
      slots: { timer: 1, alarm: 1, workqueue: 1, work: 1 },
      staticWords: 64,
      stepLimit: STEP_LIMIT,
      budget: { ...NO_BUDGET, timers: UNLIMITED, interrupts: UNLIMITED },
    },
  );
  expectClean(t, result);
  t.ok(turns > 10, `${turns} turns`);
});

/** A task waits for a work item that queues itself again, counting, until it has had so many turns. */
function waitsForWork(turns: number): ExploreResult {
  const build = (): Program => {
    const count = new Atomic(staticWords(1));
    const done = new Atomic(staticWords(1));
    const wait = declareWaitQueue('&test->wait');
    let queue: Workqueue;
    let item: Work;
    work = function* comesAgain(): Kernel<void> {
      if ((yield* count.add(1, HERE)) < turns) {
        yield* queueWork(queue, item, HERE);
        return;
      }
      yield* done.set(1, HERE);
      yield* wakeUp(wait, HERE);
    };
    return {
      *setup(): Kernel<void> {
        queue = createSinglethreadWorkqueue(daemon, 0) as Workqueue;
        item = initWork(WORK, 0);
      },
      actors: [
        {
          name: 'waits',
          cpu: 1,
          *run(): Kernel<void> {
            yield* queueWork(queue, item, HERE);
            const entry = defineWait();
            for (;;) {
              yield* prepareToWaitExclusive(wait, entry, TASK_UNINTERRUPTIBLE, HERE);
              if ((yield* done.read(HERE)) === 1) break;
              yield* scheduleOn(wait, HERE);
            }
            yield* finishWait(wait, entry, HERE);
            freeWait(entry);
          },
        },
      ],
    };
  };
  return explore(build, new Walk(SEED), 2, {
    settings: { cpus: 2, lock: 'tas', oracles: false },
    slots: { workqueue: 1, work: 1 },
    staticWords: 64,
    stepLimit: 10 * ALONE_MAX,
  });
}

test("a thread of the kernel's own that goes on for ever is a livelock though memory changes, and none if it ends at last", async (t) => {
  const { finding, steps } = waitsForWork(Number.POSITIVE_INFINITY);
  const message = new RegExp(`^for ${ALONE_MAX} steps nobody could move but the kernel's own threads and interrupts: `);
  expectFinding(t, { finding }, { kind: 'livelock', invariant: 'I48', message });
  t.ok(steps < 2 * ALONE_MAX, `after ${steps} steps`);
  const long = waitsForWork(1000);
  expectClean(t, long);
  t.ok(long.steps > 2 * ALONE_PATIENCE, `${long.steps} steps in two runs`);
});

/** Lets the interrupt actor raise a line, and then goes on with the task for ever, as long as it can move. */
class KeepsInterruptsOut extends Walk {
  override next(moves: Moves): Turn {
    const count = moves.collect();
    for (const wanted of ['interrupt-actor', 'polls'])
      for (let index = 0; index < count; index++)
        if (contextName(moves.mover(index)).startsWith(wanted)) {
          moves.take(index);
          return TURN_MADE;
        }
    return super.next(moves);
  }
}

test('a loop that looks with interrupts off is none while an interrupt that the budget keeps back is pending', async (t) => {
  let looks = 0;
  const result = explore(
    () => {
      const flag = new Marked(staticWords(1));
      let timer: Timer;
      queueAgain = function* raises(): Kernel<number> {
        yield* flag.write(1, HERE);
        return 0;
      };
      return {
        *setup(): Kernel<void> {
          timer = setupTimer(AGAIN, 0);
        },
        actors: [
          {
            name: 'polls',
            cpu: 0,
            *run(): Kernel<void> {
              yield* addTimer(timer, 1, HERE);
              for (let seen = 0; seen === 0; looks++) {
                yield* ops.relax(HERE);
                const saved = yield* ops.irqOff(HERE);
                seen = yield* flag.read(HERE);
                yield* ops.irqOn(saved, HERE);
              }
            },
          },
        ],
      };
    },
    new KeepsInterruptsOut(SEED),
    1,
    {
      settings: { cpus: 1, lock: 'tas', oracles: false },
      slots: { timer: 1, alarm: 1 },
      staticWords: 64,
      stepLimit: STEP_LIMIT,
      budget: { ...NO_BUDGET, timers: UNLIMITED, interrupts: 0 },
    },
  );
  expectClean(t, result);
  t.ok(looks > 256, `${looks} looks`);
});

test('what is none of these ends at the step limit', async (t) => {
  const { finding } = searched(() => {
    const word = new Atomic(staticWords(1));
    return {
      actors: onCpus(function* counts(): Kernel<void> {
        for (;;) yield* word.add(1, HERE);
      }),
    };
  });
  expectFinding(t, { finding }, { kind: 'livelock', message: /^the run is not over after 20000 steps$/ });
});

test('a run in which a sleeper is woken although nothing can move is the same when it is made again', async (t) => {
  const build = (): Program => {
    const queue = declareWaitQueue('&test->wait');
    const word = new Atomic(staticWords(1));
    return {
      actors: onCpus(function* sleeper(): Kernel<void> {
        const entry = defineWait();
        yield* prepareToWaitExclusive(queue, entry, TASK_UNINTERRUPTIBLE, HERE);
        yield* scheduleOn(queue, HERE);
        yield* finishWait(queue, entry, HERE);
        freeWait(entry);
        yield* word.add(1, HERE);
      }),
      // A list that is one move behind from the wake-up on asks here for one who has ended.
      *verify(): Kernel<void> {
        yield* word.add(1, HERE);
      },
    };
  };
  const machine = new ModelMachine(build, new Walk(SEED), {
    settings: { cpus: 4, lock: 'tas', oracles: false },
    slots: {},
    staticWords: 64,
    stepLimit: STEP_LIMIT,
    budget: { ...NO_BUDGET, wakeups: 1 },
  });
  const recorder = new RunRecorder(machine);
  let woken = 0;
  for (let run = 0; run < 20; run++) {
    machine.follow(new Walk(SEED));
    if (machine.run(run).finding !== null) continue;
    woken++;
    const { hash } = machine.execution;
    const choices = machine.execution.choices.pairs();
    const replay = new Replay(choices);
    machine.follow(replay);
    t.equal(machine.run(0).finding, null);
    t.equal(machine.execution.hash, hash);
    t.equal(replay.divergence, null);
    t.match(recorder.run(new FollowList(choices)), { found: null, gaveUp: false, traceHash: hash });
  }
  t.ok(woken > 0, `${woken} of 20 runs`);
});
