/**
 * A boot module whose programs take two locks more, in both orders, when the order has `planted`: never at the same time, so that the
 * lock validator alone can tell.
 *
 *   setup            first the outer lock, in it the inner one
 *   the first actor  then the inner one, in it the outer one; and what it does anyway
 */
import type { Bootable } from '../../src/actors/boot-module.ts';
import { type BootOrder, prepare as prepareScenario } from '../../src/cli/boot.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import type { Program } from '../../src/machine/machine.ts';
import type { Lockdep } from '../../src/shared/lockdep/lockdep.ts';
import { declareMutex, MUTEX_WORDS, type Mutex, mutexLock, mutexUnlock } from '../../src/shared/mutex.ts';

export const PLANTED = ['&planted->outer', '&planted->inner'] as const;

export interface PlantedOrder extends BootOrder {
  readonly planted: boolean;
}

function* inOrder(first: Mutex, second: Mutex): Kernel<void> {
  yield* mutexLock(first, HERE);
  yield* mutexLock(second, HERE);
  yield* mutexUnlock(second, HERE);
  yield* mutexUnlock(first, HERE);
}

function planted(program: Program): Program {
  const [outer, inner] = PLANTED.map(declareMutex) as [Mutex, Mutex];
  const [actor, ...others] = program.actors as [Program['actors'][number], ...Program['actors']];
  return {
    ...program,
    *setup(): Kernel<void> {
      yield* inOrder(outer, inner);
      if (program.setup !== undefined) yield* program.setup();
    },
    actors: [
      {
        ...actor,
        *run(): Kernel<void> {
          yield* inOrder(inner, outer);
          yield* actor.run();
        },
      },
      ...others,
    ],
  };
}

/** `validator`: on the model machine; see cli/boot.ts. */
export function prepare(order: unknown, validator?: Lockdep): Bootable {
  const bootable = prepareScenario(order, validator);
  if (!(order as PlantedOrder).planted) return bootable;
  return {
    ...bootable,
    staticWords: bootable.staticWords + PLANTED.length * MUTEX_WORDS,
    build: () => planted(bootable.build()),
  };
}
