import fc from 'fast-check';
import { test } from 'tap';
import type { Kernel } from '../../src/machine/kernel.ts';
import { ops } from '../../src/machine/operations.ts';
import {
  complete,
  declareCompletion,
  declareWaitQueue,
  defineWait,
  finishWait,
  freeWait,
  prepareToWait,
  prepareToWaitExclusive,
  scheduleOn,
  waitForCompletion,
  wakeUp,
  wakeUpAll,
} from '../../src/shared/atomics-lock.ts';
import { FunctionTable } from '../../src/shared/function-table.ts';
import { memory, staticWords } from '../../src/shared/memory.ts';
import {
  MEMPOOL_RESERVE_MAX,
  type Mempool,
  mempoolAlloc,
  mempoolAllocAtomic,
  mempoolCreate,
  mempoolDestroy,
  mempoolFreer,
  type Pooled,
} from '../../src/shared/mempool.ts';
import { deriveSeed, Random } from '../../src/shared/random.ts';
import { RefCount } from '../../src/shared/ref-count.ts';
import { Ring, ringWords } from '../../src/shared/ring.ts';
import { defineStruct, plain } from '../../src/shared/struct.ts';
import { nameWord } from '../../src/shared/struct-registry.ts';
import {
  current,
  schedule,
  sendSignal,
  setCurrentState,
  signalPending,
  TASK_INTERRUPTIBLE,
  TASK_RUNNING,
  TASK_UNINTERRUPTIBLE,
  type Task,
} from '../../src/shared/task.ts';
import { type WaitQueue, WQ_FLAG_AUTOREMOVE } from '../../src/shared/wait-queue.ts';
import { Atomic, Marked, Statistic } from '../../src/shared/word.ts';
import { expectClean, expectFinding, onCpus, program, runModel, runTask } from '../support/model.ts';

// ---- Reference counts. ----

function declareCount(): RefCount {
  const count = new RefCount(staticWords(1));
  nameWord(count.word, 'test.holders');
  return count;
}

test('a reference count tells what is left, and who puts the last one', async (t) => {
  const left: number[] = [];
  const result = runTask(function* () {
    const count = declareCount();
    count.init(1);
    yield* count.get(HERE);
    left.push(yield* count.read(HERE), yield* count.put(HERE), yield* count.put(HERE));
  });
  expectClean(t, result);
  t.strictSame(left, [2, 1, 0]);
});

test('a get after the last put, a put too many and a drop too many are uses after free', async (t) => {
  const misuses: [RegExp, (count: RefCount) => Kernel<unknown>][] = [
    [/^test\.holders is taken at 0/, (count) => count.get(HERE)],
    [/^test\.holders is put at 0/, (count) => count.put(HERE)],
    [/^test\.holders is put at 0/, (count) => count.drop(HERE)],
  ];
  for (const [message, misuse] of misuses) {
    const result = runTask(function* () {
      const count = declareCount();
      count.init(1);
      yield* count.put(HERE);
      yield* misuse(count);
    });
    expectFinding(t, result, { kind: 'use-after-free', invariant: 'I15', message });
  }
});

// ---- Memory pools. ----

interface Element extends Pooled {
  value: number;
}
const Element = defineStruct<Element>('pool-element', 'element', 3, { pool: plain, value: plain });
const freeElement = mempoolFreer(Element);
const SLOTS = { 'pool-element': 3 };

function createPool(minNr: number): Mempool {
  const pool = mempoolCreate(Element, minNr);
  if (pool === null) throw new Error('there is no memory for the pool');
  return pool;
}

test('a pool serves from the slab first, then from its reserve, then not at all', async (t) => {
  const result = runTask(
    function* () {
      const pool = createPool(2);
      t.equal(pool.currNr, 2);
      const fromSlab = yield* mempoolAlloc(Element, pool, HERE);
      t.equal(pool.currNr, 2);
      const first = yield* mempoolAllocAtomic(Element, pool, HERE);
      const second = yield* mempoolAllocAtomic(Element, pool, HERE);
      t.equal(pool.currNr, 0);
      t.equal(yield* mempoolAllocAtomic(Element, pool, HERE), null);
      if (first === null || second === null) throw new Error('the reserve is empty');
      for (const element of [first, fromSlab, second]) {
        yield* freeElement(element, HERE);
        t.ok(pool.currNr <= pool.minNr, 'the reserve never exceeds its minimum');
      }
      t.equal(pool.currNr, 2);
      t.equal(Element.live().length, 2, 'the third one went back to the slab');
      mempoolDestroy(Element, pool);
      t.equal(Element.live().length, 0);
    },
    { slots: SLOTS },
  );
  expectClean(t, result);
});

