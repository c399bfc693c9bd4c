/**
 * Threads that make slices beside the one that searches.
 *
 *   this thread   makes slices, merges, hands out ──▶ one slice under way and one that waits, for each other thread
 *
 * A thread that has just begun compiles its code for seconds, while the searching thread's is compiled already: that one goes on at
 * full speed, and others get slices only once they have their machine.
 */
import { setTimeout } from 'node:timers/promises';
import { Piscina } from 'piscina';
import type { SliceOrder, SliceReport } from '../explore/slices.ts';
import type { MachineOrder } from './explore-machine.ts';
import { LOOK_MS } from './in-turns.ts';

/** What a thread is asked for: a slice; null: to make its machine. */
export interface SliceRequest {
  readonly machine: MachineOrder;
  readonly slice: SliceOrder | null;
}

/** Slices of a thread: one under way and one that waits. */
const SLICES_EACH = 2;

export class SliceThreads {
  readonly #pool: Piscina<SliceRequest, SliceReport | null>;
  readonly #machine: MachineOrder;
  readonly #report: (report: SliceReport) => void;
  readonly #underway = new Set<Promise<void>>();
  readonly #failures: unknown[] = [];
  #ready = 0;
  /** Slices that are under way or wait. */
  #slices = 0;

  /** `threads` beside this one; `report` hears of each slice that was made. */
  constructor(machine: MachineOrder, threads: number, report: (report: SliceReport) => void) {
    this.#machine = machine;
    this.#report = report;
    this.#pool = new Piscina({
      filename: new URL('./explore.worker.js', import.meta.url).href,
      minThreads: threads,
      maxThreads: threads,
      idleTimeout: Number.POSITIVE_INFINITY,
      // Else the slice that waits would wait here, for as long as this thread makes one of its own.
      concurrentTasksPerWorker: SLICES_EACH,
    });
    for (let thread = 0; thread < threads; thread++) this.#ask(null);
  }

  /** Whether slices have been ordered that are not made. */
  get isBusy(): boolean {
    return this.#slices > 0;
  }

  /** Whether one more slice could be made soon. */
  get isFree(): boolean {
    return this.#slices < SLICES_EACH * this.#ready;
  }

  make(slice: SliceOrder): void {
    this.#slices++;
    this.#ask(slice);
  }

  #ask(slice: SliceOrder | null): void {
    const asked = this.#pool
      .run({ machine: this.#machine, slice })
      .then((report) => {
        if (report === null) this.#ready++;
        else {
          this.#slices--;
          this.#report(report);
        }
      })
      .catch((failure: unknown) => {
        this.#failures.push(failure);
      })
      .finally(() => this.#underway.delete(asked));
    this.#underway.add(asked);
  }

  /**
   * Waits until a slice is made, a thread is ready, or it is time to look at signals; gives false when nothing is under way. Throws what
   * broke a thread.
   */
  async next(): Promise<boolean> {
    this.check();
    if (this.#underway.size === 0) return false;
    await Promise.race([...this.#underway, setTimeout(LOOK_MS)]);
    this.check();
    return true;
  }

  /** Throws what broke a thread. */
  check(): void {
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  /** Ends the threads, whatever they do. */
  end(): Promise<void> {
    return this.#pool.destroy();
  }
}
