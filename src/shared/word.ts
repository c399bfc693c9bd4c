/**
 * Views of single shared words: what marked and atomic fields of a struct are.
 *
 * Each access is an operation of the machine. A marked word is read and written by several CPUs without a common lock
 * (READ_ONCE / WRITE_ONCE), so an unlocked read-modify-write is a read, an operation boundary and a write, and can lose.
 */
import { type Kernel, RMW_ADD, RMW_AND, RMW_EXCHANGE, RMW_OR } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import type { Site } from '../machine/site.ts';
import { memory } from './memory.ts';

/** A word read and written without a common lock. */
export class Marked {
  declare readonly word: number;
  constructor(word: number) {
    this.word = word;
  }
  read(site: Site): Kernel<number> {
    return ops.load(this.word, site);
  }
  write(value: number, site: Site): Kernel<void> {
    return ops.store(this.word, value, site);
  }
}

/** A counter that is only changed in one step. */
export class Atomic {
  declare readonly word: number;
  constructor(word: number) {
    this.word = word;
  }
  /** Before anybody else can see the object. */
  init(value: number): void {
    memory.words[this.word] = value;
  }
  read(site: Site): Kernel<number> {
    return ops.load(this.word, site);
  }
  set(value: number, site: Site): Kernel<void> {
    return ops.store(this.word, value, site);
  }
  /** Gives the old value. */
  add(value: number, site: Site): Kernel<number> {
    return ops.rmw(this.word, RMW_ADD, value, site);
  }
  /** Gives the old value. */
  exchange(value: number, site: Site): Kernel<number> {
    return ops.rmw(this.word, RMW_EXCHANGE, value, site);
  }
  /** Gives the old value. */
  cmpxchg(expected: number, value: number, site: Site): Kernel<number> {
    return ops.cmpxchg(this.word, expected, value, site);
  }
}

/** A word of flag bits; `bit` is a mask. Each change gives the old word. */
export class Flags {
  declare readonly word: number;
  constructor(word: number) {
    this.word = word;
  }
  read(site: Site): Kernel<number> {
    return ops.load(this.word, site);
  }
  /** set_bit and test_and_set_bit in one. */
  set(bit: number, site: Site): Kernel<number> {
    return ops.rmw(this.word, RMW_OR, bit, site);
  }
  /** clear_bit and test_and_clear_bit in one. */
  clear(bit: number, site: Site): Kernel<number> {
    return ops.rmw(this.word, RMW_AND, ~bit, site);
  }
}

/** A word for reports only: written without an operation, so it may be stale or lose a count, and no rule may rest on it. */
export class Statistic {
  declare readonly word: number;
  constructor(word: number) {
    this.word = word;
  }
  get value(): number {
    return memory.words[this.word] as number;
  }
  set value(value: number) {
    memory.words[this.word] = value;
  }
}
