/**
 * A program in which a lock belongs to one who does not run yet, for as long as its other user asks for it again. One turn for each
 * kind of lock that is handed over:
 *
 *   holder, CPU 0                   waiter, CPU 1                  busy, CPU 1
 *   takes the lock
 *                                   wants it, sleeps
 *   sees that, wakes busy                                          leaves the CPU to nobody
 *   gives it: it is the waiter's
 *   wants it back, sleeps
 *                                                                  sees that, and ends its turn
 *                                   has it, gives it back
 *   has it, gives it back
 */
import type { Kernel } from '../../src/machine/kernel.ts';
import { ops } from '../../src/machine/operations.ts';
import type { Site } from '../../src/machine/site.ts';
import {
  declareMutex,
  declareRwSemaphore,
  declareSemaphore,
  down,
  downWrite,
  mutexLock,
  mutexUnlock,
  up,
  upWrite,
} from '../../src/shared/atomics-lock.ts';
import { staticWords } from '../../src/shared/memory.ts';
import type { Semaphore } from '../../src/shared/semaphore.ts';
import { Marked } from '../../src/shared/word.ts';
import { byTasks, type Contest, profiledAlone } from './known-holder.ts';

export const KNOWN_HAND_OVER = 'known-hand-over';

type Handed = Pick<Contest, 'take' | 'give' | 'isAwaited'>;

function handed(): Handed[] {
  const mutex = declareMutex('&known->mutex');
  const sem = declareRwSemaphore('&known->rw_semaphore');
  const units = declareSemaphore('&known->semaphore');
  units.init(1);
  return [
    {
      take: (site: Site) => mutexLock(mutex, site),
      give: (site: Site) => mutexUnlock(mutex, site),
      isAwaited: byTasks(mutex.sleepers),
    },
    {
      take: (site: Site) => downWrite(sem, site),
      give: (site: Site) => upWrite(sem, site),
      isAwaited: byTasks(sem.sleepers),
    },
    {
      take: (site: Site) => down(units, site),
      give: (site: Site) => up(units, site),
      isAwaited: byTasks(units.sleepers),
    },
  ];
}

/** How far all are: three steps a turn. */
let step: Marked;
/** Where busy sleeps. */
let gate: Semaphore;

function* until(reached: number): Kernel<void> {
  while ((yield* step.read(HERE)) < reached) yield* ops.relax(HERE);
}

function* wantsItBack({ take, give }: Handed): Kernel<void> {
  yield* take(HERE);
  yield* give(HERE);
}

function* holder(all: readonly Handed[]): Kernel<void> {
  for (const [turn, lock] of all.entries()) {
    yield* lock.take(HERE);
    yield* step.write(3 * turn + 1, HERE);
    while (!(yield* lock.isAwaited())) yield* ops.relax(HERE);
    yield* up(gate, HERE);
    yield* until(3 * turn + 2);
    yield* lock.give(HERE);
    yield* step.write(3 * turn + 3, HERE);
    yield* wantsItBack(lock);
  }
}

function* waiter(all: readonly Handed[]): Kernel<void> {
  for (const [turn, { take, give }] of all.entries()) {
    yield* until(3 * turn + 1);
    yield* take(HERE);
    yield* give(HERE);
  }
}

function* busy(all: readonly Handed[]): Kernel<void> {
  for (const [turn, { isAwaited }] of all.entries()) {
    yield* down(gate, HERE);
    yield* step.write(3 * turn + 2, HERE);
    yield* until(3 * turn + 3);
    while (!(yield* isAwaited())) yield* ops.relax(HERE);
  }
}

/** Runs on two CPUs or more. */
export const knownHandOver = profiledAlone(() => {
  step = new Marked(staticWords(1));
  gate = declareSemaphore('&known->gate');
  const all = handed();
  return [
    { name: 'holder', cpu: 0, run: () => holder(all) },
    { name: 'waiter', cpu: 1, run: () => waiter(all) },
    { name: 'busy', cpu: 1, run: () => busy(all) },
  ];
});