test('an element comes back zeroed, and whoever kept it uses it after free', async (t) => {
  const result = runTask(
    function* () {
      const pool = createPool(3);
      const element = yield* mempoolAlloc(Element, pool, HERE);
      element.value = 9;
      yield* freeElement(element, HERE);
      const again = yield* mempoolAlloc(Element, pool, HERE);
      t.equal(again.value, 0);
      t.equal(again.address, element.address);
      element.value = 1;
    },
    { slots: SLOTS },
  );
  expectFinding(t, result, { kind: 'use-after-free', invariant: 'I14', message: /^pool-element\.value is used after/ });
});

test('a pool that cannot be filled is refused and leaves nothing behind', async (t) => {
  const result = runTask(
    function* () {
      t.equal(mempoolCreate(Element, 4), null);
      t.equal(Element.live().length, 0);
      mempoolDestroy(Element, createPool(3));
    },
    { slots: SLOTS },
  );
  expectClean(t, result);
});

test('destroying a pool while elements are out is a leak', async (t) => {
  const result = runTask(
    function* () {
      const pool = createPool(3);
      yield* mempoolAlloc(Element, pool, HERE);
      yield* mempoolAlloc(Element, pool, HERE);
      mempoolDestroy(Element, pool);
    },
    { slots: SLOTS },
  );
  const message = /^a pool of pool-element is destroyed while 2 of its elements are out$/;
  expectFinding(t, result, { kind: 'leak', invariant: 'I29', message });
});

test('a pool with no reserve, or with too much of it, is our own mistake', async (t) => {
  for (const minNr of [0, MEMPOOL_RESERVE_MAX + 1]) {
    const result = runTask(function* () {
      mempoolCreate(Element, minNr);
    });
    expectFinding(t, result, { kind: 'assertion', message: new RegExp(`a mempool of ${minNr} elements`) });
  }
});

test('waiting for an element in atomic context is found although there is one', async (t) => {
  const result = runTask(function* () {
    const pool = createPool(1);
    yield* ops.irqOff(HERE);
    yield* mempoolAlloc(Element, pool, HERE);
  });
  expectFinding(t, result, { kind: 'sleep-in-atomic', message: /mempool_alloc/ });
});

test('two who each need two elements of a reserve of two can wait for each other', async (t) => {
  const build = () => {
    let pool: Mempool;
    const greedy = function* (): Kernel<void> {
      const first = yield* mempoolAlloc(Element, pool, HERE);
      const second = yield* mempoolAlloc(Element, pool, HERE);
      yield* freeElement(first, HERE);
      yield* freeElement(second, HERE);
    };
    return {
      *setup(): Kernel<void> {
        pool = createPool(2);
      },
      actors: onCpus(greedy, greedy),
    };
  };
  const result = runModel({ ...program(build), slots: { 'pool-element': 2 } });
  expectFinding(t, result, { kind: 'deadlock', message: /actor0 waits for &pool->wait.*actor1 waits for &pool->wait/ });
});

// ---- Rings. ----

test('a ring gives what was pushed, in order, also after it has wrapped', async (t) => {
  const popped: number[] = [];
  const result = runTask(function* () {
    const ring = new Ring(staticWords(ringWords(4)), 4);
    const published = new Marked(ring.published);
    popped.push(yield* ring.pop(HERE));
    for (let value = 1; value <= 9; value += 3) {
      for (let i = 0; i < 3; i++) yield* ring.push(value + i, HERE);
      for (let i = 0; i < 3; i++) popped.push(yield* ring.pop(HERE));
    }
    popped.push(yield* ring.pop(HERE), yield* published.read(HERE));
  });
  expectClean(t, result);
  t.strictSame(popped, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 9]);
});

test('a push into a full ring is found', async (t) => {
  const result = runTask(function* () {
    const ring = new Ring(staticWords(ringWords(2)), 2);
    for (let value = 1; value <= 3; value++) yield* ring.push(value, HERE);
  });
  expectFinding(t, result, { kind: 'assertion', message: /^a ring of 2 entries is full$/ });
});

// ---- Function tables, random numbers, statistics. ----

test('a function has the same number in every worker, whatever was defined before it', async (t) => {
  const [a, b] = [new FunctionTable<() => string>('test'), new FunctionTable<() => string>('test')];
  const first = a.define('first', () => '1');
  const second = a.define('second', () => '2');
  t.strictSame([b.define('second', () => '2'), b.define('first', () => '1')], [second, first]);
  t.strictSame([a.at(first)(), a.nameOf(second), a.idOf('first'), a.idOf('third')], ['1', 'second', first, 0]);
  t.strictSame(a.names(), ['first', 'second']);
  t.ok(first > 0, '0 stands for no function');
});

