/**
 * The work-stealing queue that came with CHESS, after the THE protocol of Cilk-5, and SafeStack, a lock-free stack of indices.
 */
import type { Kernel } from '../../src/machine/kernel.ts';
import { ops } from '../../src/machine/operations.ts';
import type { Run } from '../../src/scenarios/own/define.ts';
import { assert, type Lock, type Word, type World } from '../../src/scenarios/own/world.ts';
import type { Skeleton } from './kit.ts';

const INITIAL_SIZE = 2;
const SIZE_MAX = 8;

/** A lock by exchange: who finds it taken looks again after others had their turn. */
function exchangeLock(world: World, name: string): Lock {
  const word = world.word(name);
  return {
    *lock() {
      while ((yield* word.exchange(1)) !== 0) yield* ops.relax(HERE);
    },
    *unlock() {
      yield* word.write(0);
    },
  };
}

/** The owner pushes and pops at the tail, thieves take at the head. An array of `mask + 1` elements, of which one must stay free. */
class WorkStealQueue {
  readonly #head: Word;
  readonly #tail: Word;
  readonly #mask: Word;
  readonly #elems: readonly Word[];
  readonly #lock: Lock;
  readonly #repaired: boolean;

  constructor(world: World, lock: Lock, repaired: boolean) {
    this.#head = world.word('head');
    this.#tail = world.word('tail');
    this.#mask = world.word('mask', INITIAL_SIZE - 1);
    this.#elems = world.words('elems', SIZE_MAX, -1);
    this.#lock = lock;
    this.#repaired = repaired;
  }

