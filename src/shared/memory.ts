/**
 * The physical memory of a machine: one array of 32-bit words over a SharedArrayBuffer.
 *
 * Where what lies is computed from a configuration alone, so every worker finds the same words at the same place:
 *
 *   0 … 15        never used; word 0 is the null reference
 *   mailbox       requests for the interrupt actor
 *   per CPU       PER_CPU_WORDS for each CPU and one more for the interrupt actor (per-cpu.ts draws them)
 *   slabs         for each kind of object: free lists, then its slots (slab.ts)
 *   static        words that a scenario declares
 *
 * Kernel state lives here and nowhere else: a machine is reset by copying this array.
 */
import { bugOn } from '../machine/finding.ts';
import { PER_CPU_WORDS } from './per-cpu-layout.ts';

/** What freed memory is filled with. Reading it from a marked or atomic word is a use after free. */
export const POISON = 0x6b6b6b6b;

/** Words per cache line; what two CPUs write apart lies on lines apart. */
export const LINE_WORDS = 16;

/** Handles and step rings keep a word's index in 20 bits. */
export const MEMORY_WORDS_MAX = 1 << 20;

/** Words enough for what any scenario declares: for the memory on which it is seen how much one does declare. */
export const MEASURED_WORDS = 1 << 16;

/** The interrupt actor's mailbox, a ring (ring.ts). */
export const MAILBOX_BASE = 16;
export const MAILBOX_ENTRIES = 64;
const MAILBOX_WORDS = 80;
/** Words for global locks and the like (boot.ts). */
const KERNEL_STATIC_WORDS = 384;
const PER_CPU_BASE = MAILBOX_BASE + MAILBOX_WORDS;

export interface MemoryConfig {
  /** CPUs, the interrupt actor not counted: 1 to 16. */
  readonly cpus: number;
  /** Threads that allocate, each with free lists of its own: CPUs + 1 on threads, 1 on the model. */
  readonly allocators: number;
  /** Slots that each allocator has of a kind of object, by its name; kinds that are not named take their default. */
  readonly slots: Readonly<Record<string, number>>;
  /** Words that the scenario may declare, beside KERNEL_STATIC_WORDS for the kernel's own. */
  readonly staticWords: number;
}

export interface SlabPlan {
  readonly name: string;
  readonly base: number;
  readonly firstSlot: number;
  readonly slotWords: number;
  readonly slots: number;
}

export interface MemoryPlan {
  readonly config: MemoryConfig;
  readonly slabs: ReadonlyMap<string, SlabPlan>;
  readonly staticBase: number;
  /** Words in all. */
  readonly size: number;
}

/** The memory of the machine that this thread runs, and the plan by which it is laid out. */
export const memory: { words: Int32Array; plan: MemoryPlan | null; allocator: number; staticTop: number } = {
  words: new Int32Array(0),
  plan: null,
  allocator: 0,
  staticTop: 0,
};

const align = (value: number, to: number): number => Math.ceil(value / to) * to;

/** Lays the memory out. `kinds`: each kind of object with the words of a slot and its default number of slots. */
export function planMemory(
  config: MemoryConfig,
  kinds: readonly { name: string; slotWords: number; slots: number }[],
): MemoryPlan {
  let top = PER_CPU_BASE + (config.cpus + 1) * PER_CPU_WORDS;
  const slabs = new Map<string, SlabPlan>();
  for (const kind of [...kinds].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const slots = (config.slots[kind.name] ?? kind.slots) * config.allocators;
    const firstSlot = align(top + config.allocators * LINE_WORDS, LINE_WORDS);
    slabs.set(kind.name, { name: kind.name, base: top, firstSlot, slotWords: kind.slotWords, slots });
    top = align(firstSlot + slots * kind.slotWords, LINE_WORDS);
  }
  const size = top + align(KERNEL_STATIC_WORDS + config.staticWords, LINE_WORDS);
  bugOn(size > MEMORY_WORDS_MAX, `the machine needs ${size} words of memory; ${MEMORY_WORDS_MAX} are the most`);
  return { config, slabs, staticBase: top, size };
}

/** Makes `words` the memory of this thread. `allocator` is the number of this thread's free lists. */
export function bindMemory(words: Int32Array, plan: MemoryPlan, allocator: number): void {
  bugOn(words.length < plan.size, `a memory of ${words.length} words is too small for ${plan.size}`);
  memory.words = words;
  memory.plan = plan;
  memory.allocator = allocator;
  memory.staticTop = plan.staticBase;
}

/** The first word of a CPU's own area; CPU number `cpus` is the interrupt actor. */
export function perCpuBase(cpu: number): number {
  return PER_CPU_BASE + cpu * PER_CPU_WORDS;
}

/** Declares words that two CPUs may share outside any object. Same order of calls, same addresses, in every worker. */
export function staticWords(count: number): number {
  const plan = memory.plan;
  if (plan === null) throw new Error('no memory is bound');
  const word = memory.staticTop;
  memory.staticTop += count;
  bugOn(memory.staticTop > plan.size, `the scenario declares more than ${plan.config.staticWords} static words`);
  return word;
}
