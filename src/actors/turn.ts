/**
 * The turn of a task on its CPU of the real machine: what the task leaves the CPU for, and when it may run again.
 */
import { type Kernel, OP_SCHEDULE, type Op, resolved } from '../machine/kernel.ts';
import { memory, perCpuBase } from '../shared/memory.ts';
import { CPU_RUNNABLE } from '../shared/per-cpu-layout.ts';
import { TASK_INTERRUPTIBLE, TASK_RUNNING, type Task } from '../shared/task.ts';

/** One iterator for all sleeps of a CPU, so that none makes a generator. Announces at each step that the task leaves its CPU, and is done when `mayRun` says so. */
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

/** A task that may go on stays ready, and the CPU comes back to it after the others that are. */
function* letOthersRun(): Kernel<void> {
  yield OP_SCHEDULE;
}

/** Of the task that runs on one CPU. */
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

  /** `ready`: one bit for the slot of each other task that can run too. */
  begin(task: Task, slot: number, ready: number): void {
    this.#stateWord = task.state.word;
    this.#signalWord = task.sigpending.word;
    this.#taskBit = 1 << slot;
    this.#ready = ready;
  }

  /** The task sleeps until it may go on. One that may now lets each of the others have a turn, if there are any. */
  end(): Kernel<void> {
    if (!this.#mayRun()) return this.#sleep;
    return this.#othersReady() ? letOthersRun() : resolved(undefined);
  }

  /** Its state says so, or a signal does. */
  #mayRun(): boolean {
    const w = memory.words;
    const now = Atomics.load(w, this.#stateWord);
    if (now === TASK_RUNNING) return true;
    if (now !== TASK_INTERRUPTIBLE || Atomics.load(w, this.#signalWord) === 0) return false;
    Atomics.store(w, this.#stateWord, TASK_RUNNING);
    return true;
  }

  /** Another one was ready when this turn began, or has been woken since. */
  #othersReady(): boolean {
    return ((Atomics.load(memory.words, this.#runnableWord) | this.#ready) & ~this.#taskBit) !== 0;
  }
}
