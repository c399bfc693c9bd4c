/**
 * What a trace shows in the lane of one CPU: which task runs, hard and soft interrupts on top of it, waits for locks and holds.
 */
import { EV_WAKE } from '../machine/events.ts';
import type { Site } from '../machine/site.ts';
import { type Clock, RECORD_HARDIRQ, RECORD_ROUND, RECORD_SOFTIRQ, RECORD_TASK } from './layout.ts';
import type { TraceWriter } from './trace-writer.ts';
import type { Names } from './who.ts';

export class Lanes {
  readonly #trace: TraceWriter;
  readonly #clock: Clock;
  readonly #names: Names;
  /** The task that runs, 0: none. */
  #task = 0;
  /** Since when it does, and the interrupts on top of it. */
  #taskSince = 0;
  #hardirqSince = 0;
  #softirqSince = 0;

  constructor(trace: TraceWriter, clock: Clock, names: Names) {
    this.#trace = trace;
    this.#clock = clock;
    this.#names = names;
  }

  startRound(): void {
    this.#task = 0;
    this.#point(RECORD_ROUND, 0, 0, 0);
  }

  hardirqBegins(): void {
    this.#hardirqSince = this.#clock();
  }

  hardirqEnds(line: number): void {
    this.#trace.write(RECORD_HARDIRQ, this.#clock(), this.#hardirqSince, line, 0, 0, 0);
  }

  softirqBegins(): void {
    this.#softirqSince = this.#clock();
  }

  softirqEnds(softirq: number): void {
    this.#trace.write(RECORD_SOFTIRQ, this.#clock(), this.#softirqSince, softirq, 0, 0, 0);
  }

  /** The task with this handle runs; 0: none. */
  switches(handle: number): void {
    const now = this.#clock();
    const task = this.#task;
    if (task !== 0) this.#trace.write(RECORD_TASK, now, this.#taskSince, task, 0, 0, this.#names.ofTask(task));
    this.#task = handle;
    this.#taskSince = now;
    // While it is alive: it may end before the switch.
    if (handle !== 0) this.#names.ofTask(handle);
  }

  wakes(handle: number, target: number, site: Site): void {
    this.#point(EV_WAKE, handle, target, site);
  }

  /** A wait or a hold (`kind`) of the lock with this number; `who`: a name's number. */
  lock(kind: number, now: number, since: number, lock: number, isSleeping: boolean, site: Site, who: number): void {
    this.#trace.write(kind, now, since, lock, isSleeping ? 1 : 0, site, who);
  }

  #point(kind: number, a: number, b: number, site: Site): void {
    const now = this.#clock();
    this.#trace.write(kind, now, now, a, b, site, 0);
  }
}
