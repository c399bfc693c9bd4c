/**
 * Who holds which lock, read from the locks' own words: for findings and quiescent points, at no cost while running.
 *
 * Readers of an rw_semaphore or rwlock leave only a count, so they are not named.
 */
import { memory } from './memory.ts';
import { RWSEM_OWNER } from './rw-semaphore.ts';
import { eachLiveLock } from './struct-registry.ts';
import type { Task } from './task.ts';

/** Names of the sleeping locks whose owner is this task. */
export function locksHeldByTask(task: Task): string[] {
  const names: string[] = [];
  eachLiveLock((word, name, type) => {
    const owner = type === 'mutex' ? word : type === 'rw-semaphore' ? word + RWSEM_OWNER : 0;
    if (owner !== 0 && memory.words[owner] === task.handle) names.push(name);
  });
  return names;
}
