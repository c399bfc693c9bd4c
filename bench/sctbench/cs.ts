/**
 * Programs of the CS folder of SCTBench: small ones, each with one mistake.
 */

import type { Kernel } from '../../src/machine/kernel.ts';
import type { Run } from '../../src/scenarios/own/define.ts';
import { assert } from '../../src/scenarios/own/world.ts';
import { Condition, LOOP, type Skeleton } from './kit.ts';

const wrong = (message: RegExp): Skeleton['bug'] => ({ kind: 'assertion', message });

const DEADLOCK: Skeleton['bug'] = { kind: 'deadlock', message: /./ };

const account: Skeleton = {
  name: 'CS/account',
  title: 'the balance is checked against the wrong sum, but only once both have been there',
  bug: wrong(/the balance is/),
  threads: 3,
  main(pthreads, { word, spinLock }, repaired) {
    const m = spinLock('m');
    const balance = word('balance', 1);
    const [deposited, withdrawn] = [word('deposit_done'), word('withdraw_done')];
    const [y, z] = [2, 4];
    const change = (by: number, done: typeof deposited): Run =>
      function* () {
        yield* m.lock();
        yield* balance.write((yield* balance.read()) + by);
        yield* done.write(1);
        yield* m.unlock();
      };
    function* checkResult(): Kernel<void> {
      yield* m.lock();
      if ((yield* deposited.read()) === 1 && (yield* withdrawn.read()) === 1) {
        const expected = repaired ? 1 + y - z : 1 - y - z;
        const seen = yield* balance.read();
        assert(seen === expected, `the balance is ${seen}, not ${expected}`);
      }
      yield* m.unlock();
    }
    return () => pthreads.all([checkResult, change(y, deposited), change(-z, withdrawn)], 0);
  },
};

const bluetoothDriver: Skeleton = {
  name: 'CS/bluetooth_driver',
  title: 'the driver looks at stoppingFlag, then is counted; the one that stops comes in between',
  bug: wrong(/has stopped/),
  threads: 1,
  main(pthreads, { word }, repaired) {
    const [pendingIo, stoppingFlag] = [word('pendingIo', 1), word('stoppingFlag')];
    const [stoppingEvent, stopped] = [word('stoppingEvent'), word('stopped')];
    function* increment(): Kernel<boolean> {
      if (repaired) {
        // Counted first, looked at afterwards.
        yield* pendingIo.add(1);
        return (yield* stoppingFlag.read()) === 0;
      }
      if ((yield* stoppingFlag.read()) === 1) return false;
      yield* pendingIo.add(1);
      return true;
    }
    function* decrement(): Kernel<void> {
      if ((yield* pendingIo.add(-1)) === 1) yield* stoppingEvent.write(1);
    }
    function* add(): Kernel<void> {
      const entered = yield* increment();
      yield* pthreads.locals(2);
      if (entered) assert((yield* stopped.read()) === 0, 'work is done on a device that has stopped');
      yield* decrement();
    }
    function* stop(): Kernel<void> {
      yield* stoppingFlag.write(1);
      yield* decrement();
      if ((yield* stoppingEvent.read()) === 1) yield* stopped.write(1);
    }
    return function* () {
      yield* pthreads.create(stop);
      yield* add();
      yield* pthreads.join(0);
    };
  },
};

const carter01: Skeleton = {
  name: 'CS/carter01',
  title: 'two classes of users exclude each other with a lock that is taken while another is held',
  bug: DEADLOCK,
  threads: 4,
  main(pthreads, { word, spinLock }, repaired) {
    const [m, l, n] = [spinLock('m'), spinLock('l'), spinLock('n')];
    const users = (count: ReturnType<typeof word>, own: typeof m): Run =>
      function* () {
        yield* own.lock();
        if ((yield* count.add(1)) === 0) yield* l.lock();
        yield* own.unlock();
        yield* own.lock();
        if ((yield* count.add(-1)) === 1) yield* l.unlock();
        yield* own.unlock();
      };
    function* nothing(): Kernel<void> {}
    // Repaired: each class has a lock of its own for its count.
    const runs = [users(word('A'), m), users(word('B'), repaired ? n : m), nothing, nothing];
    return () => pthreads.all(runs, 0);
  },
};

