/**
 * The Mazurkiewicz class of a run as a number: runs that differ only in the order of steps that do not depend on each other
 * (dependency.ts) have the same one.
 *
 * Each step gets a hash of the step before it on its CPU, of the last write of what it touches, and of all since that touch it
 * otherwise than this step does. Sums make the order of reads, and of those who count the same way, immaterial. Addresses are left out: they depend on who allocated
 * first. The class is the hash of the last step of each CPU.
 */
import { CHOICE_COMPLETION, type ChoiceKind } from '../machine/kernel.ts';
import { memory } from '../shared/memory.ts';
import { type Context, CPUS_MAX } from './context.ts';
import { Accesses, accessTo, MODES, modeOf, objectOf, WRITE } from './dependency.ts';
import type { RunListener } from './run-listener.ts';

const mix = (a: number, b: number): number => {
  const h = Math.imul(a ^ Math.imul(b ^ (b >>> 15), 0x85ebca6b), 0xc2b2ae35);
  return h ^ (h >>> 13);
};

export class TraceClass implements RunListener {
  readonly #accesses = new Accesses();
  /** Hash of the last write of an object; sums of the accesses since, one for each of MODES; and the run in which they were noted. */
  readonly #written: Int32Array;
  readonly #since: Int32Array;
  readonly #noted: Int32Array;
  /** Hash of the last step of each CPU. */
  readonly #last = new Int32Array(CPUS_MAX);
  #cpu = 0;
  #run = 0;

  constructor() {
    const size = memory.words.length;
    this.#written = new Int32Array(size);
    this.#since = new Int32Array(size * MODES);
    this.#noted = new Int32Array(size);
  }

  begin(): void {
    this.#run++;
    this.#last.fill(0);
  }

  moving(context: Context): void {
    const { cell, cpu } = context;
    const accesses = this.#accesses;
    accesses.of(cell);
    this.#cpu = cpu;
    this.#step(mix(mix(this.#last[cpu] as number, context.key), cell.kind));
  }

  #step(start: number): void {
    const { list, count } = this.#accesses;
    let hash = start;
    for (let i = 0; i < count; i++) {
      const access = list[i] as number;
      const object = objectOf(access);
      if (this.#noted[object] !== this.#run) {
        this.#noted[object] = this.#run;
        this.#written[object] = 0;
        this.#forget(object);
      }
      hash = mix(hash, this.#written[object] as number);
      for (let mode = 0; mode < MODES; mode++)
        if (mode !== modeOf(access)) hash = mix(hash, this.#since[object * MODES + mode] as number);
    }
    for (let i = 0; i < count; i++) {
      const access = list[i] as number;
      if (modeOf(access) === WRITE) {
        this.#written[objectOf(access)] = hash;
        this.#forget(objectOf(access));
      } else this.#since[access] = ((this.#since[access] as number) + hash) | 0;
    }
    this.#last[this.#cpu] = hash;
  }

  #forget(object: number): void {
    // Four stores; a call of fill for so few costs more than they do.
    for (let mode = 0; mode < MODES; mode++) this.#since[object * MODES + mode] = 0;
  }

  chose(kind: ChoiceKind, value: number, word: number): void {
    // Which alarm goes off is known by who armed it.
    const what = kind === CHOICE_COMPLETION ? (this.#written[word] as number) : value;
    this.#last[this.#cpu] = mix(this.#last[this.#cpu] as number, what + kind);
  }

  freed(slot: number): void {
    this.#accesses.list[0] = accessTo(slot, WRITE);
    this.#accesses.count = 1;
    this.#step(mix(this.#last[this.#cpu] as number, 1));
  }

  /** The class of the run so far: below 2^52. */
  value(): number {
    let low = 0;
    let high = 0x5bd1e995;
    for (const last of this.#last) {
      low = mix(low, last);
      high = mix(high ^ last, low);
    }
    return (high & 0xfffff) * 4294967296 + (low >>> 0);
  }
}
