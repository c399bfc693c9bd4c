/**
 * Who takes part in the real machine from outside kernel code.
 *
 *   CpuThread       a CPU, or the interrupt actor, which plays disks and interrupt controller: a worker thread of its own
 *   Administrator   the main thread: orders rounds, lets their parts begin, ends them
 *
 * What an administrator of a kernel does (ioctl verbs, signals) and what makes faults are tasks of the program, on CPUs like all
 * others; see Actor in machine/machine.ts.
 */
import type { CpuTask } from './cpu.worker.ts';

export interface MachineActor {
  readonly name: string;
  /** Begins to take part. */
  start(): void;
  /** Takes part no more; what ends it from now on is no death. */
  stop(): void;
  /** It has ended without being told to. */
  died(reason: string): void;
}

/** What of a pool is needed here: programs that import dmrace's types need not have Piscina's. */
interface TaskPool {
  run(task: CpuTask): Promise<unknown>;
}

/** `CPU 3`, or the actor with the number after the last CPU. */
export function threadName(cpu: number, cpus: number): string {
  return cpu === cpus ? 'the interrupt actor' : `CPU ${cpu}`;
}

/** The thread of one CPU, seen from the main thread: one long task of the pool. */
export class CpuThread implements MachineActor {
  readonly name: string;
  readonly #pool: TaskPool;
  readonly #task: CpuTask;
  readonly #mourner: MachineActor;
  #stopping = false;

  /** `mourner` is told when the thread dies: nobody restarts it, so the machine is broken from then on. */
  constructor(pool: TaskPool, task: CpuTask, mourner: MachineActor) {
    this.name = threadName(task.cpu, task.cpus);
    this.#pool = pool;
    this.#task = task;
    this.#mourner = mourner;
  }

  start(): void {
    this.#pool.run(this.#task).then(
      () => this.died('its thread ended'),
      (error: unknown) => this.died(error instanceof Error ? error.message : String(error)),
    );
  }

  stop(): void {
    this.#stopping = true;
  }

  died(reason: string): void {
    if (!this.#stopping) this.#mourner.died(`${this.name} died: ${reason}`);
  }
}
