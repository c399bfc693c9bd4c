/**
 * Who runs on a CPU, as a name: a task's, or that of the interrupt on top of it. Each CPU numbers the names that it needs, from 1 on;
 * they lie in its first area.
 *
 * A name is looked up once for each task: handles of tasks that have ended mean others later, so a round begins with none.
 */
import { memory, perCpuBase } from '../shared/memory.ts';
import { CPU_CURRENT, CPU_HARDIRQ_DEPTH, CPU_SOFTIRQ_DEPTH } from '../shared/per-cpu-layout.ts';
import { Task, taskName } from '../shared/task.ts';
import { type Area, CPU_LOST_NAMES, CPU_NAMES, NAME_BYTES, type ProfileBuffers } from './layout.ts';
import { NAMES_MAX } from './taker.ts';

// The first numbers, in the order in which the constructor gives them.
/** The number of a name that finds no room. */
const OTHERS = 1;
/** Those who have a lock that several may have. */
export const READERS = 2;
const HARDIRQ = 3;
const SOFTIRQ = 4;
const IDLE = 5;

export class Names {
  readonly #area: Area;
  readonly #numbers = new Map<string, number>();
  readonly #ofTasks = new Map<number, number>();
  readonly #cpu: number;

  constructor(area: Area, cpu: number) {
    this.#area = area;
    this.#cpu = cpu;
    for (const name of ['others', 'readers', `hardirq/${cpu}`, `softirq/${cpu}`, `idle/${cpu}`]) this.#number(name);
  }

  /** Forgets which task has which name. */
  startRound(): void {
    this.#ofTasks.clear();
  }

  /** 1 and up. */
  #number(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const { numbers, names } = this.#area;
    const count = numbers[CPU_NAMES] as number;
    if (count === NAMES_MAX) {
      (numbers[CPU_LOST_NAMES] as number)++;
      this.#numbers.set(name, OTHERS);
      return OTHERS;
    }
    const bytes = new TextEncoder().encode(name).subarray(0, NAME_BYTES - 1);
    names.set(bytes, count * NAME_BYTES);
    numbers[CPU_NAMES] = count + 1;
    this.#numbers.set(name, count + 1);
    return count + 1;
  }

  /** The name of a task of this CPU that has not ended, or had not when it was asked for first. */
  ofTask(handle: number): number {
    const known = this.#ofTasks.get(handle);
    if (known !== undefined) return known;
    const number = this.#number(taskName(Task.at(handle)));
    this.#ofTasks.set(handle, number);
    return number;
  }

  /** Who runs on this CPU right now. */
  running(): number {
    const w = memory.words;
    const base = perCpuBase(this.#cpu);
    if (w[base + CPU_HARDIRQ_DEPTH] !== 0) return HARDIRQ;
    if (w[base + CPU_SOFTIRQ_DEPTH] !== 0) return SOFTIRQ;
    const handle = w[base + CPU_CURRENT] as number;
    return handle === 0 ? IDLE : this.ofTask(handle);
  }
}

/** Whether a number is a task's: it stays right until the CPU switches or is interrupted. */
export const isTaskName = (number: number): boolean => number > IDLE;

/** The names that a CPU has given numbers to, by number. */
export function namesOnCpu({ areas }: ProfileBuffers, cpu: number): string[] {
  const { numbers, names } = (areas[cpu] as readonly Area[])[0] as Area;
  const decoder = new TextDecoder();
  const list = ['?'];
  for (let i = 0; i < (numbers[CPU_NAMES] as number); i++) {
    const bytes = names.slice(i * NAME_BYTES, (i + 1) * NAME_BYTES);
    list.push(decoder.decode(bytes.subarray(0, bytes.indexOf(0))));
  }
  return list;
}
