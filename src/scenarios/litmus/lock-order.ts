/**
 * What every kind of lock promises beside mutual exclusion: what was written under it is seen under it, and nobody who waits
 * for it is forgotten. The words are plain here: nothing but the lock orders them.
 */
import type { Kernel } from '../../machine/kernel.ts';
import { memory, staticWords } from '../../shared/memory.ts';
import type { Marked } from '../../shared/word.ts';
import { type Litmus, litmus, type Side } from './litmus.ts';
import { type Guard, type LockKind, lockKinds } from './lock-kinds.ts';

/** Runs something that nobody else can come between, under a lock. */
const under = (hold: (body: () => Kernel<void>) => Kernel<void>, act: () => void): Kernel<void> =>
  hold(function* (): Kernel<void> {
    act();
  });

const setUp = (guard: Guard): { setup?: () => Kernel<void> } =>
  guard.setup === undefined ? {} : { setup: guard.setup };

const peek = (word: Marked): number => memory.words[word.word] as number;
const poke = (word: Marked): void => {
  memory.words[word.word] = 1;
};

/** Results: the flag and the data. Forbidden: the flag without the data. */
const messagePassing = (kind: LockKind): Litmus =>
  litmus(
    {
      name: `message-passing/${kind.name}`,
      title: `${kind.name}: who sees the flag sees the data that was written before it`,
      outcomes: ['0 0', '0 1', '1 1'],
      shared: 2,
      results: 2,
      staticWords: kind.words,
      sides() {
        const guard = kind.declare('&litmus->lock');
        const look = guard.shared ?? guard.exclusive;
        return {
          ...setUp(guard),
          sides: [
            function* ({ shared: [data, flag] }): Kernel<void> {
              yield* under(guard.exclusive, () => poke(data!));
              yield* under(guard.exclusive, () => poke(flag!));
            },
            function* (words): Kernel<void> {
              const [data, flag] = words.shared;
              yield* under(look, () => words.result(0, peek(flag!)));
              yield* under(look, () => words.result(1, peek(data!)));
            },
          ],
        };
      },
    },
    2,
  );

/** Each writes its own word and then reads the other's. Forbidden: both read 0. */
const storeBuffering = (kind: LockKind): Litmus =>
  litmus(
    {
      name: `store-buffering/${kind.name}`,
      title: `${kind.name}: of two who write and then look at each other, one sees the other`,
      outcomes: ['0 1', '1 0', '1 1'],
      shared: 2,
      results: 2,
      staticWords: kind.words,
      sides() {
        const guard = kind.declare('&litmus->lock');
        const look = guard.shared ?? guard.exclusive;
        const side = (own: number): Side =>
          function* (words): Kernel<void> {
            yield* under(guard.exclusive, () => poke(words.shared[own]!));
            yield* under(look, () => words.result(own, peek(words.shared[1 - own]!)));
          };
        return { ...setUp(guard), sides: [side(0), side(1)] };
      },
    },
    2,
  );

/** Three want it at once, the third one for reading where that exists. One that is forgotten waits for ever. */
const nobodyForgotten = (kind: LockKind): Litmus =>
  litmus(
    {
      name: `no-lost-wake-up/${kind.name}`,
      title: `${kind.name}: each of three who want it gets it`,
      outcomes: ['1 1 2'],
      shared: 1,
      results: 3,
      staticWords: kind.words + 1,
      sides() {
        const guard = kind.declare('&litmus->lock');
        const writes = staticWords(1);
        const writer = (place: number): Side =>
          function* (words): Kernel<void> {
            for (let i = 0; i < 2; i++)
              yield* under(guard.exclusive, () => {
                memory.words[writes] = (memory.words[writes] as number) + 1;
              });
            words.result(place, 1);
          };
        const reader: Side = function* (words): Kernel<void> {
          const look = guard.shared ?? guard.exclusive;
          for (let i = 0; i < 2; i++) yield* under(look, () => {});
          words.result(2, 2);
        };
        return { ...setUp(guard), sides: [writer(0), writer(1), reader] };
      },
    },
    3,
  );

export const lockOrderTests: readonly Litmus[] = [
  ...lockKinds.map(messagePassing),
  ...lockKinds.map(storeBuffering),
  ...lockKinds.map(nobodyForgotten),
];