test('a name that is taken, or that falls on the number of another, is refused', async (t) => {
  const table = new FunctionTable<number>('test');
  table.define('again', 1);
  t.throws(() => table.define('again', 2), {
    message: /the test functions again and again share number \d+: rename one/,
  });
  const clash = (): void => {
    for (let i = 0; i < 1022; i++) table.define(`function ${i}`, i);
  };
  t.throws(clash, { message: /share number/ }, 'more names than numbers');
  t.throws(() => table.at(0), { message: 'there is no test function 0' });
});

test('random numbers are the same on every machine', async (t) => {
  const random = new Random(42);
  t.strictSame([random.next(), random.next(), random.next()], [2581720956, 1925393290, 3661312704]);
  t.strictSame([deriveSeed(1, 0), deriveSeed(1, 1), deriveSeed(2, 0)].map(Number.isInteger), [true, true, true]);
  t.not(deriveSeed(1, 0), deriveSeed(1, 1));
  t.not(deriveSeed(1, 0), deriveSeed(2, 0));
  t.strictSame(
    [1, 2, 3].map(() => new Random(7).chance(1, 2)),
    Array(3).fill(new Random(7).chance(1, 2)),
  );
});

test('a bounded random number is within its bound, and every one of a few is met', async (t) => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 1000 }), (seed, count) => {
      const value = new Random(seed).below(count);
      return Number.isInteger(value) && value >= 0 && value < count;
    }),
    { seed: 1 },
  );
  const random = new Random(3);
  t.strictSame([...new Set(Array.from({ length: 200 }, () => random.below(6)))].sort(), [0, 1, 2, 3, 4, 5]);
});

test('a shuffled list has the same elements, in each order equally often', async (t) => {
  const random = new Random(5);
  const orders = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const order = random.shuffled(['a', 'b', 'c']).join('');
    orders.set(order, (orders.get(order) ?? 0) + 1);
  }
  t.strictSame([...orders.keys()].sort(), ['abc', 'acb', 'bac', 'bca', 'cab', 'cba']);
  for (const [order, times] of orders) t.ok(times > 900 && times < 1100, `${order}: ${times}`);
});

test('a statistic is a word that no operation guards', async (t) => {
  const result = runTask(function* () {
    const statistic = new Statistic(staticWords(1));
    statistic.value += 2;
    t.equal(statistic.value, 2);
  });
  expectClean(t, result);
});

// ---- Wait queues. ----

/** Two who wait together and two who wait exclusively; `wake` runs when all are asleep. Gives who was woken, in order. */
function wokenBy(wake: (queue: WaitQueue) => Kernel<void>): number[] {
  const woken: number[] = [];
  const build = () => {
    const queue = declareWaitQueue('&test->wait');
    const sleeper = (number: number, exclusive: boolean) =>
      function* (): Kernel<void> {
        const entry = defineWait();
        const prepare = exclusive ? prepareToWaitExclusive : prepareToWait;
        while ([...queue.waiters()].length < number) yield* ops.relax(HERE);
        yield* prepare(queue, entry, TASK_UNINTERRUPTIBLE, HERE);
        yield* scheduleOn(queue, HERE);
        woken.push(number);
        yield* finishWait(queue, entry, HERE);
        freeWait(entry);
      };
    return {
      *setup(): Kernel<void> {
        // The run is made again to see how wake-ups were lost.
        woken.length = 0;
      },
      actors: onCpus(sleeper(0, true), sleeper(1, false), sleeper(2, true), sleeper(3, false), function* () {
        while ([...queue.waiters()].length < 4) yield* ops.relax(HERE);
        yield* wake(queue);
      }),
    };
  };
  runModel(program(build, 5), { executions: 1 });
  return woken;
}

test('wake_up wakes all that share and the exclusive waiter who came first', async (t) => {
  t.strictSame(wokenBy((queue) => wakeUp(queue, HERE)).sort(), [0, 1, 3]);
});

test('wake_up_all wakes everybody', async (t) => {
  t.strictSame(wokenBy((queue) => wakeUpAll(queue, HERE)).sort(), [0, 1, 2, 3]);
});

test('an autoremove entry leaves the queue when its wake-up took effect, another one stays', async (t) => {
  for (const [flags, left] of [
    [WQ_FLAG_AUTOREMOVE, 0],
    [0, 1],
  ] as const) {
    const build = () => {
      const queue = declareWaitQueue('&test->wait');
      return {
        actors: onCpus(
          function* () {
            const entry = defineWait(flags);
            yield* prepareToWait(queue, entry, TASK_UNINTERRUPTIBLE, HERE);
            yield* scheduleOn(queue, HERE);
            t.equal([...queue.waiters()].length, left);
            yield* finishWait(queue, entry, HERE);
            t.equal([...queue.waiters()].length, 0);
            freeWait(entry);
          },
          function* () {
            while (queue.first() === null) yield* ops.relax(HERE);
            yield* wakeUp(queue, HERE);
          },
        ),
      };
    };
    expectClean(t, runModel(program(build), { executions: 20 }));
  }
});