const circularBuffer: Skeleton = {
  name: 'CS/circular_buffer',
  title: 'the receiver may find nothing in its turn, and expects its element in the next one',
  bug: wrong(/was expected/),
  threads: 2,
  main(pthreads, { word, words, spinLock }, repaired) {
    const TURNS = 7;
    const m = spinLock('m');
    const buffer = words('buffer', 10);
    const [first, next] = [word('first'), word('next')];
    const [send, receive] = [word('send', 1), word('receive')];
    function* sender(): Kernel<void> {
      for (let i = 0; i < TURNS; i++) {
        yield* m.lock();
        if ((yield* send.read()) === 1) {
          const at = yield* next.read();
          yield* (buffer[at] as typeof first).write(i);
          yield* next.write((at + 1) % 10);
          yield* send.write(0);
          yield* receive.write(1);
        }
        yield* m.unlock();
      }
    }
    function* receiver(): Kernel<void> {
      for (let i = 0; i < TURNS; i++) {
        yield* m.lock();
        if ((yield* receive.read()) === 1) {
          let element = -1;
          const at = yield* first.read();
          if ((yield* next.read()) > 0 && at < 10) {
            yield* first.write(at + 1);
            element = yield* (buffer[at] as typeof first).read();
          }
          const expected = repaired ? element : i;
          assert(element === expected, `${element} is received where ${i} was expected`);
          yield* receive.write(0);
          yield* send.write(1);
        }
        yield* m.unlock();
      }
    }
    return () => pthreads.all([sender, receiver], 0);
  },
};

const deadlock01: Skeleton = {
  name: 'CS/deadlock01',
  title: 'two locks in two orders',
  bug: DEADLOCK,
  threads: 2,
  main(pthreads, { word, spinLock }, repaired) {
    const [a, b] = [spinLock('a'), spinLock('b')];
    const counter = word('counter', 1);
    const both = (one: typeof a, two: typeof a, by: number): Run =>
      function* () {
        yield* one.lock();
        yield* two.lock();
        yield* counter.write((yield* counter.read()) + by);
        yield* two.unlock();
        yield* one.unlock();
      };
    return () => pthreads.all([both(a, b, 1), repaired ? both(a, b, -1) : both(b, a, -1)], 0);
  },
};

const lazy01: Skeleton = {
  name: 'CS/lazy01',
  title: 'the third sees what the two others have added up',
  bug: wrong(/data is/),
  threads: 3,
  main(pthreads, { word, spinLock }, repaired) {
    const mutex = spinLock('mutex');
    const data = word('data');
    const add = (by: number): Run =>
      function* () {
        yield* mutex.lock();
        yield* data.write((yield* data.read()) + by);
        yield* mutex.unlock();
      };
    function* look(): Kernel<void> {
      yield* mutex.lock();
      const seen = yield* data.read();
      assert(repaired || seen < 3, `data is ${seen}`);
      yield* mutex.unlock();
    }
    return () => pthreads.all([add(1), add(2), look], 0);
  },
};

