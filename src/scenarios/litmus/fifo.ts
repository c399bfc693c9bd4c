/**
 * Who waits longest is served first: ticket locks and all sleeping locks. A test-and-set lock does not know who came first.
 */
import type { Kernel } from '../../machine/kernel.ts';
import { staticWords } from '../../shared/memory.ts';
import { Atomic, type Marked } from '../../shared/word.ts';
import { type Litmus, litmus, type Side, until, untilAsked } from './litmus.ts';
import { type LockKind, mutexKind, rwSemaphoreKind, semaphoreKind, spinLockKind } from './lock-kinds.ts';

interface Order {
  /** Turns of the game: who may go for the lock now. */
  readonly turn: Marked;
  /** Place of the next one to get it, from 1; goes on from shot to shot. */
  readonly place: Atomic;
}

/** Result i: at which place waiter i got the lock. */
function waiter(order: Order, exclusive: (body: () => Kernel<void>) => Kernel<void>, number: number): Side {
  return function* (words): Kernel<void> {
    yield* until(order.turn, (turn) => turn >= number);
    yield* exclusive(function* (): Kernel<void> {
      words.result(number - 1, 1 + ((yield* order.place.add(1, HERE)) & 1));
    });
  };
}

/** The holder lets the second waiter go for the lock when the first one is known to wait, if the lock knows. */
function handOver(kind: LockKind, spinLocks: Litmus['spinLocks'], fifo: boolean): Litmus {
  return litmus(
    {
      name: `${fifo ? 'fifo' : 'unfair'}/${kind.name}`,
      title: fifo ? `${kind.name}: handed over in the order of arrival` : `${kind.name}: the second one may come first`,
      spinLocks,
      outcomes: fifo ? ['1 2'] : ['1 2', '2 1'],
      shared: 1,
      results: 2,
      staticWords: kind.words + 1,
      sides() {
        const { exclusive, waiting, setup } = kind.declare('&litmus->lock');
        const place = new Atomic(staticWords(1));
        const after = fifo ? waiting : undefined;
        const side =
          (number: number): Side =>
          (words) =>
            waiter({ turn: words.shared[0]!, place }, exclusive, number)(words);
        return {
          ...(setup === undefined ? {} : { setup }),
          sides: [
            ({ shared: [turn] }) =>
              exclusive(function* (): Kernel<void> {
                yield* turn!.write(1, HERE);
                if (after !== undefined) yield* untilAsked(after, (count) => count >= 1);
                yield* turn!.write(2, HERE);
                if (after !== undefined) yield* untilAsked(after, (count) => count >= 2);
              }),
            side(1),
            side(2),
          ],
        };
      },
    },
    3,
  );
}

export const fifoTests: readonly Litmus[] = [
  handOver(spinLockKind, ['ticket'], true),
  handOver(spinLockKind, ['tas'], false),
  ...[rwSemaphoreKind, semaphoreKind, mutexKind].map((kind) => handOver(kind, ['tas', 'ticket'], true)),
];
