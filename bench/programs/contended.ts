/**
 * CPUs that all want one lock, all the time.
 */
import type { Kernel } from '../../src/machine/kernel.ts';
import type { Program } from '../../src/machine/machine.ts';
import { declareRwSemaphore, downRead, downWrite, upRead, upWrite } from '../../src/shared/rw-semaphore.ts';
import { declareSpinLock, spinLock, spinUnlock } from '../../src/shared/spinlock.ts';
import { Window } from './window.ts';

export interface ContendedOrder {
  readonly program: 'contended';
  readonly lock: 'spinlock' | 'rw_semaphore';
  /** rw_semaphore: how many of ten turns are reads. */
  readonly readsOfTen: number;
  readonly cpus: number;
  readonly us: number;
}

export const contendedWords = (cpus: number): number => 64 + Window.words(cpus);

function spinPairs(): (count: number) => Kernel<void> {
  const lock = declareSpinLock('&bench_lock');
  return function* pairs(count): Kernel<void> {
    for (let i = 0; i < count; i++) {
      yield* spinLock(lock, HERE);
      yield* spinUnlock(lock, HERE);
    }
  };
}

function semPairs(readsOfTen: number): (count: number) => Kernel<void> {
  const sem = declareRwSemaphore('&bench_sem');
  return function* pairs(count): Kernel<void> {
    for (let i = 0; i < count; i++) {
      if (i % 10 < readsOfTen) {
        yield* downRead(sem, HERE);
        yield* upRead(sem, HERE);
      } else {
        yield* downWrite(sem, HERE);
        yield* upWrite(sem, HERE);
      }
    }
  };
}

export function contended({ lock, readsOfTen, cpus, us }: ContendedOrder): Program {
  const window = new Window(cpus, us);
  const pairs = lock === 'spinlock' ? spinPairs() : semPairs(readsOfTen);
  return {
    actors: Array.from({ length: cpus }, (_, cpu) => ({
      name: `contender${cpu}`,
      cpu,
      run: () => window.run(cpu, pairs),
    })),
    counts: () => ({ rate: window.rate(), taken: window.count() }),
  };
}
