/**
 * What order of accesses CPUs see. Words are sequentially consistent here, as JavaScript's Atomics are.
 */
import type { Kernel } from '../../machine/kernel.ts';
import { staticWords } from '../../shared/memory.ts';
import { Ring, ringWords } from '../../shared/ring.ts';
import { Atomic, type Marked } from '../../shared/word.ts';
import { type Litmus, litmus, type Shot, type Side } from './litmus.ts';

/** Results: the flag and the data. Forbidden: the flag without the data. */
const words: Shot = {
  name: 'message-passing/words',
  title: 'who sees the flag sees the data that was written before it',
  outcomes: ['0 0', '0 1', '1 1'],
  shared: 2,
  results: 2,
  staticWords: 0,
  sides: () => ({
    sides: [
      function* ({ shared: [data, flag] }): Kernel<void> {
        yield* data!.write(1, HERE);
        yield* flag!.write(1, HERE);
      },
      function* (shot): Kernel<void> {
        const [data, flag] = shot.shared;
        shot.result(0, yield* flag!.read(HERE));
        shot.result(1, yield* data!.read(HERE));
      },
    ],
  }),
};

/** Each writes its own word and then reads the other's. Forbidden: both read 0. */
const storeBuffering: Shot = {
  name: 'store-buffering/words',
  title: 'of two who write and then look at each other, one sees the other',
  outcomes: ['0 1', '1 0', '1 1'],
  shared: 2,
  results: 2,
  staticWords: 0,
  sides: () => ({
    sides: [0, 1].map(
      (own) =>
        function* (shot): Kernel<void> {
          yield* shot.shared[own]!.write(1, HERE);
          shot.result(own, yield* shot.shared[1 - own]!.read(HERE));
        },
    ),
  }),
};

const RING_ENTRIES = 8;

/** Two writers, one reader, who waits for both entries. Result: who was first. */
const ringWriters: Shot = {
  name: 'message-passing/ring-writers',
  title: 'a ring loses nothing and repeats nothing, whoever writes first',
  outcomes: ['1 2', '2 1'],
  shared: 0,
  results: 2,
  staticWords: ringWords(RING_ENTRIES),
  sides() {
    const ring = new Ring(staticWords(ringWords(RING_ENTRIES)), RING_ENTRIES);
    return {
      sides: [
        function* (shot): Kernel<void> {
          for (let place = 0; place < 2; place++) {
            let value = 0;
            while (value === 0) value = yield* ring.pop(HERE);
            shot.result(place, value);
          }
        },
        () => ring.push(1, HERE),
        () => ring.push(2, HERE),
      ],
    };
  },
};

/** Result: nothing yet (0), or the data behind the entry. Forbidden: the entry without its data, which would be 3. */
const ringData: Shot = {
  name: 'message-passing/ring',
  title: 'who takes an entry off a ring sees what was written before the push',
  outcomes: ['0', '1'],
  shared: 1,
  results: 1,
  staticWords: ringWords(RING_ENTRIES) + 1,
  sides() {
    const ring = new Ring(staticWords(ringWords(RING_ENTRIES)), RING_ENTRIES);
    const stale = new Atomic(staticWords(1));
    return {
      sides: [
        function* ({ shared: [data] }): Kernel<void> {
          yield* data!.write(1, HERE);
          yield* ring.push(7, HERE);
        },
        function* (shot): Kernel<void> {
          // What an earlier shot left behind is not this shot's.
          for (let left = yield* stale.exchange(0, HERE); left > 0; left--) {
            let old = 0;
            while (old === 0) old = yield* ring.pop(HERE);
          }
          const entry = yield* ring.pop(HERE);
          if (entry === 0) yield* stale.add(1, HERE);
          else shot.result(0, (yield* shot.shared[0]!.read(HERE)) === 1 ? 1 : 3);
        },
      ],
    };
  },
};

/** Both add 1; who is done last reads the sum. */
function lostUpdate(name: string, outcomes: readonly string[], addOne: (word: Marked) => Kernel<void>): Shot {
  const side: Side = function* (shot): Kernel<void> {
    const [word, done] = shot.shared;
    yield* addOne(word!);
    if ((yield* new Atomic(done!.word).add(1, HERE)) === 1) shot.result(0, yield* word!.read(HERE));
  };
  return {
    name: `lost-update/${name}`,
    title: `two CPUs add 1 to a word: ${name}`,
    outcomes,
    shared: 2,
    results: 1,
    staticWords: 0,
    sides: () => ({ sides: [side, side] }),
  };
}

const marked = lostUpdate('marked', ['1', '2'], function* (word): Kernel<void> {
  yield* word.write((yield* word.read(HERE)) + 1, HERE);
});

const atomic = lostUpdate('atomic', ['2'], function* (word): Kernel<void> {
  yield* new Atomic(word.word).add(1, HERE);
});

export const memoryOrderTests: readonly Litmus[] = [
  litmus(words, 2),
  litmus(storeBuffering, 2),
  litmus(ringData, 2),
  litmus(ringWriters, 3),
  litmus(marked, 2),
  litmus(atomic, 2),
];
