/**
 * Orders: which locks are taken while which are held.
 */
import type { Kernel } from '../../machine/kernel.ts';
import type { HeldKind } from './lock-kinds.ts';
import { both, one, type Use } from './use.ts';

/** Readers of an rwlock never wait for each other, so their order is free. */
const unlessRecursive = ({ recursive }: HeldKind): 'lock-order' | 'right' => (recursive ? 'right' : 'lock-order');

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
    if (kind.name === 'wlock' || kind.recursive) return nested ? null : unlessRecursive(kind);
    return nested ? 'right' : 'lock-order';
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

/** Held in one way, wanted in the other. */
const mixed = (name: string, isWrong: boolean): Use => ({
  name,
  verdict: ({ name: kind }) => (kind === 'rlock' || kind === 'rsem' ? (isWrong ? 'lock-order' : 'right') : null),
  build({ lock, task }) {
    const [a, b] = [lock('a'), lock('b')];
    function* heldForReading(): Kernel<void> {
      yield* a.take();
      yield* b.takeOther!();
      yield* b.giveOther!();
      yield* a.give();
    }
    task(function* (): Kernel<void> {
      yield* heldForReading();
      if (!isWrong) return yield* heldForReading();
      yield* b.take();
      yield* a.takeOther!();
      yield* a.giveOther!();
      yield* b.give();
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
  verdict: ({ name }) => (name === 'rlock' ? 'right' : name === 'rsem' ? 'lock-order' : 'self-deadlock'),
  build({ lock, task }) {
    const a = lock('a');
    task(() => both(a, a));
  },
};

const TRIED: Use = {
  name: 'A-B-B-A where B-A only tries',
  verdict: ({ name }) => (name === 'spin' ? 'right' : null),
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
  verdict: () => 'assertion',
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
  verdict: ({ sleeps }) => (sleeps ? 'leak' : 'assertion'),
  build({ lock, task }) {
    const a = lock('a');
    task(() => a.take());
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
  mixed('A-B-A-B, held for reading, wanted for writing', false),
  mixed('A-B-B-A, held for reading, wanted for writing', true),
  ACROSS,
  TRIED,
  OUT_OF_ORDER,
  TWICE_GIVEN,
  KEPT,
];
