/**
 * Who holds which lock, read from the locks' own words: for findings and quiescent points, at no cost while running.
 *
 * Readers of an rw_semaphore or rwlock leave only a count, so they are not named.
 */
import { memory } from './memory.ts';
import { RWSEM_OWNER } from './rw-semaphore.ts';
import { SpinLock, spinLockOwner } from './spinlock.ts';
import { eachLiveLock } from './struct-registry.ts';
import type { Task } from './task.ts';

/** Names of the spinlocks whose owner is this CPU. */
export function locksHeldByCpu(cpu: number): string[] {
  const names: string[] = [];
  eachLiveLock((word, name, type) => {
    const held =
      type === 'spinlock'
        ? spinLockOwner(new SpinLock(word)) === cpu + 1
        : type === 'rwlock' && memory.words[word] === -(cpu + 1);
    if (held) names.push(name);
  });
  return names;
}

/** Names of the sleeping locks whose owner is this task. */
export function locksHeldByTask(task: Task): string[] {
  const names: string[] = [];
  eachLiveLock((word, name, type) => {
    const owner = type === 'mutex' ? word : type === 'rw-semaphore' ? word + RWSEM_OWNER : 0;
    if (owner !== 0 && memory.words[owner] === task.handle) names.push(name);
  });
  return names;
}
