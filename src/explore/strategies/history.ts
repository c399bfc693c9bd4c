/**
 * The steps of one run and what happened before what: a vector clock for each step, from the dependencies between steps.
 */
import { memory, perCpuBase } from '../../shared/memory.ts';
import { CPU_IRQS_OFF } from '../../shared/per-cpu-layout.ts';
import type { Context } from '../context.ts';
import { isWrite, objectOf } from '../dependency.ts';

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
  readonly #events: Event[] = [];
  readonly #places = new Map<number, number>();
  /** The last step of each process and of each CPU. */
  readonly #lastOf = new Map<number, Event>();
  readonly #lastOn: (Event | undefined)[] = [];
  readonly #born = new Map<number, Event>();
  readonly #written = new Map<number, Event>();
  readonly #read = new Map<number, Event[]>();
  readonly #cpus = new Map<number, number>();
  /** What all know since the part of the program began. */
  #common: Clock = NOTHING;
  /** The last step is not ordered yet, since it is under way. */
  #underway = false;

  clear(): void {
    this.#events.length = 0;
    this.#lastOf.clear();
    this.#lastOn.length = 0;
    this.#born.clear();
    this.#written.clear();
    this.#read.clear();
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
      node,
      past,
      clock: past,
    };
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
    this.#underway = false;
    const event = this.last as Event;
    const clock = event.past.slice();
    const neighbour = this.#lastOn[event.cpu];
    if (neighbour !== undefined) join(clock, neighbour.clock);
    for (const access of event.accesses) {
      const object = objectOf(access);
      const written = this.#written.get(object);
      if (written !== undefined) join(clock, written.clock);
      if (isWrite(access)) for (const read of this.#read.get(object) ?? []) join(clock, read.clock);
    }
    for (let i = 0; i < clock.length; i++) clock[i] ??= 0;
    clock[event.place] = event.number;
    event.clock = clock;
    for (const access of event.accesses) this.#note(objectOf(access), isWrite(access), event);
    this.#lastOf.set(event.process, event);
    this.#lastOn[event.cpu] = event;
    return event;
  }

  #note(object: number, writes: boolean, event: Event): void {
    const reads = this.#read.get(object);
    if (writes) {
      this.#written.set(object, event);
      if (reads !== undefined) reads.length = 0;
    } else if (reads === undefined) this.#read.set(object, [event]);
    else reads.push(event);
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
    return event.accesses.some((a) => late.accesses.some((b) => a >> 1 === b >> 1 && ((a | b) & 1) !== 0));
  }
}
