/**
 * What the words of memory are called, for traces and checks: the same whatever lies before them in memory.
 */
import { MAILBOX_BASE, type MemoryPlan, memory, perCpuBase } from '../shared/memory.ts';
import { CPU_IRQS_OFF, CPU_PENDING, PER_CPU_WORDS } from '../shared/per-cpu-layout.ts';
import { wordName } from '../shared/struct-registry.ts';
import { hash16 } from './schedule.ts';

/** Words of a CPU that operations touch by themselves. */
const CPU_WORDS: Readonly<Record<number, string>> = { [CPU_PENDING]: 'irq pending', [CPU_IRQS_OFF]: 'irqs off' };

function nameOf(word: number, plan: MemoryPlan): string {
  if (word === 0) return '';
  const name = wordName(word);
  if (!name.startsWith('word ')) return name;
  const first = perCpuBase(0);
  if (word < first) return `mailbox+${word - MAILBOX_BASE}`;
  const cpu = Math.floor((word - first) / PER_CPU_WORDS);
  if (cpu <= plan.config.cpus) {
    const offset = (word - first) % PER_CPU_WORDS;
    return `cpu${cpu} ${CPU_WORDS[offset] ?? `+${offset}`}`;
  }
  return word >= plan.staticBase ? `word ${word - plan.staticBase} of the scenario` : 'memory';
}

/** The names of the memory that is bound; each is made once. */
export class WordNames {
  readonly #plan: MemoryPlan;
  readonly #names = new Map<number, string>();
  readonly #hashes: Int32Array;

  constructor() {
    const { plan } = memory;
    if (plan === null) throw new Error('no memory is bound');
    this.#plan = plan;
    this.#hashes = new Int32Array(plan.size).fill(-1);
  }

  of(word: number): string {
    let name = this.#names.get(word);
    if (name === undefined) {
      name = nameOf(word, this.#plan);
      this.#names.set(word, name);
    }
    return name;
  }

  /** 16 bits of the name. */
  hash(word: number): number {
    const known = this.#hashes[word] as number;
    if (known >= 0) return known;
    const hash = hash16(this.of(word));
    this.#hashes[word] = hash;
    return hash;
  }
}
