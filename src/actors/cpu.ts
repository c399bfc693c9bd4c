/**
 * One CPU of the real machine: a worker thread that runs its tasks, takes interrupts, and parks when idle.
 */
import { doIrq } from '../irq/interrupt.ts';
import { startInterruptActor } from '../irq/interrupt-actor.ts';
import { EV_SWITCH, emit, hearing } from '../machine/events.ts';
import { type Kernel, type Op, open } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { bindOperations } from '../machine/operations.ts';
import { memory, perCpuBase } from '../shared/memory.ts';
import { checkTaskEnd, enterCpu } from '../shared/per-cpu.ts';
import {
  CPU_CURRENT,
  CPU_IRQS_OFF,
  CPU_PENDING,
  CPU_RUNNABLE,
  CPU_SWITCHES,
  CPU_TASKS,
  TASK_SLOTS,
} from '../shared/per-cpu-layout.ts';
import { bindProgram, isDaemon, PARTS, spawnPart, taskName } from '../shared/program.ts';
import { programs, releaseTask, TASK_RUNNING, Task } from '../shared/task.ts';
import { LIVE, PART, STOP, STOP_NOT } from './control.ts';
import { Noise, type NoiseLevel, type SeamDelay } from './noise.ts';
import { RealOperations } from './operations.ts';
import { Parking } from './parking.ts';
import { PENDING_STOP, RoundStopped } from './round-stopped.ts';

export interface CpuOptions {
  readonly cpu: number;
  readonly cpus: number;
  readonly control: Int32Array;
  readonly noise: NoiseLevel;
  readonly seed: number;
  readonly delay: SeamDelay | null;
  readonly spins: number;
}

type TaskIterator = Iterator<Op, void, unknown>;

/** Runs the bound memory's CPU number `cpu` until the round stops. */
export class Cpu {
  readonly #options: CpuOptions;
  readonly #base: number;
  readonly #operations: RealOperations;
  readonly #parking: Parking;
  readonly #iterators: (TaskIterator | null)[] = new Array(TASK_SLOTS).fill(null);
  /** Slots of tasks that can run now. */
  #ready = 0;
  #last = 0;
  #part = 0;

  constructor(options: CpuOptions, program: Program) {
    const { cpu, cpus, control } = options;
    this.#options = options;
    this.#base = perCpuBase(cpu);
    this.#parking = new Parking(control, cpu, cpus);
    enterCpu(cpu);
    bindProgram(program);
    const { delay, spins } = options;
    const noise = new Noise(options.noise, options.seed, cpu);
    this.#operations = new RealOperations({ cpu, control, parking: this.#parking, noise, delay, spins });
    bindOperations(this.#operations);
    if (cpu === cpus) startInterruptActor();
  }

  /** Returns when the round is over; throws a KernelFinding, or what broke the harness. */
  run(): void {
    try {
      while (Atomics.load(this.#options.control, STOP) === STOP_NOT) this.#step();
    } catch (error) {
      if (!(error instanceof RoundStopped)) throw error;
    }
  }

  /** Takes interrupts, runs a task until it leaves the CPU, or parks. */
  #step(): void {
    const w = memory.words;
    const seen = this.#parking.seen();
    this.#takeInterrupts();
    if (this.#options.cpu === 0) this.#startPart();
    this.#ready |= Atomics.exchange(w, this.#base + CPU_RUNNABLE, 0);
    if (this.#ready !== 0) this.#resume(this.#nextSlot());
    else if (Atomics.load(w, this.#base + CPU_PENDING) === 0) this.#parking.park(seen);
  }

  #takeInterrupts(): void {
    const w = memory.words;
    for (let pending = Atomics.load(w, this.#base + CPU_PENDING); pending !== 0; ) {
      if ((pending & PENDING_STOP) !== 0) throw new RoundStopped();
      if (w[this.#base + CPU_IRQS_OFF] !== 0) throw new Error('an idle CPU has its interrupts off');
      const line = 31 - Math.clz32(pending & -pending);
      Atomics.and(w, this.#base + CPU_PENDING, ~(1 << line));
      this.#runInterrupt(doIrq(line));
      pending = Atomics.load(w, this.#base + CPU_PENDING);
    }
  }

  #runInterrupt(handler: Kernel<void>): void {
    if (open(handler).next().done !== true) throw new Error('an interrupt handler sleeps');
  }

  /** CPU 0 starts the tasks of the part that main has released. */
  #startPart(): void {
    const part = Atomics.load(this.#options.control, PART);
    if (part === this.#part) return;
    this.#part = part;
    spawnPart(PARTS[part - 1] as (typeof PARTS)[number]);
  }

  /** The next ready slot after the last one. */
  #nextSlot(): number {
    const later = this.#ready & ~((2 << this.#last) - 1);
    const among = later === 0 ? this.#ready : later;
    const slot = 31 - Math.clz32(among & -among);
    this.#ready &= ~(1 << slot);
    this.#last = slot;
    return slot;
  }

  #resume(slot: number): void {
    const w = memory.words;
    const handle = w[this.#base + CPU_TASKS + slot] as number;
    // A wake-up that came before its task ended leaves a bit behind.
    if (handle === 0) return;
    const task = Task.at(handle);
    this.#operations.turn.begin(task, slot, this.#ready);
    w[this.#base + CPU_CURRENT] = handle;
    (w[this.#base + CPU_SWITCHES] as number)++;
    const iterator = this.#iterators[slot] ?? open(programs.at(task.program)(task.arg));
    this.#iterators[slot] = iterator;
    if (hearing !== 0) emit(EV_SWITCH, handle, 0, 0);
    const ended = iterator.next().done === true;
    if (hearing !== 0) emit(EV_SWITCH, 0, 0, 0);
    w[this.#base + CPU_CURRENT] = 0;
    if (ended) this.#ended(task, slot);
    else if (Atomics.load(w, task.state.word) === TASK_RUNNING) this.#ready |= 1 << slot;
  }

  #ended(task: Task, slot: number): void {
    this.#iterators[slot] = null;
    checkTaskEnd(taskName(task));
    const counted = !isDaemon(task);
    releaseTask(task);
    if (counted) Atomics.sub(this.#options.control, LIVE, 1);
  }
}
