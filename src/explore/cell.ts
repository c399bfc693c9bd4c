/**
 * The pending operation of one task or interrupt on the model machine.
 *
 * A primitive fills the cell of the running context and returns it; the first `next` announces the operation, the second,
 * when the scheduler resumes the context, runs it. One cell serves a context for its whole life, since a context has one
 * pending operation at a time.
 */
import { EV_IRQS_ON, EV_LOCK_ACQUIRED, EV_LOCK_RELEASE, emit, listening } from '../machine/events.ts';
import { report } from '../machine/finding.ts';
import {
  OP_ADD_THEN,
  OP_CMPXCHG,
  OP_GIVE,
  OP_GIVE_SHARED,
  OP_IRQ_OFF,
  OP_IRQ_ON,
  OP_LOAD,
  OP_LOAD_THEN,
  OP_NEXT_ALARM,
  OP_RELAX,
  OP_RMW,
  OP_SCHEDULE,
  OP_START,
  OP_STORE,
  OP_TAKE,
  OP_TAKE_SHARED,
  OP_TRY_ADD,
  OP_WAIT_FOR,
  type Op,
  open,
  RMW_ADD,
  RMW_AND,
  RMW_EXCHANGE,
} from '../machine/kernel.ts';
import type { SlowPath } from '../machine/operations.ts';
import { memory, POISON } from '../shared/memory.ts';
import { cpuBase } from '../shared/per-cpu.ts';
import { CPU_IRQS_OFF } from '../shared/per-cpu-layout.ts';
import { wordName } from '../shared/struct-registry.ts';
import { TASK_INTERRUPTIBLE, TASK_RUNNING } from '../shared/task.ts';

const ANNOUNCED: IteratorYieldResult<Op> = { done: false, value: 0 };

/** What a fused operation does after its first part. */
const THEN_NOTHING = 0;
const THEN_TAKE = 1;
const THEN_IRQ_ON = 2;

/** What an operation leaves to the execution. */
export interface Chooser {
  anyArmed(): boolean;
  /** Marks one armed alarm as going off and gives its address. */
  goOff(): number;
  /** A sleeper goes on that nobody has woken: a signal has come, or nothing has. */
  wakeEarly(cell: Cell): void;
}

export class Cell {
  kind = OP_START;
  word = 0;
  value = 0;
  other = 0;
  site = 0;
  sequel = THEN_NOTHING;
  /** Of an add-then: the bits of the sum that are compared with `other`. */
  mask = 0;
  announced = false;
  /** Words of the task's state and of its pending signal, for schedule. */
  stateWord = 0;
  signalWord = 0;
  /** Signals come to this task only if it is an actor. */
  killable = false;
  chooser: Chooser | null = null;
  readonly result: IteratorReturnResult<unknown> = { done: true, value: 0 };

  [Symbol.iterator](): this {
    return this;
  }

  /** Fills the cell. */
  set(kind: number, word: number, value: number, other: number, site: number, sequel = THEN_NOTHING): this {
    this.kind = kind;
    this.word = word;
    this.value = value;
    this.other = other;
    this.site = site;
    this.sequel = sequel;
    return this;
  }

  /** Fills the cell with an add-then. */
  setAddThen(word: number, delta: number, mask: number, expected: number, site: number): this {
    this.mask = mask;
    return this.set(OP_ADD_THEN, word, delta, expected, site);
  }

  next(): IteratorResult<Op, unknown> {
    if (!this.announced) {
      this.announced = true;
      return ANNOUNCED;
    }
    this.result.value = this.#perform();
    if (this.sequel !== THEN_NOTHING && this.#goOn()) return ANNOUNCED;
    this.announced = false;
    return this.result;
  }

  /** The second part of a fused operation is announced in its turn. */
  #goOn(): boolean {
    const sequel = this.sequel;
    this.sequel = THEN_NOTHING;
    if (sequel === THEN_TAKE) {
      this.kind = OP_TAKE;
      // The value of the whole is the interrupt state that the first part gave.
      this.other = this.result.value as number;
    } else {
      this.kind = OP_IRQ_ON;
      this.value = this.other;
    }
    return true;
  }

  /** Whether the operation can run now. */
  enabled(): boolean {
    const w = memory.words;
    switch (this.kind) {
      case OP_TAKE: {
        const state = w[this.word];
        return state === 0 || state === POISON;
      }
      case OP_TAKE_SHARED:
        return (w[this.word] as number) >= 0;
      case OP_WAIT_FOR: {
        const state = w[this.word];
        return state === this.value || state === POISON;
      }
      case OP_SCHEDULE: {
        const state = w[this.stateWord];
        return state === TASK_RUNNING || (state === TASK_INTERRUPTIBLE && w[this.signalWord] !== 0);
      }
      case OP_NEXT_ALARM:
        return w[this.word] !== this.value || (this.chooser as Chooser).anyArmed();
      default:
        return true;
    }
  }

  /** An add-then of 1 or −1 whose slow path is for a word that was 0: the get or the drop of a reference. */
  get countsReferences(): boolean {
    const { kind, value, mask, other } = this;
    return kind === OP_ADD_THEN && mask === -1 && other === value && (value === 1 || value === -1);
  }

