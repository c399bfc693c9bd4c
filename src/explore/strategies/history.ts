/**
 * The steps of one run and what happened before what: a vector clock for each step, from the dependencies between steps.
 */
import { memory, perCpuBase } from '../../shared/memory.ts';
import { CPU_IRQS_OFF } from '../../shared/per-cpu-layout.ts';
import type { Context } from '../context.ts';
import { countsToZero, MODES, meet, modeOf, objectOf, WRITE } from '../dependency.ts';

/** For each process the number of its last step that is known, from 1; missing is 0. */
type Clock = readonly number[];

export interface Event {
  readonly process: number;
  /** The process's place in clocks. */
  readonly place: number;
  /** Number of the step in its process, from 1. */
  readonly number: number;
  readonly cpu: number;
  readonly kind: number;
  /** Interrupts of its CPU were on. */
  readonly irqsOn: boolean;
  readonly accesses: number[];
  /** A word that it has counted and that the next step like it would find 0, or 0. */
  readonly toZero: number;
  /** Where on the path it was chosen; −1: not by a choice between processes. */
  readonly node: number;
  /** What the process knew before the step. */
  past: Clock;
  /** What it knows after the step. */
  clock: Clock;
}

function join(into: number[], other: Clock): void {
  for (let i = 0; i < other.length; i++) if ((other[i] ?? 0) > (into[i] ?? 0)) into[i] = other[i] as number;
}

const NOTHING: Clock = [];

export class History {
  #events: Event[] = [];
  /** Those of the last run, of which this one repeats so many. */
  #before: Event[] = [];
  #repeated = 0;
  readonly #places = new Map<number, number>();
  /** The last step of each process and of each CPU. */
  readonly #lastOf = new Map<number, Event>();
  readonly #lastOn: (Event | undefined)[] = [];
  readonly #born = new Map<number, Event>();
  readonly #written = new Map<number, Event>();
  /** For each object, by what they do to it, all that have not written it since it was written last. */
  readonly #since = new Map<number, Event[][]>();
  readonly #cpus = new Map<number, number>();
  /** What all know since the part of the program began. */
  #common: Clock = NOTHING;
  /** The last step is not ordered yet, since it is under way. */
  #underway = false;

  /** A run begins that repeats the first steps of the last one: all up to the one that was chosen at a node, which is not made again. */
  begin(node: number): void {
    [this.#events, this.#before] = [this.#before, this.#events];
    this.#repeated = Math.max(
      0,
      this.#before.findIndex((event) => event.node >= node),
    );
    this.#events.length = 0;
    this.#lastOf.clear();
    this.#lastOn.length = 0;
    this.#born.clear();
    this.#written.clear();
    this.#since.clear();
    this.#common = NOTHING;
    this.#underway = false;
  }

  get length(): number {
    return this.#events.length;
  }

  get last(): Event | undefined {
    return this.#events.at(-1);
  }

  at(index: number): Event {
    return this.#events[index] as Event;
  }

  cpuOf(process: number): number {
    return this.#cpus.get(process) as number;
  }

  #make({ process, cpu, cell }: Context, accesses: number[], node: number): Event {
    const toZero = countsToZero(cell) ? cell.word : 0;
    let place = this.#places.get(process);
    if (place === undefined) {
      place = this.#places.size;
      this.#places.set(process, place);
      this.#cpus.set(process, cpu);
    }
    const before = this.#lastOf.get(process);
    const irqsOn = memory.words[perCpuBase(cpu) + CPU_IRQS_OFF] === 0;
    let past = before?.clock ?? this.#born.get(process)?.clock ?? this.#common;
    if (past !== this.#common) {
      const joined = past.slice();
      join(joined, this.#common);
      past = joined;
    }
    return {
      process,
      place,
      number: (before?.number ?? 0) + 1,
      cpu,
      kind: cell.kind,
      irqsOn,
      accesses,
      toZero,
      node,
      past,
      clock: past,
    };
  }

  /** The step that comes next, or is under way, was made in the last run: all about it is known. */
  get repeats(): boolean {
    return this.#events.length + (this.#underway ? 0 : 1) <= this.#repeated;
  }

  /** A step begins that repeats. */
  repeat(): void {
    this.#events.push(this.#before[this.#events.length] as Event);
    this.#underway = true;
  }

  /** A step begins. */
  add(context: Context, accesses: number[], node: number): void {
    this.#events.push(this.#make(context, accesses, node));
    this.#underway = true;
  }

  /** What a process would do that has not moved: not part of the history. */
  waiting(context: Context, accesses: number[]): Event {
    return this.#make(context, accesses, -1);
  }

  /** All that follows comes after all that was. */
  barrier(): void {
    const common: number[] = [];
    for (const event of this.#lastOf.values()) join(common, event.clock);
    this.#common = common;
  }

  /** The step under way has started a task. */
  born(child: number): void {
    const parent = this.last;
    if (this.#underway && parent !== undefined) this.#born.set(child, parent);
  }

  /** The last step is over; gives it, or null when it was ordered before. */
  order(): Event | null {
    if (!this.#underway) return null;
    const event = this.last as Event;
    if (!this.repeats) this.#know(event);
    this.#underway = false;
    for (const access of event.accesses) this.#note(objectOf(access), modeOf(access), event);
    this.#lastOf.set(event.process, event);
    this.#lastOn[event.cpu] = event;
    return event;
  }

  /** What a step knows when it is over. */
  #know(event: Event): void {
    const clock = event.past.slice();
    const neighbour = this.#lastOn[event.cpu];
    if (neighbour !== undefined) join(clock, neighbour.clock);
    for (const access of event.accesses) {
      const object = objectOf(access);
      const written = this.#written.get(object);
      if (written !== undefined) join(clock, written.clock);
      const mode = modeOf(access);
      for (const [other, events] of this.#since.get(object)?.entries() ?? [])
        if (other !== mode) for (const event of events) join(clock, event.clock);
    }
    for (let i = 0; i < clock.length; i++) clock[i] ??= 0;
    clock[event.place] = event.number;
    event.clock = clock;
  }

  #note(object: number, mode: number, event: Event): void {
    let since = this.#since.get(object);
    if (mode === WRITE) {
      this.#written.set(object, event);
      for (const events of since ?? []) events.length = 0;
      return;
    }
    if (since === undefined) {
      since = Array.from({ length: MODES }, () => []);
      this.#since.set(object, since);
    }
    (since[mode] as Event[]).push(event);
  }

  happenedBefore(event: Event, clock: Clock): boolean {
    return (clock[event.place] ?? 0) >= event.number;
  }

  /**
   * The other order of steps `first` and `late`: all between them that did not need `first`, then `late`. Gives the processes
   * that can begin it.
   */
  initials(first: number, late: Event, until: number): number[] {
    const start = this.at(first);
    const begins: Event[] = [];
    let free = true;
    for (let k = first + 1; k < until; k++) {
      const event = this.at(k);
      if (this.happenedBefore(start, event.clock)) continue;
      if (!begins.some((each) => this.happenedBefore(each, event.clock))) begins.push(event);
      if (free) free = !this.#orders(event, late);
    }
    const processes = begins.map(({ process }) => process);
    if (free && !processes.includes(late.process)) processes.push(late.process);
    return processes;
  }

  /** Whether `late` has to come after `event`. */
  #orders(event: Event, late: Event): boolean {
    if (event.process === late.process || event.cpu === late.cpu || this.happenedBefore(event, late.past)) return true;
    return meet(event.accesses, late.accesses);
  }
}
