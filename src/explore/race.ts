/**
 * The race detector of the model machine: two accesses of a plain word, at least one of them a write, that nothing orders.
 *
 * Happens-before, with vector clocks:
 *   program order    within a task, and within what one CPU does in interrupts
 *   words            a write or a change of a marked or atomic word, and the release of a lock, happen before whoever reads,
 *                    changes or takes it later: operations are sequentially consistent on both machines
 *   interrupts       who raises a line happens before the handler. What the handler interrupts does not, except for sections
 *                    with interrupts off: those before it happen before it, those after it after
 *   a CPU            what a task did before it left its CPU happens before what other tasks do there later
 *   tasks            who starts a task happens before it; a part of a program before the next one
 *
 * Shadow of a word: its last write, and its reads since. Like FastTrack (Flanagan and Freund, 2009) it keeps one read while
 * all are ordered, and one for each process when they are not.
 */
import type { Aside } from '../machine/events.ts';
import { report } from '../machine/finding.ts';
import {
  CHOICE_COMPLETION,
  type ChoiceKind,
  OP_ADD_THEN,
  OP_CMPXCHG,
  OP_GIVE,
  OP_GIVE_SHARED,
  OP_IRQ_OFF,
  OP_IRQ_ON,
  OP_LOAD,
  OP_LOAD_THEN,
  OP_NEXT_ALARM,
  OP_RMW,
  OP_SCHEDULE,
  OP_START,
  OP_STORE,
  OP_TAKE,
  OP_TAKE_SHARED,
  OP_TRY_ADD,
  OP_WAIT_FOR,
} from '../machine/kernel.ts';
import { memory } from '../shared/memory.ts';
import type { PlainWatcher } from '../shared/plain-access.ts';
import { wordName } from '../shared/struct-registry.ts';
import { type Context, FIRST_TASK } from './context.ts';
import { contextName } from './places.ts';
import type { RunListener } from './run-listener.ts';
import { callerOf } from './stack.ts';
import { type Clock, copy, join } from './vector-clock.ts';

/** An access whose place is wanted: known by its step from a run before. */
export interface WantedAccess {
  readonly word: number;
  readonly step: number;
  readonly writes: boolean;
  place: string;
}

const NOBODY = -1;

/** An epoch is the number of a process and its own count; 0 is none. */
const COUNT_BITS = 20;
const COUNT_MASK = (1 << COUNT_BITS) - 1;

/** Reads of a word that nothing orders among each other: epochs and steps. */
interface Reads {
  readonly epochs: number[];
  readonly steps: number[];
}

export class RaceDetector implements RunListener, PlainWatcher, Aside {
  /** Notes where this access happens, for the report of a run that repeats another. */
  wanted: WantedAccess | null = null;
  #process = NOBODY;
  #own: Clock = [];
  #step = 0;
  #muted = 0;
  #found: WantedAccess | null = null;
  /** By process: what it knows, and its name. */
  readonly #clocks: Clock[] = [];
  #names: string[] = [];
  /** Numbers of processes + 1 by Context.process, and those that have one in this run. An array without holes: each step looks here. */
  #numbers = new Int32Array(FIRST_TASK + 64);
  readonly #numbered: number[] = [];
  /** Clocks of earlier runs. */
  readonly #spare: Clock[] = [];
  /** By CPU: what was done with interrupts off, the interrupts it had with their depths, the task that ran last. */
  #sections: (Clock | undefined)[] = [];
  #interrupts: { readonly process: number; readonly depth: number }[][] = [];
  #lastTask: number[] = [];
  // By word: what this run has noted is there only where #run says so, so a run need not begin with clearing.
  #run = 0;
  readonly #noted: Int32Array;
  readonly #writeEpoch: Int32Array;
  readonly #writeStep: Int32Array;
  readonly #readEpoch: Int32Array;
  readonly #readStep: Int32Array;
  readonly #reads = new Map<number, Reads>();
  readonly #releasedIn: Int32Array;
  readonly #released: (Clock | undefined)[];

  /** Watches the memory that is bound. */
  constructor() {
    const words = memory.words.length;
    this.#noted = new Int32Array(words);
    this.#writeEpoch = new Int32Array(words);
    this.#writeStep = new Int32Array(words);
    this.#readEpoch = new Int32Array(words);
    this.#readStep = new Int32Array(words);
    this.#releasedIn = new Int32Array(words);
    this.#released = new Array(words);
  }

