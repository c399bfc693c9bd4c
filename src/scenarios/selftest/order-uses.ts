/**
 * Orders: which locks are taken while which are held.
 */
import type { Kernel } from '../../machine/kernel.ts';
import type { Held, HeldKind } from './lock-kinds.ts';
import { both, one, type Use } from './use.ts';

/** Readers of an rwlock never wait for each other, so their order is free. Who takes a semaphore does not hold it: nobody can say. */
const unlessRecursive = ({ recursive, owned }: HeldKind): 'lock-order' | 'right' | null =>
  !owned ? null : recursive ? 'right' : 'lock-order';

/** Takes locks pair by pair: `0 1`, `1 0`. */
function pairs(name: string, count: number, order: readonly (readonly [number, number])[], isWrong: boolean): Use {
  return {
    name,
    verdict: (kind) => (isWrong ? unlessRecursive(kind) : 'right'),
    build({ lock, task }) {
      const locks = Array.from({ length: count }, (_, i) => lock('abcd'[i] as string));
      task(function* (): Kernel<void> {
        for (const [outer, inner] of order) yield* both(locks[outer]!, locks[inner]!);
      });
    },
  };
}

const oneClass = (name: string, nested: boolean): Use => ({
  name,
  verdict: (kind) => {
    if (!nested) return unlessRecursive(kind);
    // Neither rwlocks nor semaphores have subclasses.
    return !kind.owned || (kind.twoWays && !kind.sleeps) ? null : 'right';
  },
  build({ lock, task }) {
    const [first, second] = [lock('a'), lock('a')];
    task(function* (): Kernel<void> {
      yield* first.take();
      yield* nested ? second.takeNested!() : second.take();
      yield* second.give();
      yield* first.give();
    });
  },
});

/** Held for reading and wanted for writing, or the other way round. */
const mixed = (name: string, isWrong: boolean): Use => ({
  name,
  verdict: ({ twoWays }) => (!twoWays ? null : isWrong ? 'lock-order' : 'right'),
  build({ lock, task }) {
    const [a, b] = [lock('a'), lock('b')];
    function* nested(outer: Held, inner: Held): Kernel<void> {
      yield* outer.take();
      yield* inner.takeOther!();
      yield* inner.giveOther!();
      yield* outer.give();
    }
    task(function* (): Kernel<void> {
      yield* nested(a, b);
      yield* isWrong ? nested(b, a) : nested(a, b);
    });
  },
});

/** Each CPU sees one of the two orders. */
const ACROSS: Use = {
  name: 'A-B on one CPU, B-A on another',
  verdict: unlessRecursive,
  build({ lock, task, before }) {
    const [a, b] = [lock('a'), lock('b')];
    before(() => both(b, a));
    task(() => both(a, b));
  },
};

const AGAIN: Use = {
  name: 'A-A, the same lock again',
  // A semaphore that is taken twice waits for whoever may give it: the case would never end.
  verdict: ({ owned, recursive, shared }) =>
    !owned ? null : recursive ? 'right' : shared ? 'lock-order' : 'self-deadlock',
  build({ lock, task }) {
    const a = lock('a');
    task(() => both(a, a));
  },
};

const TRIED: Use = {
  name: 'A-B-B-A where B-A only tries',
  verdict: ({ sleeps, twoWays }) => (sleeps || twoWays ? null : 'right'),
  build({ lock, task }) {
    const [a, b] = [lock('a'), lock('b')];
    task(function* (): Kernel<void> {
      yield* both(a, b);
      yield* b.take();
      if ((yield* a.tryTake!()) !== 0) yield* a.give();
      yield* b.give();
    });
  },
};

const OUT_OF_ORDER: Use = {
  name: 'given back in the order in which they were taken',
  verdict: () => 'right',
  build({ lock, task }) {
    const [a, b] = [lock('a'), lock('b')];
    task(function* (): Kernel<void> {
      yield* a.take();
      yield* b.take();
      yield* a.give();
      yield* b.give();
      yield* both(a, b);
    });
  },
};

const TWICE_GIVEN: Use = {
  name: 'given back twice',
  // A semaphore has one unit more from then on.
  verdict: ({ owned }) => (owned ? 'assertion' : 'right'),
  build({ lock, task }) {
    const a = lock('a');
    task(function* (): Kernel<void> {
      yield* one(a);
      yield* a.give();
    });
  },
};

const KEPT: Use = {
  name: 'still held when the task ends',
  verdict: ({ owned, sleeps }) => (!owned ? 'right' : sleeps ? 'leak' : 'assertion'),
  build({ lock, task }) {
    const a = lock('a');
    task(() => a.take());
  },
};

/** Who gives a semaphore's unit back need not be who took it. */
const GIVEN_BY_ANOTHER: Use = {
  name: 'taken by one task, given back by another',
  verdict: ({ owned }) => (owned ? null : 'right'),
  build({ lock, task, before }) {
    const a = lock('a');
    before(() => a.take());
    task(function* (): Kernel<void> {
      yield* a.give();
      yield* one(a);
    });
  },
};

export const orderUses: readonly Use[] = [
  AGAIN,
  oneClass('A-A, two of one class', false),
  oneClass('A-A, two of one class, nested', true),
  pairs(
    'A-B-A-B',
    2,
    [
      [0, 1],
      [0, 1],
    ],
    false,
  ),
  pairs(
    'A-B-B-A',
    2,
    [
      [0, 1],
      [1, 0],
    ],
    true,
  ),
  pairs(
    'A-B-B-C-A-C',
    3,
    [
      [0, 1],
      [1, 2],
      [0, 2],
    ],
    false,
  ),
  pairs(
    'A-B-B-C-C-A',
    3,
    [
      [0, 1],
      [1, 2],
      [2, 0],
    ],
    true,
  ),
  pairs(
    'A-B-B-C-C-D-D-A',
    4,
    [
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 0],
    ],
    true,
  ),
  mixed('A-B-A-B, held in one way, wanted in the other', false),
  mixed('A-B-B-A, held in one way, wanted in the other', true),
  ACROSS,
  TRIED,
  OUT_OF_ORDER,
  TWICE_GIVEN,
  KEPT,
  GIVEN_BY_ANOTHER,
];