const queue: Skeleton = {
  name: 'CS/queue',
  title: 'the first element is never taken, so that all others come one too late',
  bug: wrong(/is dequeued/),
  threads: 2,
  main(pthreads, { word, words, spinLock }, repaired) {
    const SIZE = 20;
    const m = spinLock('m');
    const [element, stored] = [words('element', SIZE + 1), words('stored', SIZE + 1)];
    const [head, tail, amount] = [word('head'), word('tail'), word('amount')];
    const [enqueueFlag, dequeueFlag] = [word('enqueue_flag', 1), word('dequeue_flag')];
    type Words = typeof head;
    function* enqueue(value: number): Kernel<void> {
      const at = yield* tail.read();
      yield* (element[at] as Words).write(value);
      yield* amount.write((yield* amount.read()) + 1);
      yield* tail.write(at === SIZE ? 1 : at + 1);
    }
    function* dequeue(): Kernel<number> {
      const at = yield* head.read();
      const value = yield* (element[at] as Words).read();
      yield* amount.write((yield* amount.read()) - 1);
      yield* head.write(at === SIZE ? 1 : at + 1);
      return value;
    }
    function* producer(): Kernel<void> {
      let value = 0;
      yield* m.lock();
      yield* enqueue(value);
      yield* (stored[0] as Words).write(value);
      yield* m.unlock();
      for (let i = 0; i < SIZE - 1; i++) {
        yield* m.lock();
        if ((yield* enqueueFlag.read()) === 1) {
          value++;
          yield* enqueue(value);
          yield* (stored[repaired ? value : i + 1] as Words).write(value);
          yield* enqueueFlag.write(0);
          yield* dequeueFlag.write(1);
        }
        yield* m.unlock();
      }
    }
    function* consumer(): Kernel<void> {
      let taken = 0;
      for (let i = 0; i < SIZE; i++) {
        yield* m.lock();
        if ((yield* dequeueFlag.read()) === 1) {
          const value = yield* dequeue();
          const expected = yield* (stored[repaired ? taken : i] as Words).read();
          assert(value === expected, `${value} is dequeued where ${expected} was stored`);
          taken++;
          yield* dequeueFlag.write(0);
          yield* enqueueFlag.write(1);
        }
        yield* m.unlock();
      }
    }
    return () => pthreads.all([producer, consumer], 0);
  },
};

/**
 * Setters write two words, one after the other; a checker sees one written and the other not. The 20 of reorder_20 are half setters and
 * half checkers; those of the others have one checker, but for reorder_50, whose source was not at hand: see docs/SCTBENCH.md.
 */
const reorder = (setters: number, checkers: number): Skeleton => ({
  name: `CS/reorder_${setters + checkers}`,
  title: 'a checker sees one of two words written and the other one not',
  bug: wrong(/is seen/),
  threads: setters + checkers,
  main(pthreads, { word, spinLock }, repaired) {
    const [a, b] = [word('a'), word('b')];
    const lock = spinLock('lock');
    function* set(): Kernel<void> {
      if (repaired) yield* lock.lock();
      yield* a.write(1);
      yield* b.write(-1);
      if (repaired) yield* lock.unlock();
    }
    function* check(): Kernel<void> {
      if (repaired) yield* lock.lock();
      let seen = yield* a.read();
      // As C does it: each && and || reads anew.
      const none = seen === 0 && (yield* b.read()) === 0;
      if (!none) {
        seen = yield* a.read();
        const other = seen === 1 ? yield* b.read() : 0;
        assert(seen === 1 && other === -1, `a = ${seen}, b = ${other} is seen`);
      }
      if (repaired) yield* lock.unlock();
    }
    const runs = Array.from({ length: setters + checkers }, (_, i) => (i < setters ? set : check));
    return () => pthreads.all(runs, LOOP);
  },
});

const stack: Skeleton = {
  name: 'CS/stack',
  title: 'the flag that something was pushed stays up when all has been popped',
  bug: wrong(/underflow/),
  threads: 2,
  main(pthreads, { word, words, spinLock }, repaired) {
    const SIZE = 10;
    const m = spinLock('m');
    const [top, flag] = [word('top'), word('flag')];
    const arr = words('arr', SIZE);
    type Words = typeof top;
    function* pusher(): Kernel<void> {
      for (let i = 0; i < SIZE; i++) {
        yield* pthreads.locals(2);
        yield* m.lock();
        assert((yield* top.read()) < SIZE, 'overflow');
        yield* (arr[yield* top.read()] as Words).write(i);
        yield* top.write((yield* top.read()) + 1);
        yield* flag.write(1);
        yield* m.unlock();
      }
    }
    function* popper(): Kernel<void> {
      for (let i = 0; i < SIZE; i++) {
        yield* pthreads.locals(2);
        yield* m.lock();
        if ((yield* flag.read()) === 1) {
          assert((yield* top.read()) > 0, 'underflow');
          yield* top.write((yield* top.read()) - 1);
          yield* (arr[yield* top.read()] as Words).read();
          if (repaired && (yield* top.read()) === 0) yield* flag.write(0);
        }
        yield* m.unlock();
      }
    }
    return () => pthreads.all([pusher, popper], 0);
  },
};