  begin(): void {
    this.#run++;
    this.#process = NOBODY;
    this.#step = 0;
    this.#muted = 0;
    this.#found = null;
    for (const clock of this.#clocks) this.#spare.push(clock);
    this.#clocks.length = 0;
    this.#names = [];
    for (const process of this.#numbered) this.#numbers[process] = 0;
    this.#numbered.length = 0;
    this.#sections = [];
    this.#interrupts = [];
    this.#lastTask = [];
    this.#reads.clear();
  }

  asideBegins(): void {
    this.#muted++;
  }

  asideEnds(): void {
    this.#muted--;
  }

  /** What the last run's finding wants to know, if it was a race: where the first access happened. */
  firstAccess(): WantedAccess | null {
    return this.#found;
  }

  #numberOf(context: Context): number {
    const known = this.#numbers[context.process];
    return known !== undefined && known > 0 ? known - 1 : this.#numberNew(context);
  }

  #numberNew(context: Context): number {
    const { process } = context;
    const number = this.#clocks.length;
    if (process >= this.#numbers.length) {
      const longer = new Int32Array(2 * process);
      longer.set(this.#numbers);
      this.#numbers = longer;
    }
    this.#numbers[process] = number + 1;
    this.#numbered.push(process);
    this.#names.push(contextName(context));
    const clock = this.#spare.pop() ?? [];
    for (let i = 0; i < clock.length; i++) clock[i] = 0;
    while (clock.length <= number) clock.push(0);
    clock[number] = 1;
    this.#clocks.push(clock);
    return number;
  }

  spawned(context: Context, parent: Context | null): void {
    const own = this.#clocks[this.#numberOf(context)] as Clock;
    if (parent !== null) {
      const from = this.#numberOf(parent);
      join(own, this.#clocks[from] as Clock);
      this.#tick(from);
    } else
      for (let number = 0; number < this.#clocks.length; number++) {
        join(own, this.#clocks[number] as Clock);
        this.#tick(number);
      }
  }

  #tick(process: number): void {
    const clock = this.#clocks[process] as Clock;
    clock[process] = (clock[process] as number) + 1;
  }

  moving(context: Context): void {
    this.#step++;
    this.#process = this.#numberOf(context);
    const own = this.#clocks[this.#process] as Clock;
    this.#own = own;
    const { cpu } = context;
    if (context.task !== null) {
      const last = this.#lastTask[cpu];
      if (last !== this.#process) {
        if (last !== undefined) {
          join(own, this.#clocks[last] as Clock);
          this.#tick(last);
        }
        this.#lastTask[cpu] = this.#process;
      }
    }
    this.#order(context, own);
  }

  #order(context: Context, own: Clock): void {
    const { cell, cpu } = context;
    switch (cell.kind) {
      case OP_START:
        if (context.task === null) this.#enters(context, own);
        return;
      case OP_LOAD:
      case OP_LOAD_THEN:
      case OP_NEXT_ALARM:
        this.#acquire(cell.word, own);
        return;
      case OP_STORE:
        this.#release(cell.word, own);
        return;
      case OP_TAKE:
      case OP_TAKE_SHARED:
      case OP_WAIT_FOR:
        this.#acquire(cell.word, own);
        return;
      case OP_GIVE:
      case OP_GIVE_SHARED:
        this.#release(cell.word, own);
        return;
      case OP_RMW:
      case OP_CMPXCHG:
      case OP_TRY_ADD:
      case OP_ADD_THEN:
        this.#acquire(cell.word, own);
        this.#release(cell.word, own);
        return;
      case OP_SCHEDULE:
        this.#acquire(cell.stateWord, own);
        this.#acquire(cell.signalWord, own);
        return;
      case OP_IRQ_OFF:
        this.#afterInterrupts(context, own);
        return;
      case OP_IRQ_ON: {
        if (cell.value === 0) return;
        this.#sections[cpu] ??= [];
        join(this.#sections[cpu] as Clock, own);
        this.#tick(this.#process);
        return;
      }
    }
  }

  /** The handler comes after who raised the line, after sections with interrupts off, and after handlers before it. */
  #enters(context: Context, own: Clock): void {
    const { cpu, cell } = context;
    this.#acquire(cell.word, own);
    const section = this.#sections[cpu];
    if (section !== undefined) join(own, section);
    this.#afterInterrupts(context, own);
    const known = this.#interrupts[cpu] ?? [];
    this.#interrupts[cpu] = known;
    if (!known.some(({ process }) => process === this.#process))
      known.push({ process: this.#process, depth: context.depth });
  }

  /** Interrupts of the CPU come one after the other, but one runs on top of those that are less deep. */
  #afterInterrupts(context: Context, own: Clock): void {
    const known = this.#interrupts[context.cpu];
    if (known === undefined) return;
    for (const { process, depth } of known) {
      if (process === this.#process || (context.task === null && depth < context.depth)) continue;
      join(own, this.#clocks[process] as Clock);
      this.#tick(process);
    }
  }

  #acquire(word: number, own: Clock): void {
    if (this.#releasedIn[word] === this.#run) join(own, this.#released[word] as Clock);
  }

  #release(word: number, own: Clock): void {
    if (this.#releasedIn[word] !== this.#run) {
      this.#releasedIn[word] = this.#run;
      const clock = this.#released[word];
      if (clock === undefined) this.#released[word] = own.slice();
      else copy(clock, own);
    } else join(this.#released[word] as Clock, own);
    this.#tick(this.#process);
  }

  chose(kind: ChoiceKind, _value: number, word: number): void {
    if (kind === CHOICE_COMPLETION && word !== 0) this.#acquire(word, this.#own);
  }

  /** The step is over: what happens until the next one is the machine's own. */
  rested(): void {
    this.#process = NOBODY;
  }

  /** The next object in this place has nothing to do with the last one. */
  freed(slot: number): void {
    this.#noted.fill(0, slot, slot + slotWordsAt(slot));
  }

  read(word: number): void {
    if (this.#process === NOBODY || this.#muted > 0) return;
    if (this.wanted !== null) this.#note(word, false);
    if (this.#noted[word] !== this.#run) this.#forget(word);
    const write = this.#writeEpoch[word] as number;
    if (write !== 0 && !this.#happened(write)) this.#race(word, write, this.#writeStep[word] as number, true, false);
    const last = this.#readEpoch[word] as number;
    if (last !== 0 && !this.#happened(last)) this.#keepRead(word, last);
    this.#readEpoch[word] = this.#epoch();
    this.#readStep[word] = this.#step;
  }

  write(word: number): void {
    if (this.#process === NOBODY || this.#muted > 0) return;
    if (this.wanted !== null) this.#note(word, true);
    if (this.#noted[word] !== this.#run) this.#forget(word);
    const write = this.#writeEpoch[word] as number;
    if (write !== 0 && !this.#happened(write)) this.#race(word, write, this.#writeStep[word] as number, true, true);
    const read = this.#readEpoch[word] as number;
    if (read !== 0) {
      if (!this.#happened(read)) this.#race(word, read, this.#readStep[word] as number, false, true);
      if (this.#reads.size > 0) this.#checkReads(word);
      this.#readEpoch[word] = 0;
    }
    this.#writeEpoch[word] = this.#epoch();
    this.#writeStep[word] = this.#step;
  }

  #forget(word: number): void {
    this.#noted[word] = this.#run;
    this.#writeEpoch[word] = 0;
    this.#readEpoch[word] = 0;
    this.#reads.delete(word);
  }

  #epoch(): number {
    return (this.#process << COUNT_BITS) | (this.#own[this.#process] as number);
  }

  /** Whether an access comes before what runs now. */
  #happened(epoch: number): boolean {
    const known = this.#own[epoch >>> COUNT_BITS];
    return known !== undefined && known >= (epoch & COUNT_MASK);
  }

  /** The last read and the one that comes now are not ordered: a write must come after both. */
  #keepRead(word: number, epoch: number): void {
    let reads = this.#reads.get(word);
    if (reads === undefined) {
      reads = { epochs: [], steps: [] };
      this.#reads.set(word, reads);
    }
    // One of each process is enough: its last one.
    const process = epoch >>> COUNT_BITS;
    let place = reads.epochs.findIndex((other) => other >>> COUNT_BITS === process);
    if (place < 0) place = reads.epochs.length;
    reads.epochs[place] = epoch;
    reads.steps[place] = this.#readStep[word] as number;
  }

  #checkReads(word: number): void {
    const reads = this.#reads.get(word);
    if (reads === undefined) return;
    reads.epochs.forEach((epoch, place) => {
      if (!this.#happened(epoch)) this.#race(word, epoch, reads.steps[place] as number, false, true);
    });
    this.#reads.delete(word);
  }

  #note(word: number, writes: boolean): void {
    const wanted = this.wanted as WantedAccess;
    if (wanted.word === word && wanted.step === this.#step && wanted.writes === writes) wanted.place = callerOf();
  }

  #race(word: number, epoch: number, step: number, firstWrites: boolean, writes: boolean): void {
    const first = this.#names[epoch >>> COUNT_BITS] as string;
    const second = this.#names[this.#process] as string;
    const where = this.wanted === null ? '' : ` in ${this.wanted.place}`;
    this.#found = { word, step, writes: firstWrites, place: 'unknown place' };
    report(
      'race',
      '',
      `race on ${wordName(word)}: ${first} ${firstWrites ? 'writes' : 'reads'} it${where}, ` +
        `${second} ${writes ? 'writes' : 'reads'} it in ${callerOf()}, and nothing orders the two`,
    );
  }
}

/** Words of the slot at an address. */
function slotWordsAt(slot: number): number {
  for (const { firstSlot, slotWords, slots } of memory.plan?.slabs.values() ?? [])
    if (slot >= firstSlot && slot < firstSlot + slots * slotWords) return slotWords;
  return 0;
}
