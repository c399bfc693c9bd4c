/**
 * What a waiting writer does to new readers: an rw_semaphore holds them back, an rwlock lets them pass.
 */
import type { Kernel } from '../../machine/kernel.ts';
import { type Litmus, litmus, type Shot, until, untilAsked } from './litmus.ts';
import { rwLockKind, rwSemaphoreKind } from './lock-kinds.ts';
import { declareShared } from './readers.ts';

const once = (value: number): boolean => value !== 0;

/** The second reader comes when the writer is known to wait: it sees what the writer wrote. */
const heldBack: Shot = {
  name: 'waiting-writer/rw-semaphore',
  title: 'rw-semaphore: a waiting writer holds new readers back',
  outcomes: ['1'],
  shared: 3,
  results: 1,
  staticWords: rwSemaphoreKind.words,
  sides() {
    const guard = declareShared(rwSemaphoreKind);
    return {
      sides: [
        ({ shared: [isRead, go] }) =>
          guard.shared(function* (): Kernel<void> {
            yield* isRead!.write(1, HERE);
            yield* untilAsked(guard.waiting!, once);
            yield* go!.write(1, HERE);
          }),
        function* ({ shared: [isRead, , written] }): Kernel<void> {
          yield* until(isRead!, once);
          yield* guard.exclusive(() => written!.write(1, HERE));
        },
        function* (words): Kernel<void> {
          const [, go, written] = words.shared;
          yield* until(go!, once);
          yield* guard.shared(function* (): Kernel<void> {
            words.result(0, yield* written!.read(HERE));
          });
        },
      ],
    };
  },
};

/** The first reader stays inside until the second one has passed: that only ends if readers pass writers. */
const passed: Shot = {
  name: 'waiting-writer/rwlock',
  title: 'rwlock: a new reader passes a waiting writer',
  outcomes: ['0'],
  shared: 3,
  results: 1,
  staticWords: rwLockKind.words,
  sides() {
    const guard = declareShared(rwLockKind);
    return {
      sides: [
        ({ shared: [isRead, hasPassed] }) =>
          guard.shared(function* (): Kernel<void> {
            yield* isRead!.write(1, HERE);
            yield* until(hasPassed!, once);
          }),
        function* ({ shared: [isRead, , written] }): Kernel<void> {
          yield* until(isRead!, once);
          yield* guard.exclusive(() => written!.write(1, HERE));
        },
        function* (words): Kernel<void> {
          const [isRead, hasPassed, written] = words.shared;
          yield* until(isRead!, once);
          yield* guard.shared(function* (): Kernel<void> {
            words.result(0, yield* written!.read(HERE));
          });
          yield* hasPassed!.write(1, HERE);
        },
      ],
    };
  },
};

/**
 * A task that holds the lock for reading takes it again.
 *
 *   CPU0                        CPU1
 *   downRead
 *                               downWrite: waits for CPU0
 *   downRead: waits for CPU1
 */
const recursiveDeadlock: Shot = {
  name: 'recursive-reader/rw-semaphore',
  title: 'rw-semaphore: a recursive read with a writer between is a deadlock',
  outcomes: [],
  finding: {
    kind: 'deadlock',
    message: /side0 waits for &litmus->lock.*side1 waits for &litmus->lock/,
  },
  shared: 1,
  results: 1,
  staticWords: rwSemaphoreKind.words,
  sides() {
    const guard = declareShared(rwSemaphoreKind);
    return {
      sides: [
        ({ shared: [isRead] }) =>
          guard.shared(function* (): Kernel<void> {
            yield* isRead!.write(1, HERE);
            yield* untilAsked(guard.waiting!, once);
            yield* guard.shared(function* (): Kernel<void> {});
          }),
        function* ({ shared: [isRead] }): Kernel<void> {
          yield* until(isRead!, once);
          yield* guard.exclusive(function* (): Kernel<void> {});
        },
      ],
    };
  },
};

const recursiveClean: Shot = {
  name: 'recursive-reader/rwlock',
  title: 'rwlock: a recursive read is safe, whoever waits',
  outcomes: ['1'],
  shared: 1,
  results: 1,
  staticWords: rwLockKind.words,
  sides() {
    const guard = declareShared(rwLockKind);
    return {
      sides: [
        (words) =>
          guard.shared(function* (): Kernel<void> {
            yield* words.shared[0]!.write(1, HERE);
            yield* guard.shared(function* (): Kernel<void> {
              words.result(0, 1);
            });
          }),
        function* ({ shared: [isRead] }): Kernel<void> {
          yield* until(isRead!, once);
          yield* guard.exclusive(function* (): Kernel<void> {});
        },
      ],
    };
  },
};

export const waitingWriterTests: readonly Litmus[] = [
  litmus(heldBack, 3),
  litmus(passed, 3),
  litmus(recursiveDeadlock, 2),
  litmus(recursiveClean, 2),
];
