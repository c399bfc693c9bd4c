/**
 * Takes a lock out of a program: whoever takes it gets one of his own, which nobody else wants.
 *
 * Locks are views of words. While a lock is out, its views lead to other words: of a sleeping lock to those of the running task, of a
 * spinlock to those of the running CPU, its interrupts apart. So all that the lock asserts still holds, and nothing is ordered.
 */
import { memory, staticWords } from '../../src/shared/memory.ts';
import { Mutex } from '../../src/shared/mutex.ts';
import { cpu, inInterrupt } from '../../src/shared/per-cpu.ts';
import { RwSemaphore } from '../../src/shared/rw-semaphore.ts';
import { RwLock } from '../../src/shared/rwlock.ts';
import { Sleepers } from '../../src/shared/sleepers.ts';
import { SpinLock } from '../../src/shared/spinlock.ts';
import { wordName } from '../../src/shared/struct-registry.ts';
import { currentOrNull, Task } from '../../src/shared/task.ts';

/** Words of the largest lock. */
const LOCK_WORDS = 12;
const CPUS = 16;
const TASKS = 32;
/** What a program without a lock needs beside its own static words. */
const PLACES = 2 * CPUS + TASKS + 1;
const MISSING_MAX = 2;
export const WITHOUT_LOCK_WORDS = MISSING_MAX * PLACES * LOCK_WORDS;

const real = Symbol('real word');
interface View {
  [real]: number;
}

let missing: readonly string[] = [];
let base = 0;

/** Which of the words that stand for the lock. */
function place(sleeps: boolean): number {
  if (!sleeps) return 2 * cpu + (inInterrupt() ? 1 : 0);
  const task = currentOrNull();
  const slab = memory.plan?.slabs.get(Task.name);
  if (task === null || slab === undefined) return 2 * CPUS;
  return 2 * CPUS + 1 + (task.address - slab.firstSlot) / slab.slotWords;
}

function wordOf(view: View, sleeps: boolean): number {
  const word = view[real];
  const which = missing.length === 0 ? -1 : missing.indexOf(wordName(word));
  return which < 0 ? word : base + (which * PLACES + place(sleeps)) * LOCK_WORDS;
}

function lead(prototype: object, sleeps: boolean): void {
  Object.defineProperty(prototype, 'word', {
    configurable: true,
    get(this: View) {
      return wordOf(this, sleeps);
    },
    set(this: View, word: number) {
      this[real] = word;
    },
  });
}

/** The sleepers of a lock are those of the words that it leads to. */
function leadSleepers(prototype: { readonly word: number }, offset: number): void {
  Object.defineProperty(prototype, 'sleepers', {
    configurable: true,
    get(this: { readonly word: number }) {
      return new Sleepers(this.word + offset);
    },
    set() {},
  });
}

/** From now on the locks with these names are missing in each machine that is made. Call it before the machine is made. */
export function withoutLocks(names: readonly string[]): void {
  missing = [];
  lead(SpinLock.prototype, false);
  lead(RwLock.prototype, false);
  lead(Mutex.prototype, true);
  lead(RwSemaphore.prototype, true);
  leadSleepers(Mutex.prototype, 1);
  leadSleepers(RwSemaphore.prototype, 3);
  missing = names;
}

/** Declares the words that stand for the missing lock; while a program is built, after its own. */
export function declareMissing(): void {
  base = staticWords(WITHOUT_LOCK_WORDS);
}
