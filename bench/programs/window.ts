/**
 * A window of time in which several CPUs do the same thing over and over: they meet, begin together, and count.
 *
 *   word 0          CPUs that have arrived
 *   words 1 + 3i …  CPU i: how often it did it, and when it began and ended, in µs
 */
import type { Kernel } from '../../src/machine/kernel.ts';
import { ops } from '../../src/machine/operations.ts';
import { memory, staticWords } from '../../src/shared/memory.ts';

const WORDS_PER_CPU = 3;
/** Things done between two looks at the clock. */
const BATCH = 64;

export class Window {
  readonly #cpus: number;
  readonly #us: number;
  readonly #word: number;

  constructor(cpus: number, us: number) {
    this.#cpus = cpus;
    this.#us = us;
    this.#word = staticWords(1 + cpus * WORDS_PER_CPU);
  }

  static words(cpus: number): number {
    return 1 + cpus * WORDS_PER_CPU;
  }

  /** One CPU's part: `turn(count)` does the thing `count` times. */
  *run(cpu: number, turn: (count: number) => Kernel<void>): Kernel<void> {
    const w = memory.words;
    Atomics.add(w, this.#word, 1);
    while (Atomics.load(w, this.#word) < this.#cpus) yield* ops.relax(HERE);
    const begin = ops.nowUs();
    let end = begin;
    let count = 0;
    while (end - begin < this.#us) {
      yield* turn(BATCH);
      count += BATCH;
      end = ops.nowUs();
    }
    w.set([count, begin, end], this.#word + 1 + cpu * WORDS_PER_CPU);
  }

  /** How often all CPUs together did it. */
  count(): number {
    let count = 0;
    for (let cpu = 0; cpu < this.#cpus; cpu++) count += memory.words[this.#word + 1 + cpu * WORDS_PER_CPU] as number;
    return count;
  }

  /** How often a second all CPUs together did it. */
  rate(): number {
    let begin = Number.POSITIVE_INFINITY;
    let end = 0;
    for (let cpu = 0; cpu < this.#cpus; cpu++) {
      const at = this.#word + 1 + cpu * WORDS_PER_CPU;
      begin = Math.min(begin, memory.words[at + 1] as number);
      end = Math.max(end, memory.words[at + 2] as number);
    }
    return (this.count() * 1e6) / (end - begin);
  }
}
