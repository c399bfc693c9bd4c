/**
 * What the runs of a search have shown: classes of runs, lock hand-overs, abstract states; and how likely the next run is to show
 * something new.
 *
 * The estimate is Good and Turing's in its leave-one-out form: a run counts if it showed something that no other run showed, since
 * it would have been new had it come last. The interval is Wilson's, at 95 %.
 */
import { type ChoiceKind, OP_GIVE, OP_GIVE_SHARED, OP_TAKE, OP_TAKE_SHARED, OP_WAIT_FOR } from '../machine/kernel.ts';
import { addTo } from '../shared/counts.ts';
import { memory } from '../shared/memory.ts';
import type { Context } from './context.ts';
import type { RunListener } from './run-listener.ts';
import { TraceClass } from './trace-class.ts';

/** What was seen, by kind. Classes: one a run. Hand-overs: who gave a lock and who took it next. States: as the caller says. */
export const COVERED = ['classes', 'handOvers', 'states'] as const;
export type Covered = (typeof COVERED)[number];

/** For each thing seen: the first run that showed it, and in how many runs it was. Three numbers each. */
export type Sightings = Float64Array;

/** Gathers sightings over the runs of one slice. */
class Gatherer {
  readonly #places = new Map<number, number>();
  readonly #list: number[] = [];
  readonly #lastRun: number[] = [];

  see(what: number, run: number): void {
    const place = this.#places.get(what);
    if (place === undefined) {
      this.#places.set(what, this.#lastRun.length);
      this.#list.push(what, run, 1);
      this.#lastRun.push(run);
    } else if (this.#lastRun[place] !== run) {
      this.#lastRun[place] = run;
      (this.#list[3 * place + 2] as number)++;
    }
  }

  take(): Sightings {
    const sightings = Float64Array.from(this.#list);
    this.#places.clear();
    this.#list.length = 0;
    this.#lastRun.length = 0;
    return sightings;
  }
}

/** A site needs at most 16 bits. */
const SITES = 65_536;

/** Watches the runs of one machine. `stateOf` gives the abstract state as a number; it is asked when a lock is given back. */
export class CoverageWatch implements RunListener {
  readonly #trace = new TraceClass();
  readonly #stateOf: (() => number) | null;
  readonly #gatherers = { classes: new Gatherer(), handOvers: new Gatherer(), states: new Gatherer() };
  /** For each lock: where and by whom it was given back last, and in which run. */
  readonly #givenAt: Int32Array;
  readonly #givenBy: Int32Array;
  readonly #givenIn: Int32Array;
  #run = 0;
  #state = 0;

  constructor(stateOf: (() => number) | null) {
    this.#stateOf = stateOf;
    const size = memory.words.length;
    this.#givenAt = new Int32Array(size);
    this.#givenBy = new Int32Array(size);
    this.#givenIn = new Int32Array(size).fill(-1);
  }

  /** The number of the run that comes next. */
  expect(run: number): void {
    this.#run = run;
    this.#state = -1;
  }

  begin(): void {
    this.#trace.begin();
  }

  moving(context: Context): void {
    this.#trace.moving(context);
    const { cell, process } = context;
    const { kind, word } = cell;
    if (kind === OP_TAKE || kind === OP_TAKE_SHARED || kind === OP_WAIT_FOR) {
      if (this.#givenIn[word] === this.#run && this.#givenBy[word] !== process)
        this.#gatherers.handOvers.see((this.#givenAt[word] as number) * SITES + cell.site, this.#run);
    } else if (kind === OP_GIVE || kind === OP_GIVE_SHARED) {
      this.#givenIn[word] = this.#run;
      this.#givenBy[word] = process;
      this.#givenAt[word] = cell.site;
      if (this.#stateOf !== null) this.#look(this.#stateOf());
    }
  }

  #look(state: number): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#gatherers.states.see(state, this.#run);
  }

  chose(kind: ChoiceKind, value: number, word: number): void {
    this.#trace.chose(kind, value, word);
  }

  freed(slot: number): void {
    this.#trace.freed(slot);
  }

  /** The run is over, and was not given up. */
  endRun(): void {
    this.#gatherers.classes.see(this.#trace.value(), this.#run);
  }

  /** What was seen since the last call. */
  take(): Readonly<Record<Covered, Sightings>> {
    const { classes, handOvers, states } = this.#gatherers;
    return { classes: classes.take(), handOvers: handOvers.take(), states: states.take() };
  }
}

export interface Novelty {
  /** How many different ones were seen. */
  readonly seen: number;
  /** P(the next run shows one that is new), with its interval. */
  readonly next: number;
  readonly low: number;
  readonly high: number;
}

/** Wilson's interval for `hits` of `runs` at 95 %. */
function wilson(hits: number, runs: number): readonly [number, number] {
  const z2 = 1.96 ** 2;
  const middle = (hits + z2 / 2) / (runs + z2);
  const half = (1.96 * Math.sqrt((hits * (runs - hits)) / runs + z2 / 4)) / (runs + z2);
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

/** What all slices have seen of one kind. */
export class Tally {
  /** The first run that showed it, or −1 when another one did too. */
  readonly #first = new Map<number, number>();
  /** For each run that showed something alone: how many things. */
  readonly #alone = new Map<number, number>();

  get seen(): number {
    return this.#first.size;
  }

  /** Runs that showed something that no other run did. */
  get loners(): number {
    return this.#alone.size;
  }

  add(sightings: Sightings): void {
    for (let i = 0; i < sightings.length; i += 3) {
      const what = sightings[i] as number;
      const run = sightings[i + 1] as number;
      const first = this.#first.get(what);
      if (first === undefined) {
        const once = sightings[i + 2] === 1;
        this.#first.set(what, once ? run : -1);
        if (once) addTo(this.#alone, run);
      } else if (first !== -1) this.#notAlone(what, first);
    }
  }

  #notAlone(what: number, run: number): void {
    this.#first.set(what, -1);
    const left = (this.#alone.get(run) as number) - 1;
    if (left === 0) this.#alone.delete(run);
    else this.#alone.set(run, left);
  }

  /** The runs that showed something that no other run did. */
  lonelyRuns(): Iterable<number> {
    return this.#alone.keys();
  }

  novelty(runs: number): Novelty {
    if (runs === 0) return { seen: 0, next: 1, low: 0, high: 1 };
    const [low, high] = wilson(this.loners, runs);
    return { seen: this.seen, next: this.loners / runs, low, high };
  }
}
