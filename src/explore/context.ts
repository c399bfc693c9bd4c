/**
 * Who can move on the model machine: tasks and interrupts, and the CPUs that they run on.
 */

import { perCpuBase } from '../shared/memory.ts';
import type { Task } from '../shared/task.ts';
import { Cell } from './cell.ts';

/** A generator under way: a task, or an interrupt on top of one; or an interrupt that is about to enter. */
export class Context {
  readonly cell = new Cell();
  iterator: Iterator<number, void, unknown> | null = null;
  /** Null for an interrupt. */
  task: Task | null = null;
  line = 0;
  cpu = 0;
  /**
   * Its number. Tasks are counted in the order in which they start. An interrupt has the number of its CPU, line and depth:
   * all that one line does on one CPU is one process.
   */
  process = 0;
  /** Names it in any run, whatever the order in which tasks started: hash of who started it and as which. */
  key = 0;
  /** Steps that the process has made. */
  count = 0;
  /** Of an interrupt: on top of how many others it runs. */
  depth = 0;
  /** Tasks that it has started. */
  children = 0;
  /** Of a task: the word by which a sleeping lock is handed to it. */
  grantWord = -1;
  /** How often it has relaxed in which stretch without changes (livelock.ts). */
  relaxes = 0;
  relaxedIn = -1;
  /** It is being looked at whether this one can ever go on (wait-for.ts). */
  isSuspect = false;
}

/** Interrupts can be two deep: one on top of the softirqs of another. */
const DEPTHS = 2;
const LINES = 32;
const PROCESSES_OF_CPU = DEPTHS * LINES;
/** CPUs, and the interrupt actor. */
export const CPUS_MAX = 129;
/** The number of the first task. */
export const FIRST_TASK = CPUS_MAX * PROCESSES_OF_CPU;

/** What one CPU of the model runs. */
export class ModelCpu {
  readonly number: number;
  readonly base: number;
  /** The task that the CPU runs, or that went to sleep on it last. */
  running: Context | null = null;
  readonly tasks: Context[] = [];
  /** Interrupts under way, innermost last. */
  readonly interrupts: Context[] = [];
  /** Those that would enter next, by line. */
  readonly entering: (Context | null)[] = [];
  /** Steps of its interrupts so far, by depth and line. */
  readonly interruptSteps = new Int32Array(PROCESSES_OF_CPU);

  constructor(number: number) {
    this.number = number;
    this.base = perCpuBase(number);
  }

  /** What runs when the CPU moves. */
  get top(): Context | null {
    const depth = this.interrupts.length;
    return depth > 0 ? (this.interrupts[depth - 1] as Context) : this.running;
  }

  /** Names an interrupt that would enter now. */
  name(context: Context, line: number): void {
    context.depth = Math.min(this.interrupts.length, DEPTHS - 1);
    const own = context.depth * LINES + line;
    context.task = null;
    context.line = line;
    context.cpu = this.number;
    context.process = this.number * PROCESSES_OF_CPU + own;
    context.key = Math.imul(context.process + 1, 0x9e3779b1);
    context.count = this.interruptSteps[own] as number;
  }

  /** An interrupt has ended. */
  left(context: Context): void {
    this.interruptSteps[context.process - this.number * PROCESSES_OF_CPU] = context.count;
  }
}
