/**
 * The turn of a task on its CPU of the real machine: when the task leaves the CPU, and when it may run again.
 */
import { type Kernel, OP_SCHEDULE, type Op, resolved } from '../machine/kernel.ts';
import { memory, perCpuBase } from '../shared/memory.ts';
import { CPU_RUNNABLE } from '../shared/per-cpu-layout.ts';
import { TASK_INTERRUPTIBLE, TASK_RUNNING, type Task } from '../shared/task.ts';

/**
 * Leaves the CPU again and again until `mayRun` says that the task may go on. One iterator for all sleeps of a CPU, so that none makes a
 * generator.
 */
function sleepUntil(mayRun: () => boolean): IterableIterator<Op, undefined> {
  const asleep: IteratorYieldResult<Op> = { done: false, value: OP_SCHEDULE };
  const awake: IteratorReturnResult<undefined> = { done: true, value: undefined };
  const iterator = {
    next: (): IteratorResult<Op, undefined> => (mayRun() ? awake : asleep),
    [Symbol.iterator]() {
      return iterator;
    },
  };
  return iterator;
}

/** Leaves the CPU once. The CPU sees that the task is TASK_RUNNING, and comes back to it after the others that are ready. */
function* letOthersRun(): Kernel<void> {
  yield OP_SCHEDULE;
}

/** The turn of the task that runs on one CPU now. */
export class Turn {
  readonly #runnableWord: number;
  readonly #sleep: Kernel<void>;
  #stateWord = 0;
  #signalWord = 0;
  #taskBit = 0;
  #ready = 0;

  constructor(cpu: number) {
    this.#runnableWord = perCpuBase(cpu) + CPU_RUNNABLE;
    this.#sleep = sleepUntil(() => this.#mayRun());
  }

  /** `slot`: the task's; `ready`: a bit for each other slot whose task can run too. */
  begin(task: Task, slot: number, ready: number): void {
    this.#stateWord = task.state.word;
    this.#signalWord = task.sigpending.word;
    this.#taskBit = 1 << slot;
    this.#ready = ready;
  }

  /**
   * A task that may not go on sleeps until it may. One that may lets each other task that is ready have its turn first; with none it goes
   * on at once.
   */
  leave(): Kernel<void> {
    if (!this.#mayRun()) return this.#sleep;
    return this.#othersReady() ? letOthersRun() : resolved(undefined);
  }

  /** The task's state says so, or a signal does: then the state becomes TASK_RUNNING. */
  #mayRun(): boolean {
    const w = memory.words;
    const now = Atomics.load(w, this.#stateWord);
    if (now === TASK_RUNNING) return true;
    if (now !== TASK_INTERRUPTIBLE || Atomics.load(w, this.#signalWord) === 0) return false;
    Atomics.store(w, this.#stateWord, TASK_RUNNING);
    return true;
  }

  /** Another task was ready when this turn began, or has been woken since. */
  #othersReady(): boolean {
    return ((Atomics.load(memory.words, this.#runnableWord) | this.#ready) & ~this.#taskBit) !== 0;
  }
}
