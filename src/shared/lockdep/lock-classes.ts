/**
 * Lock classes: all locks of one name are one class, as all locks that one line of the kernel initialises are.
 *
 * A class is a number from 1 in the order in which this thread has met them; between threads a class is its name. Words keep
 * their class for as long as a memory is laid out as it is.
 */
import { memory } from '../memory.ts';
import { type LockType, lockAround } from '../struct-registry.ts';
import { programs } from '../task.ts';

/** The word is part of no lock that is followed. */
export const NOT_FOLLOWED = -1;

/** The spinlock that guards the sleepers inside a sleeping lock, by the name that the kernel has for it. */
const INNER: Partial<Record<LockType, string>> = {
  mutex: '&lock->wait_lock',
  'rw-semaphore': '&sem->wait_lock',
  semaphore: '&sem->lock',
};

export class LockClasses {
  readonly #names: string[] = ['none'];
  readonly #numbers = new Map<string, number>();
  /** 1 where a reader may take the lock again, whoever waits: rwlocks. */
  readonly #recursive: number[] = [0];
  /** By word: 0 not yet known. */
  #ofWord = new Int32Array(0);
  readonly #ofCompletion = new Map<number, number>();
  readonly #ofProgram = new Map<number, number>();
  readonly #subclasses = new Map<string, number>();

  /** Words may mean something else from now on. */
  attach(): void {
    const size = memory.plan?.size ?? memory.words.length;
    if (this.#ofWord.length === size) this.#ofWord.fill(0);
    else this.#ofWord = new Int32Array(size);
    this.#ofCompletion.clear();
  }

  get count(): number {
    return this.#names.length;
  }

  nameOf(lockClass: number): string {
    return this.#names[lockClass] as string;
  }

  readsRecursively(lockClass: number): boolean {
    return this.#recursive[lockClass] === 1;
  }

  /** The class of the lock at a word, or NOT_FOLLOWED. */
  of(word: number): number {
    const known = this.#ofWord[word] as number;
    return known !== 0 ? known : this.#find(word);
  }

  #find(word: number): number {
    const lock = lockAround(word);
    const lockClass = lock === null ? NOT_FOLLOWED : this.#classOf(lock);
    this.#ofWord[word] = lockClass;
    return lockClass;
  }

  #classOf({ name, type, offset }: { name: string; type: LockType; offset: number }): number {
    const inner = INNER[type];
    if (offset > 0 && inner !== undefined) return this.#named(inner, false);
    // Who takes a unit need not be who gives it back: a semaphore has no holder.
    if (type === 'semaphore') return NOT_FOLLOWED;
    return this.#named(name, type === 'rwlock');
  }

  #named(name: string, recursive: boolean): number {
    // Locks of two kinds may have one name.
    const key = recursive ? `${name} recursive` : name;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#names.push(name) - 1;
    this.#recursive.push(recursive ? 1 : 0);
    this.#numbers.set(key, number);
    return number;
  }

  /** `&s->lock/1`: the class of locks that are taken as the second of a pair. */
  subclass(lockClass: number, subclass: number): number {
    if (subclass === 0) return lockClass;
    const key = `${lockClass}/${subclass}`;
    let number = this.#subclasses.get(key);
    if (number === undefined) {
      number = this.#named(`${this.nameOf(lockClass)}/${subclass}`, this.readsRecursively(lockClass));
      this.#subclasses.set(key, number);
    }
    return number;
  }

  /** What stands in the graph for the end of a wait. */
  completion(word: number): number {
    let number = this.#ofCompletion.get(word);
    if (number === undefined) {
      number = this.#named(`(complete)${lockAround(word)?.name ?? word}`, false);
      this.#ofCompletion.set(word, number);
    }
    return number;
  }

  /** What stands in the graph for the items of a work queue whose worker runs this program. */
  workqueue(program: number): number {
    let number = this.#ofProgram.get(program);
    if (number === undefined) {
      number = this.#named(`(wq_completion)${programs.nameOf(program)}`, false);
      this.#ofProgram.set(program, number);
    }
    return number;
  }
}
