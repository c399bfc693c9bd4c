/**
 * What the words of memory are called, for traces and checks: the same whatever lies before them in memory.
 */
import { irqName } from '../irq/interrupt.ts';
import { MAILBOX_BASE, type MemoryPlan, memory, perCpuBase } from '../shared/memory.ts';
import {
  COMPLETION_ENTRIES,
  CPU_COMPLETIONS,
  CPU_IRQS_OFF,
  CPU_PENDING,
  CPU_STEP_RING,
  CPU_TASKS,
  CPU_WORD_NAMES,
  PER_CPU_WORDS,
  TASK_SLOTS,
} from '../shared/per-cpu-layout.ts';
import { ringWordName, ringWords } from '../shared/ring.ts';
import { wordName } from '../shared/struct-registry.ts';
import { hash16 } from './schedule.ts';

/** A word of a CPU's area: `irq pending`, `device completions[3]`. */
function cpuWordName(offset: number): string {
  const named = CPU_WORD_NAMES[offset];
  if (named !== undefined) return named;
  const inRings = offset - CPU_COMPLETIONS;
  const each = ringWords(COMPLETION_ENTRIES);
  if (inRings >= 0 && inRings < 2 * each)
    return `${irqName(Math.floor(inRings / each))} completions${ringWordName(inRings % each)}`;
  if (offset >= CPU_TASKS && offset < CPU_TASKS + TASK_SLOTS) return `tasks[${offset - CPU_TASKS}]`;
  return offset < CPU_STEP_RING ? `+${offset}` : `step ring[${offset - CPU_STEP_RING}]`;
}

/** Words of a CPU whose names schedules know. Of the others they know the offset: what those are called may change. */
const isKnown = (offset: number): boolean => offset === CPU_PENDING || offset === CPU_IRQS_OFF;

/** `inSchedules`: as the checks of schedules have it. */
function nameOf(word: number, plan: MemoryPlan, inSchedules: boolean): string {
  if (word === 0) return '';
  const name = wordName(word);
  if (!name.startsWith('word ')) return name;
  const first = perCpuBase(0);
  const inMailbox = word - MAILBOX_BASE;
  if (word < first) return `mailbox${inSchedules ? `+${inMailbox}` : ringWordName(inMailbox)}`;
  const cpu = Math.floor((word - first) / PER_CPU_WORDS);
  if (cpu <= plan.config.cpus) {
    const offset = (word - first) % PER_CPU_WORDS;
    return `cpu${cpu} ${inSchedules && !isKnown(offset) ? `+${offset}` : cpuWordName(offset)}`;
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
      name = nameOf(word, this.#plan, false);
      this.#names.set(word, name);
    }
    return name;
  }

  /** 16 bits of the name. */
  hash(word: number): number {
    const known = this.#hashes[word] as number;
    if (known >= 0) return known;
    const hash = hash16(nameOf(word, this.#plan, true));
    this.#hashes[word] = hash;
    return hash;
  }
}