  *#elem(index: number): Kernel<Word> {
    return this.#elems[index & (yield* this.#mask.read())] as Word;
  }

  /** Gives the element, or -1. */
  *steal(): Kernel<number> {
    yield* this.#lock.lock();
    const h = yield* this.#head.cmpxchg(0, 0);
    yield* this.#head.exchange(h + 1);
    let taken = -1;
    if (h < (yield* this.#tail.cmpxchg(0, 0))) taken = yield* (yield* this.#elem(h)).read();
    else yield* this.#head.exchange(h);
    yield* this.#lock.unlock();
    return taken;
  }

  *pop(): Kernel<number> {
    const t = (yield* this.#tail.cmpxchg(0, 0)) - 1;
    yield* this.#tail.exchange(t);
    if ((yield* this.#head.cmpxchg(0, 0)) <= t) return yield* (yield* this.#elem(t)).read();
    yield* this.#tail.exchange(t + 1);
    return yield* this.#syncPop();
  }

  *#syncPop(): Kernel<number> {
    yield* this.#lock.lock();
    const t = (yield* this.#tail.cmpxchg(0, 0)) - 1;
    yield* this.#tail.exchange(t);
    let taken = -1;
    if ((yield* this.#head.cmpxchg(0, 0)) <= t) taken = yield* (yield* this.#elem(t)).read();
    else yield* this.#tail.exchange(t + 1);
    if ((yield* this.#head.cmpxchg(0, 0)) > t) {
      yield* this.#head.exchange(0);
      yield* this.#tail.exchange(0);
      taken = -1;
    }
    yield* this.#lock.unlock();
    return taken;
  }

  *push(elem: number): Kernel<void> {
    const t = yield* this.#tail.cmpxchg(0, 0);
    const mask = yield* this.#mask.read();
    const room = (yield* this.#head.cmpxchg(0, 0)) + mask + (this.#repaired ? 0 : 1);
    if (t >= room) return yield* this.#syncPush(elem);
    yield* (yield* this.#elem(t)).write(elem);
    yield* this.#tail.exchange(t + 1);
  }

  *#syncPush(elem: number): Kernel<void> {
    yield* this.#lock.lock();
    let h = yield* this.#head.cmpxchg(0, 0);
    const count = (yield* this.#tail.cmpxchg(0, 0)) - h;
    const mask = yield* this.#mask.read();
    h &= mask;
    yield* this.#head.exchange(h);
    yield* this.#tail.exchange(h + count);
    if (count >= mask) yield* this.#grow(h, count, mask);
    const t = yield* this.#tail.cmpxchg(0, 0);
    yield* (yield* this.#elem(t)).write(elem);
    yield* this.#tail.exchange(t + 1);
    yield* this.#lock.unlock();
  }

  *#grow(head: number, count: number, mask: number): Kernel<void> {
    const size = 2 * (mask + 1);
    assert(size <= SIZE_MAX, `a queue of ${size} elements is too large`);
    const moved: number[] = [];
    for (let i = 0; i < count; i++) moved.push(yield* (this.#elems[(head + i) & mask] as Word).read());
    for (const [i, elem] of moved.entries()) yield* (this.#elems[i] as Word).write(elem);
    yield* this.#mask.write(size - 1);
    yield* this.#head.exchange(0);
    yield* this.#tail.exchange(count);
  }
}

/** One that steals, one that pushes and pops; each item must be worked on exactly once. */
const workSteal = (name: string, spins: boolean): Skeleton => ({
  name: `Chess/${name}`,
  title: 'a push writes over an element that is being stolen',
  bug: { kind: 'assertion', message: /is worked on/ },
  threads: 1,
  main(pthreads, world, repaired) {
    const [items, attempts] = [4, 2];
    const lock = spins ? exchangeLock(world, 'lock') : world.spinLock('cs');
    const queue = new WorkStealQueue(world, lock, repaired);
    const fields = world.words('field', items);
    function* work(item: number): Kernel<void> {
      if (item < 0) return;
      const field = fields[item] as Word;
      yield* field.write((yield* field.read()) + 1);
    }
    function* stealer(): Kernel<void> {
      for (let i = 0; i < attempts; i++) yield* work(yield* queue.steal());
    }
    return function* () {
      yield* pthreads.create(stealer);
      for (let i = 0; i < items / 2; i++) {
        yield* queue.push(2 * i);
        yield* queue.push(2 * i + 1);
        yield* work(yield* queue.pop());
      }
      for (let i = 0; i < items / 2; i++) yield* work(yield* queue.pop());
      yield* pthreads.join(0);
      for (const field of fields) {
        const times = yield* field.read();
        assert(times === 1, `${field.name} is worked on ${times} times`);
      }
    };
  },
});

/** Three threads take an index, use what it stands for, and put it back. */
const safeStack: Skeleton = {
  name: 'SafeStack',
  title: 'two threads have the same element after five preemptions',
  bug: { kind: 'assertion', message: /belongs to/ },
  threads: 3,
  main(pthreads, { word, words, spinLock }, repaired) {
    const THREADS = 3;
    const lock = spinLock('lock');
    const [head, count] = [word('head', 0), word('count', THREADS)];
    const next = Array.from({ length: THREADS }, (_, i) => word(`Next[${i}]`, i + 1 < THREADS ? i + 1 : -1));
    const values = words('Value', THREADS);
    function* pop(): Kernel<number> {
      while ((yield* count.read()) > 1) {
        const head1 = yield* head.read();
        const next1 = yield* (next[head1] as Word).exchange(-1);
        if (next1 >= 0) {
          if ((yield* head.cmpxchg(head1, next1)) === head1) {
            yield* count.add(-1);
            return head1;
          }
          yield* (next[head1] as Word).exchange(next1);
        } else yield* ops.relax(HERE);
      }
      return -1;
    }
    function* push(index: number): Kernel<void> {
      let head1 = yield* head.read();
      for (;;) {
        yield* (next[index] as Word).write(head1);
        const seen = yield* head.cmpxchg(head1, index);
        if (seen === head1) break;
        head1 = seen;
      }
      yield* count.add(1);
    }
    const user = (id: number): Run =>
      function* () {
        for (let i = 0; i < 2; i++) {
          let elem = -1;
          for (;;) {
            if (repaired) yield* lock.lock();
            elem = yield* pop();
            if (repaired) yield* lock.unlock();
            if (elem >= 0) break;
            yield* ops.relax(HERE);
          }
          const value = values[elem] as Word;
          yield* value.write(id);
          const owner = yield* value.read();
          assert(owner === id, `element ${elem} of thread ${id} belongs to thread ${owner}`);
          if (repaired) yield* lock.lock();
          yield* push(elem);
          if (repaired) yield* lock.unlock();
        }
      };
    return () => pthreads.all([0, 1, 2].map(user), 2);
  },
};

export const chess: readonly Skeleton[] = [
  workSteal('WorkStealQueue', false),
  workSteal('InterlockedWorkStealQueue', true),
  safeStack,
];