test('an entry stays on the queue when its task was awake already', async (t) => {
  const result = runTask(function* () {
    const queue = declareWaitQueue('&test->wait');
    const entry = defineWait();
    yield* prepareToWait(queue, entry, TASK_UNINTERRUPTIBLE, HERE);
    yield* setCurrentState(0, HERE);
    yield* wakeUp(queue, HERE);
    t.strictSame([...queue.waiters()], [current()]);
    yield* finishWait(queue, entry, HERE);
    freeWait(entry);
  });
  expectClean(t, result);
});

test('a signal wakes who sleeps interruptibly and stays pending for who does not', async (t) => {
  const build = () => {
    let sleeper: Task | null = null;
    const queue = declareWaitQueue('&test->wait');
    return {
      actors: onCpus(
        function* () {
          const entry = defineWait();
          sleeper = current();
          yield* prepareToWait(queue, entry, TASK_INTERRUPTIBLE, HERE);
          yield* scheduleOn(queue, HERE);
          yield* finishWait(queue, entry, HERE);
          t.equal(yield* signalPending(current(), HERE), 1);
          freeWait(entry);
          yield* prepareToWait(queue, defineWait(), TASK_UNINTERRUPTIBLE, HERE);
          yield* scheduleOn(queue, HERE);
        },
        function* () {
          while (sleeper === null) yield* ops.relax(HERE);
          yield* sendSignal(sleeper, HERE);
        },
      ),
    };
  };
  const result = runModel(program(build));
  expectFinding(t, result, { kind: 'deadlock', message: /actor0 waits for &test->wait at/ });
});

test('a completion that came first lets as many waiters pass as it was called', async (t) => {
  const result = runTask(function* () {
    const done = declareCompletion('&test->done');
    yield* complete(done, HERE);
    yield* complete(done, HERE);
    yield* waitForCompletion(done, HERE);
    yield* waitForCompletion(done, HERE);
    yield* waitForCompletion(done, HERE);
  });
  expectFinding(t, result, { kind: 'deadlock', message: /actor0 waits for &test->done\.wait at/ });
});

test('a signal wakes nobody who sleeps uninterruptibly', async (t) => {
  const build = () => {
    const asleep = new Atomic(staticWords(1));
    let sleeper: Task;
    return {
      actors: onCpus(
        function* () {
          sleeper = current();
          yield* setCurrentState(TASK_UNINTERRUPTIBLE, HERE);
          yield* asleep.set(1, HERE);
          yield* schedule(HERE);
        },
        function* () {
          while ((yield* asleep.read(HERE)) === 0) yield* ops.relax(HERE);
          yield* sendSignal(sleeper, HERE);
          t.equal(stateOf(sleeper), TASK_UNINTERRUPTIBLE);
        },
      ),
    };
  };
  const message = /^no CPU can move: actor0 waits for /;
  expectFinding(t, runModel(program(build), { executions: 1 }), { kind: 'deadlock', message });
});

test('complete wakes one of those who wait, the one that came first', async (t) => {
  const woken: number[] = [];
  const build = () => {
    const done = declareCompletion('&test->done');
    const waiter = () => waitForCompletion(done, HERE);
    return {
      actors: [
        { name: 'waiter0', cpu: 0, run: waiter },
        { name: 'waiter1', cpu: 0, run: waiter },
        {
          name: 'completer',
          cpu: 0,
          *run(): Kernel<void> {
            const asleep = (): Task[] => [...done.wait.waiters()].filter((task) => stateOf(task) !== TASK_RUNNING);
            while (asleep().length < 2) yield* schedule(HERE);
            const [first] = asleep();
            yield* complete(done, HERE);
            woken.push(2 - asleep().length);
            t.equal(stateOf(first!), TASK_RUNNING);
            yield* complete(done, HERE);
          },
        },
      ],
    };
  };
  expectClean(t, runModel(program(build), { executions: 20 }));
  t.strictSame([...new Set(woken)], [1]);
});

const stateOf = (task: Task): number => memory.words[task.state.word] as number;

test('waiting for a completion in atomic context names the completion', async (t) => {
  const result = runTask(function* () {
    const done = declareCompletion('&test->done');
    yield* complete(done, HERE);
    yield* ops.irqOff(HERE);
    yield* waitForCompletion(done, HERE);
  });
  const message = /may sleep in wait_for_completion\(&test->done\.wait\) while its interrupts are off$/;
  expectFinding(t, result, { kind: 'sleep-in-atomic', invariant: 'I18', message });
});