  /** A read-modify-write; gives the old value. */
  #change(): number {
    const w = memory.words;
    const old = this.#checked(w[this.word] as number);
    if (this.other === RMW_ADD) w[this.word] = old + this.value;
    else if (this.other === RMW_AND) w[this.word] = old & this.value;
    else if (this.other === RMW_EXCHANGE) w[this.word] = this.value;
    else w[this.word] = old | this.value;
    return old;
  }

  /** Runs the operation; gives its value. */
  #perform(): number {
    const w = memory.words;
    const word = this.word;
    switch (this.kind) {
      case OP_LOAD:
      case OP_LOAD_THEN:
        return this.#checked(w[word] as number);
      case OP_STORE:
        this.#checked(w[word] as number);
        w[word] = this.value;
        return 0;
      case OP_RMW:
        return this.#change();
      case OP_CMPXCHG: {
        const old = this.#checked(w[word] as number);
        if (old === this.value) w[word] = this.other;
        return old;
      }
      case OP_TRY_ADD: {
        const old = this.#checked(w[word] as number);
        if ((old & this.value) !== 0) return 1;
        w[word] = old + this.other;
        if (listening !== 0) emit(EV_LOCK_ACQUIRED, word, 0, this.site);
        return 0;
      }
      case OP_ADD_THEN: {
        const sum = (this.#checked(w[word] as number) + this.value) | 0;
        w[word] = sum;
        return sum;
      }
      default:
        return this.#performOther();
    }
  }

  /** Locks, interrupts, sleeping: what changes who can move. */
  #performOther(): number {
    const w = memory.words;
    const word = this.word;
    switch (this.kind) {
      case OP_TAKE:
        this.#checked(w[word] as number);
        w[word] = this.value;
        if (listening !== 0) emit(EV_LOCK_ACQUIRED, word, 1, this.site);
        return this.other;
      case OP_TAKE_SHARED:
        w[word] = this.#checked(w[word] as number) + 1;
        if (listening !== 0) emit(EV_LOCK_ACQUIRED, word, 0, this.site);
        return 0;
      case OP_GIVE:
        if (listening !== 0) emit(EV_LOCK_RELEASE, word, 1, this.site);
        w[word] = this.value;
        return 0;
      case OP_GIVE_SHARED:
        if (listening !== 0) emit(EV_LOCK_RELEASE, word, 0, this.site);
        w[word] = this.#checked(w[word] as number) - 1;
        return 0;
      case OP_IRQ_OFF: {
        const on = w[cpuBase + CPU_IRQS_OFF] === 0 ? 1 : 0;
        w[cpuBase + CPU_IRQS_OFF] = 1;
        return on;
      }
      case OP_IRQ_ON:
        if (listening !== 0 && this.value !== 0) emit(EV_IRQS_ON, 0, 0, this.site);
        w[cpuBase + CPU_IRQS_OFF] = this.value === 0 ? 1 : 0;
        return 0;
      case OP_SCHEDULE:
        if (!this.enabled()) (this.chooser as Chooser).wakeEarly(this);
        w[this.stateWord] = TASK_RUNNING;
        return 0;
      case OP_NEXT_ALARM:
        return w[word] !== this.value ? 0 : (this.chooser as Chooser).goOff();
      case OP_WAIT_FOR:
        this.#checked(w[word] as number);
        if (listening !== 0) emit(EV_LOCK_ACQUIRED, word, 1, this.site);
        return 0;
      case OP_RELAX:
        return 0;
      default:
        throw new Error(`the model machine has no operation ${this.kind}`);
    }
  }

  #checked(value: number): number {
    if (value === POISON)
      report('use-after-free', 'I14', `${wordName(this.word)} is used after its object was freed`, this.site);
    return value;
  }
}

/** An operation that may go on with a slow path, depending on its result. */
export class FastOrSlow<O> {
  readonly #cell: Cell;
  readonly #isSlow: (result: number) => boolean;
  readonly #fast: ((object: O) => void) | null;
  readonly #slow: SlowPath<O, void>;
  readonly #object: O;
  readonly #site: number;
  #sub: Iterator<Op, void, unknown> | null = null;

  constructor(
    cell: Cell,
    isSlow: (result: number) => boolean,
    fast: ((object: O) => void) | null,
    slow: SlowPath<O, void>,
    object: O,
  ) {
    this.#cell = cell;
    this.#isSlow = isSlow;
    this.#fast = fast;
    this.#slow = slow;
    this.#object = object;
    this.#site = cell.site;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<Op, unknown> {
    if (this.#sub !== null) return this.#sub.next();
    const step = this.#cell.next();
    if (step.done !== true) return step;
    if (!this.#isSlow(step.value as number)) {
      if (this.#fast !== null) this.#fast(this.#object);
      return step;
    }
    this.#sub = open(this.#slow(this.#object, this.#site));
    return this.#sub.next();
  }
}

export { THEN_IRQ_ON, THEN_TAKE };
