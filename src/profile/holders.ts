/**
 * Who has which lock, as far as the CPUs of a profile tell each other: for those who wait, and blame them.
 *
 * Who has taken a lock says so a moment later. Until then the one before is blamed, or nobody, where that is the one who waits.
 */
import { SLOT_MASK } from '../shared/struct-views.ts';
import { LOCK_TYPES, type ProfileBuffers } from './layout.ts';
import { isReader, isSameRunner, runnerOf, siteOfTaker, takerOf } from './taker.ts';
import { READERS } from './who.ts';

const SEMAPHORE = LOCK_TYPES.indexOf('semaphore');

export class Holders {
  readonly #takers: Int32Array;
  readonly #asking: Int32Array;
  readonly #handed: Int32Array;
  readonly #ids: Int16Array;
  readonly #types: Int8Array;
  readonly #readers: number;

  constructor({ takers, asking, handed, ids, types }: ProfileBuffers, cpu: number) {
    this.#takers = takers;
    this.#asking = asking;
    this.#handed = handed;
    this.#ids = ids;
    this.#types = types;
    this.#readers = runnerOf(cpu, READERS);
  }

  /** The task with this handle waits for a sleeping lock. */
  asks(task: number, asker: number): void {
    this.#asking[task & SLOT_MASK] = asker;
  }

  /** The lock goes to a task that waits for it, and has not run yet. */
  handOver(word: number, task: number): void {
    this.#handed[word] = this.#asking[task & SLOT_MASK] as number;
  }

  /** One whom it was handed over to runs. Of several readers the last one stands there. */
  arrives(word: number, taker: number): void {
    if (this.#handed[word] === taker) this.#handed[word] = 0;
  }

  /** Whom `asker` waits for, as a taker; 0: not known. Readers may be several, and have one name. */
  of(word: number, asker: number): number {
    const handed = this.#handed[word] as number;
    const taker = handed === 0 ? (this.#takers[word] as number) : handed;
    if (isReader(taker)) return takerOf(this.#readers, siteOfTaker(taker), 0);
    // Units of a semaphore one may have, and want another.
    const isOwn = isSameRunner(taker, asker) && this.#types[this.#ids[word] as number] !== SEMAPHORE;
    return isOwn ? 0 : taker;
  }
}