const tokenRing: Skeleton = {
  name: 'CS/token_ring',
  title: 'three hand a number round, and a fourth expects them to have done so in their order',
  bug: wrong(/the ring holds/),
  threads: 4,
  main(pthreads, { word, words, spinLock }, repaired) {
    // The atomic blocks of the original.
    const atomic = spinLock('atomic');
    const x = [1, 2, 1].map((value, i) => word(`x${i + 1}`, value));
    const flag = words('flag', 3);
    type Words = (typeof x)[number];
    const pass = (from: number, to: number, by: number): Run =>
      function* () {
        yield* atomic.lock();
        const before = flag[from] as Words;
        if (!repaired || to === 0 || (yield* before.read()) === 1) {
          yield* (x[to] as Words).write(((yield* (x[from] as Words).read()) + by) % 4);
          yield* (flag[to] as Words).write(1);
        }
        yield* atomic.unlock();
      };
    function* check(): Kernel<void> {
      yield* atomic.lock();
      let all = 1;
      for (const each of flag) all &= all === 0 ? 0 : yield* each.read();
      if (all === 1) {
        const [x1, x2, x3] = [
          yield* (x[0] as Words).read(),
          yield* (x[1] as Words).read(),
          yield* (x[2] as Words).read(),
        ];
        assert(x1 === x2 && x2 === x3, `the ring holds ${x1}, ${x2}, ${x3}`);
      }
      yield* atomic.unlock();
    }
    return () => pthreads.all([pass(2, 0, 1), pass(0, 1, 0), pass(1, 2, 0), check], 0);
  },
};

/** Writers change two words, each under a lock of its own; a reader comes in between. */
const twostage = (name: string, writers: number, readers: number): Skeleton => ({
  name: `CS/${name}`,
  title: 'two words that belong together are written under two locks, one after the other',
  bug: wrong(/belongs to/),
  threads: writers + readers,
  main(pthreads, { word, spinLock }, repaired) {
    const [data1Lock, data2Lock] = [spinLock('data1Lock'), spinLock('data2Lock')];
    const [data1, data2] = [word('data1Value'), word('data2Value')];
    function* write(): Kernel<void> {
      yield* data1Lock.lock();
      yield* data1.write(1);
      if (repaired) yield* data2Lock.lock();
      else {
        yield* data1Lock.unlock();
        yield* data2Lock.lock();
      }
      yield* data2.write((yield* data1.read()) + 1);
      yield* data2Lock.unlock();
      if (repaired) yield* data1Lock.unlock();
    }
    function* read(): Kernel<void> {
      yield* pthreads.locals(2);
      yield* data1Lock.lock();
      if ((yield* data1.read()) === 0) {
        yield* data1Lock.unlock();
        return;
      }
      const t1 = yield* data1.read();
      yield* data1Lock.unlock();
      yield* data2Lock.lock();
      const t2 = yield* data2.read();
      yield* data2Lock.unlock();
      assert(t2 === t1 + 1, `${t2} belongs to ${t1}`);
    }
    const runs = Array.from({ length: writers + readers }, (_, i) => (i < writers ? write : read));
    return () => pthreads.all(runs, LOOP);
  },
});

