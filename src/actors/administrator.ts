/**
 * The administrator of the real machine: the main thread's side of the control block.
 *
 * It orders rounds, lets their parts begin, and sleeps on QUIET until there is something to look at. Nobody can make it wait for
 * ever: a thread that died ends each of its waits, and a thread that does not answer ends the wait for it.
 */
import { memory, perCpuBase } from '../shared/memory.ts';
import { CPU_DOORBELL } from '../shared/per-cpu-layout.ts';
import { type MachineActor, threadName } from './actor.ts';
import {
  ARRIVED,
  GO,
  LIVE,
  ORDER_LEN,
  PARKED,
  PART,
  QUIET,
  REPORT,
  ROUND,
  type Shared,
  STOP,
  STOP_MACHINE,
  STOP_NOT,
  STOP_ROUND,
  writeText,
} from './control.ts';
import { stopAll } from './cpu.worker.ts';

/** How often a round is looked at although nobody says that it is quiet, in ms. */
const LOOK_MS = 50;

/** Thrown when the harness itself broke: a worker died, a boot module failed. */
export class MachineFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MachineFailure';
  }
}

export class Administrator implements MachineActor {
  readonly name = 'the administrator';
  readonly #cpus: number;
  readonly #shared: Shared;
  /** Rounds that were ordered. */
  #round = 0;
  #failure: string | null = null;
  #interrupted = false;

  constructor(shared: Shared, cpus: number) {
    this.#shared = shared;
    this.#cpus = cpus;
  }

  /** Why the machine can run no more rounds, or null. */
  get failure(): string | null {
    return this.#failure;
  }

  /** The round under way is to end as soon as possible. */
  get interrupted(): boolean {
    return this.#interrupted;
  }

  start(): void {
    Atomics.store(this.#shared.control, ARRIVED, 0);
  }

  /** Tells all threads to end when they next look. */
  stop(): void {
    Atomics.store(this.#shared.control, STOP, STOP_MACHINE);
    this.#release(ROUND, this.#round + 1);
  }

  /** The machine has lost somebody; nobody takes his place. */
  died(reason: string): void {
    this.#failure ??= reason;
    this.#wakeSelf();
  }

  /** Ends the round under way as soon as possible: Ctrl-C, a time limit. */
  interrupt(): void {
    this.#interrupted = true;
    this.#wakeSelf();
  }

  /** Threads build the program of a round. */
  order(text: string): void {
    const { control, order } = this.#shared;
    for (const word of [ARRIVED, PART, STOP, LIVE, PARKED, REPORT]) Atomics.store(control, word, 0);
    writeText(control, ORDER_LEN, order, text);
    this.#interrupted = false;
    this.#round++;
    this.#release(ROUND, this.#round);
  }

  /** Threads that have built the program begin to run it. */
  go(): void {
    Atomics.store(this.#shared.control, ARRIVED, 0);
    this.#release(GO, this.#round);
  }

  /** CPU 0 starts the tasks of a part: an index of PARTS, from 1. */
  startPart(part: number, tasks: number): void {
    const { control } = this.#shared;
    Atomics.store(control, LIVE, tasks);
    Atomics.store(control, PART, part);
    const doorbell = perCpuBase(0) + CPU_DOORBELL;
    Atomics.add(memory.words, doorbell, 1);
    Atomics.notify(memory.words, doorbell);
  }

  /** The round is over for everybody, if it is not already. */
  endRound(): void {
    if (Atomics.compareExchange(this.#shared.control, STOP, STOP_NOT, STOP_ROUND) === STOP_NOT) stopAll(this.#cpus);
  }

  /** Waits until all threads have arrived; false, and a failure, when one has not after so many ms. */
  async allArrive(msMax: number): Promise<boolean> {
    const everybody = (1 << (this.#cpus + 1)) - 1;
    const missing = (): number => everybody & ~Atomics.load(this.#shared.control, ARRIVED);
    const deadline = performance.now() + msMax;
    await this.until(() => missing() === 0 || performance.now() > deadline);
    if (missing() === 0) return true;
    const who = Array.from({ length: this.#cpus + 1 }, (_, cpu) => cpu).filter((cpu) => missing() & (1 << cpu));
    const names = who.map((cpu) => threadName(cpu, this.#cpus)).join(', ');
    this.died(`${names} did not answer for ${msMax / 1000} s`);
    return false;
  }

  /** Sleeps until `condition`, looking whenever the machine says that something happened, and now and then. */
  async until(condition: () => boolean): Promise<void> {
    const { control } = this.#shared;
    // waitAsync does not keep the process alive.
    const alive = setInterval(() => {}, 1000);
    try {
      for (;;) {
        const seen = Atomics.load(control, QUIET);
        if (condition()) return;
        if (this.#failure !== null) throw new MachineFailure(this.#failure);
        const wait = Atomics.waitAsync(control, QUIET, seen, LOOK_MS);
        if (wait.async) await wait.value;
      }
    } finally {
      clearInterval(alive);
    }
  }

  #release(word: number, round: number): void {
    Atomics.store(this.#shared.control, word, round);
    Atomics.notify(this.#shared.control, word);
  }

  #wakeSelf(): void {
    const { control } = this.#shared;
    Atomics.add(control, QUIET, 1);
    Atomics.notify(control, QUIET);
  }
}
