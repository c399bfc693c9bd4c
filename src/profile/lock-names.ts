/**
 * Numbers for locks: the same name, or the same instance, has the same number in all rounds of a run. Kept by the main thread.
 */
import { memory } from '../shared/memory.ts';
import { RWSEM_OWNER } from '../shared/rw-semaphore.ts';
import { allLocks, type LockType } from '../shared/struct-registry.ts';
import { LOCK_TYPES, type ProfileBuffers } from './layout.ts';

/** Where the spinlock lies that guards a sleeping lock's list of sleepers. */
const WAIT_LOCK: Partial<Record<LockType, number>> = { mutex: 1, semaphore: 1, 'rw-semaphore': RWSEM_OWNER + 1 };
/** What is taken of a completion is the spinlock of its queue. */
const COMPLETION_LOCK = 1;

export interface LockName {
  readonly class: string;
  /** `#3`: the slot of its object; '' when instances are not told apart. */
  readonly instance: string;
  readonly type: LockType;
}

export class LockNames {
  readonly #buffers: ProfileBuffers;
  readonly #numbers = new Map<string, number>();
  /** By number. */
  readonly list: LockName[] = [{ class: 'others', instance: '', type: 'spinlock' }];

  constructor(buffers: ProfileBuffers) {
    this.#buffers = buffers;
  }

  /** Says which lock lies where in the memory that is attached. */
  map(): void {
    const { ids, takers, handed } = this.#buffers;
    const size = memory.plan?.size ?? 0;
    ids.fill(0, 0, size);
    takers.fill(0, 0, size);
    handed.fill(0, 0, size);
    for (const { word, name, type, slot } of allLocks()) {
      ids[word + (type === 'completion' ? COMPLETION_LOCK : 0)] = this.#number(name, type, slot);
      const inner = WAIT_LOCK[type];
      if (inner !== undefined) ids[word + inner] = this.#number(`${name}.wait_lock`, 'spinlock', slot);
    }
  }

  #number(name: string, type: LockType, slot: number): number {
    const { settings, types, injected } = this.#buffers;
    const instance = settings.by === 'instance' ? `#${slot}` : '';
    // Suites give one name to locks of several kinds.
    const key = `${type} ${name}${instance}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.list.length;
    if (number === types.length) return 0;
    this.#numbers.set(key, number);
    this.list.push({ class: name, instance, type });
    types[number] = LOCK_TYPES.indexOf(type);
    if (settings.inject !== null && isCalled(name, settings.inject.lock)) injected[number] = 1;
    return number;
  }
}

/** Locks on the command line are named without `&` and `md->`: `io_lock`. */
export function isCalled(name: string, short: string): boolean {
  return name === short || name.replace(/^&/, '') === short || name.replace(/^&(.*->)?/, '') === short;
}