/** One counts under a lock, others count under another one. */
const wronglock = (name: string, others: number): Skeleton => ({
  name: `CS/${name}`,
  title: 'a counter is guarded by two different locks',
  bug: wrong(/became/),
  threads: others + 1,
  main(pthreads, { word, spinLock }, repaired) {
    const dataLock = spinLock('dataLock');
    const thisLock = repaired ? dataLock : spinLock('thisLock');
    const data = word('dataValue');
    function* funcA(): Kernel<void> {
      yield* dataLock.lock();
      const x = yield* data.read();
      yield* data.write((yield* data.read()) + 1);
      const seen = yield* data.read();
      assert(seen === x + 1, `${x} became ${seen}`);
      yield* dataLock.unlock();
    }
    function* funcB(): Kernel<void> {
      yield* thisLock.lock();
      yield* data.write((yield* data.read()) + 1);
      yield* thisLock.unlock();
    }
    const runs = Array.from({ length: others + 1 }, (_, i) => (i === 0 ? funcA : funcB));
    return () => pthreads.all(runs, LOOP);
  },
});

/** Producer and consumer over two condition variables, one of which nobody ever signals. */
const sync = (name: string, start: number, turns: number): Skeleton => ({
  name: `CS/${name}`,
  title: 'who waits until a counter is 0 waits for ever, since it is never counted down so far',
  bug: DEADLOCK,
  threads: 2,
  main(pthreads, world, repaired) {
    const { word, spinLock } = world;
    const m = spinLock('m');
    const num = word('num', repaired ? 0 : start);
    const [empty, full] = [new Condition(world, 'empty', 1), new Condition(world, 'full', 1)];
    function* producer(): Kernel<void> {
      for (let i = 0; i < turns; i++) {
        yield* m.lock();
        while ((yield* num.read()) > 0) yield* empty.wait(m);
        yield* num.write((yield* num.read()) + 1);
        yield* m.unlock();
        yield* full.signal();
      }
    }
    function* consumer(): Kernel<void> {
      for (let i = 0; i < turns; i++) {
        yield* m.lock();
        while ((yield* num.read()) === 0) yield* full.wait(m);
        if (repaired || turns > 1) yield* num.write((yield* num.read()) - 1);
        yield* m.unlock();
        yield* empty.signal();
      }
    }
    return () => {
      empty.reset();
      full.reset();
      return pthreads.all([producer, consumer], 0);
    };
  },
});

/** Philosophers who eat one after the other and count, without a lock, how many have; that all have eaten is taken for a mistake. */
const dinPhil = (philosophers: number): Skeleton => ({
  name: `CS/din_phil${philosophers}`,
  title: 'all philosophers have eaten, which the last one does not expect',
  bug: wrong(/have eaten/),
  threads: philosophers,
  main(pthreads, { word, spinLock }, repaired) {
    const atomic = spinLock('atomic');
    const forks = Array.from({ length: philosophers }, (_, i) => spinLock(`x[${i}]`));
    const phil = word('phil');
    type Fork = (typeof forks)[number];
    const runs = forks.map((left, id) => {
      const right = forks[(id + 1) % philosophers] as Fork;
      return function* eat(): Kernel<void> {
        yield* atomic.lock();
        yield* right.lock();
        yield* left.lock();
        yield* left.unlock();
        yield* right.unlock();
        yield* atomic.unlock();
        yield* phil.write((yield* phil.read()) + 1);
        const eaten = yield* phil.read();
        assert(eaten < philosophers + (repaired ? 1 : 0), `${eaten} have eaten`);
      };
    });
    return () => pthreads.all(runs, LOOP);
  },
});

export const cs: readonly Skeleton[] = [
  account,
  bluetoothDriver,
  carter01,
  circularBuffer,
  deadlock01,
  lazy01,
  queue,
  ...[2, 3, 4, 9].map((setters) => reorder(setters, 1)),
  reorder(10, 10),
  reorder(25, 25),
  reorder(99, 1),
  stack,
  tokenRing,
  twostage('twostage', 1, 1),
  twostage('twostage_20', 10, 10),
  twostage('twostage_50', 25, 25),
  twostage('twostage_100', 99, 1),
  wronglock('wronglock', 7),
  wronglock('wronglock_3', 3),
  sync('sync01', 1, 1),
  sync('sync02', 2, 2),
  dinPhil(3),
];
