/**
 * Parking: a CPU of the real machine sleeps on its own doorbell word and nowhere else.
 *
 * Who changes something that the CPU may be waiting for adds 1 to the doorbell and then notifies. The CPU reads the doorbell
 * before it looks at what it waits for, so a ring in between makes the wait return at once.
 */
import { EV_SWITCH, emit, hearing } from '../machine/events.ts';
import { memory, perCpuBase } from '../shared/memory.ts';
import { CPU_CURRENT, CPU_DOORBELL, CPU_PARK_SEQ, CPU_PARKED, CPU_PARKS } from '../shared/per-cpu-layout.ts';
import { PARKED, QUIET } from './control.ts';

/** A ring that got lost would be a bug of ours; so that it shows as a slow step and not as a hang, nobody sleeps longer. */
const NAP_MS_MAX = 1000;

export class Parking {
  readonly #control: Int32Array;
  readonly #base: number;
  /** CPUs and the interrupt actor. */
  readonly #all: number;

  constructor(control: Int32Array, cpu: number, cpus: number) {
    this.#control = control;
    this.#base = perCpuBase(cpu);
    this.#all = cpus + 1;
  }

  /** What the doorbell reads; to be taken before looking at what is waited for. */
  seen(): number {
    return Atomics.load(memory.words, this.#base + CPU_DOORBELL);
  }

  /** Sleeps until somebody rings after `seen`, or for `timeoutUs` microseconds if that is not 0. */
  park(seen: number, timeoutUs = 0): void {
    const w = memory.words;
    (w[this.#base + CPU_PARKS] as number)++;
    Atomics.store(w, this.#base + CPU_PARK_SEQ, seen);
    Atomics.store(w, this.#base + CPU_PARKED, 1);
    if (timeoutUs > 0) {
      // With an alarm armed the machine is not quiet.
      Atomics.wait(w, this.#base + CPU_DOORBELL, seen, timeoutUs / 1000);
    } else {
      if (Atomics.add(this.#control, PARKED, 1) === this.#all - 1) {
        Atomics.add(this.#control, QUIET, 1);
        Atomics.notify(this.#control, QUIET);
      }
      Atomics.wait(w, this.#base + CPU_DOORBELL, seen, NAP_MS_MAX);
      Atomics.sub(this.#control, PARKED, 1);
    }
    Atomics.store(w, this.#base + CPU_PARKED, 0);
  }

  /** The same for a task that never leaves its CPU, as the interrupt actor's: it does not run meanwhile. */
  rest(seen: number, timeoutUs: number): void {
    const task = memory.words[this.#base + CPU_CURRENT] as number;
    if (hearing !== 0) emit(EV_SWITCH, 0, 0, 0);
    this.park(seen, timeoutUs);
    if (hearing !== 0) emit(EV_SWITCH, task, 0, 0);
  }
}
