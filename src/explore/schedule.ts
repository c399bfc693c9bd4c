/**
 * A schedule: what a run chose, as few numbers as possible, and what it must meet on its way.
 *
 *   v1.<name>.<base64url>[~<base64url> …]
 *
 * Only what departs from a default policy (recorder.ts) is written down. A deviation is anchored at whoever would have moved by
 * default and how many steps that one had made, so it keeps its meaning when others are left out and after most changes of
 * the source. The bytes, all numbers but the checks as LEB128:
 *
 *   flags                      1 ticket locks, 2 CPUs follow, 4 budget follows, 8 the race detector is off,
 *                              16 the lock validator is off
 *   [CPUs] [budget]            budget: signals + 10 · wakeups + 100 · allocations + 1000 · (9 − interrupts) + 10000 · (9 − timers)
 *   steps
 *   check, 4 bytes             of all steps: who made them, kind of operation, name of the word
 *   kind, a byte               number of the finding's kind, from 1; 0: the run is clean
 *   [invariant, a byte]        `I8` is 8, none 0, any other 255
 *   checks, a bit each         of the first `stride`, 2 · `stride`, … steps
 *   deviations                 how many, then: who, steps since its last anchor, who moves instead
 *   answers                    up to the end: who asks, steps since its last answer, value · 2 (+ 1 and which one, if not
 *                              the first of the step)
 *
 * After each `~` come the deviations and answers of an earlier run, in the same form: what it has taught the lock validator is part
 * of the finding.
 */
import { FINDING_KINDS, type FindingKind } from '../machine/finding.ts';
import type { Budget } from '../machine/machine.ts';
import { BUDGET_KINDS, type BudgetKind, NO_BUDGET } from './choices.ts';

/** Who would have moved by default, after so many steps of its own, and who moves instead (ids of task-ids.ts). */
export interface Deviation {
  readonly task: number;
  readonly count: number;
  readonly to: number;
}

/** A data choice that is not answered with 0: the `nth` of that step, from 0. */
export interface Answer {
  readonly task: number;
  readonly count: number;
  readonly nth: number;
  readonly value: number;
  /** It says what may happen in the run, and nothing that does. A schedule does not tell it from others. */
  readonly limits?: true;
}

export interface Choices {
  readonly deviations: readonly Deviation[];
  readonly answers: readonly Answer[];
}

/** What a run ends with. */
export interface Ending {
  readonly kind: FindingKind;
  /** `I8`, '' for none, `I?` for one that a schedule cannot name. */
  readonly invariant: string;
}

/** What a run must meet. */
export interface Expected {
  readonly steps: number;
  /** Of all steps. */
  readonly check: number;
  /** One bit after each `strideOf(steps)` steps. */
  readonly checks: readonly number[];
  /** Null for a clean run. */
  readonly ends: Ending | null;
}

export interface Schedule extends Choices, Expected {
  readonly lock: 'tas' | 'ticket';
  /** Null: as many as the scenario has, or the default of a round. */
  readonly cpus: number | null;
  readonly budget: Budget;
  readonly races: boolean;
  readonly lockdep: boolean;
  /** Runs that come before this one. */
  readonly earlier: readonly Choices[];
}

const VERSION = 'v1';
const TICKET = 1;
const CPUS = 2;
const BUDGET = 4;
const NO_RACES = 8;
const NO_LOCKDEP = 16;

/** A string that is no schedule. */
export class BadSchedule extends Error {}

/** A schedule has to stay short: this many bits of its letters say how the run goes. */
export const CHECKS_MAX = 128;

/** Steps between two checks. */
export function strideOf(steps: number): number {
  let stride = 1;
  while (steps / stride >= CHECKS_MAX + 1) stride *= 2;
  return stride;
}

/** 16 bits of a text. */
export function hash16(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 16)) & 0xffff;
}

const UNNAMED = 255;

function invariantNumber(invariant: string): number {
  const number = Number(/^I(\d+)$/.exec(invariant)?.[1] ?? UNNAMED);
  return invariant === '' ? 0 : Math.min(number, UNNAMED);
}

/** What of a finding a schedule can name. */
export function endingOf({ kind, invariant }: Ending): Ending {
  return { kind, invariant: invariantNumber(invariant) === UNNAMED ? 'I?' : invariant };
}

function writeEnding(out: Writer, ends: Ending | null): void {
  out.fixed(ends === null ? 0 : 1 + FINDING_KINDS.indexOf(ends.kind), 1);
  if (ends !== null) out.fixed(invariantNumber(ends.invariant), 1);
}

function readEnding(from: Reader): Ending | null {
  const number = from.byte();
  if (number === 0) return null;
  const kind = FINDING_KINDS[number - 1];
  if (kind === undefined) throw new BadSchedule('it ends with a kind of finding that this program does not know');
  const invariant = from.byte();
  return { kind, invariant: invariant === 0 ? '' : invariant === UNNAMED ? 'I?' : `I${invariant}` };
}

class Writer {
  readonly bytes: number[] = [];

  number(value: number): void {
    let left = value;
    for (; left >= 128; left = Math.floor(left / 128)) this.bytes.push((left % 128) | 128);
    this.bytes.push(left);
  }

  fixed(value: number, size: number): void {
    for (let i = 0; i < size; i++) this.bytes.push((value >>> (8 * i)) & 255);
  }

  bits(bits: readonly number[]): void {
    for (let first = 0; first < bits.length; first += 8)
      this.bytes.push(bits.slice(first, first + 8).reduce((byte, bit, i) => byte | (bit << i), 0));
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  #next = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#next >= this.#bytes.length;
  }

  byte(): number {
    const byte = this.#bytes[this.#next++];
    if (byte === undefined) throw new BadSchedule('it ends too early');
    return byte;
  }

  number(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      if (!Number.isSafeInteger(value)) throw new BadSchedule('a number in it is too large');
      if (byte < 128) return value;
    }
  }

  fixed(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.byte() << (8 * i);
    return size === 4 ? value >>> 0 : value;
  }

  bits(count: number): number[] {
    const bits: number[] = [];
    while (bits.length < count) {
      const byte = this.byte();
      for (let i = 0; i < 8 && bits.length < count; i++) bits.push((byte >> i) & 1);
    }
    return bits;
  }
}

/** Counts from the last anchor of the same task. */
class Steps {
  readonly #last = new Map<number, number>();

  since(task: number, count: number): number {
    const before = this.#last.get(task) ?? 0;
    this.#last.set(task, count);
    return count - before;
  }

  after(task: number, steps: number): number {
    const count = (this.#last.get(task) ?? 0) + steps;
    this.#last.set(task, count);
    return count;
  }
}

const fromUsual = (kind: BudgetKind, count: number): number => Math.abs(NO_BUDGET[kind] - count);

/** A digit for each kind: how far it is from what is usual. */
const budgetNumber = (budget: Budget): number =>
  BUDGET_KINDS.reduce((sum, kind, i) => sum + 10 ** i * fromUsual(kind, budget[kind]), 0);

function budgetOf(number: number): Budget {
  const budget: Record<BudgetKind, number> = { ...NO_BUDGET };
  for (const [i, kind] of BUDGET_KINDS.entries()) budget[kind] = fromUsual(kind, Math.floor(number / 10 ** i) % 10);
  return budget;
}

function writeChoices(out: Writer, { deviations, answers }: Choices): void {
  out.number(deviations.length);
  const anchors = new Steps();
  for (const { task, count, to } of deviations) {
    out.number(task);
    out.number(anchors.since(task, count));
    out.number(to);
  }
  const asked = new Steps();
  for (const { task, count, nth, value } of answers) {
    out.number(task);
    out.number(asked.since(task, count));
    out.number(2 * value + (nth > 0 ? 1 : 0));
    if (nth > 0) out.number(nth);
  }
}

/** `name` says which program it is; it must not be empty. */
export function scheduleText(name: string, schedule: Schedule): string {
  const { lock, cpus, races, lockdep, steps } = schedule;
  const budget = budgetNumber(schedule.budget);
  const out = new Writer();
  out.number(
    (lock === 'ticket' ? TICKET : 0) |
      (cpus === null ? 0 : CPUS) |
      (budget === 0 ? 0 : BUDGET) |
      (races ? 0 : NO_RACES) |
      (lockdep ? 0 : NO_LOCKDEP),
  );
  if (cpus !== null) out.number(cpus);
  if (budget !== 0) out.number(budget);
  out.number(steps);
  out.fixed(schedule.check, 4);
  writeEnding(out, schedule.ends);
  out.bits(schedule.checks);
  writeChoices(out, schedule);
  const earlier = schedule.earlier.map((choices) => {
    const own = new Writer();
    writeChoices(own, choices);
    return own;
  });
  return `${VERSION}.${name}.${[out, ...earlier].map(({ bytes }) => Buffer.from(bytes).toString('base64url')).join('~')}`;
}

function readDeviations(from: Reader): Deviation[] {
  const anchors = new Steps();
  return Array.from({ length: countOf(from) }, () => {
    const task = from.number();
    const count = anchors.after(task, from.number());
    return { task, count, to: from.number() };
  });
}

function countOf(from: Reader): number {
  const count = from.number();
  if (count > 1_000_000) throw new BadSchedule('a number in it is too large');
  return count;
}

function readAnswers(from: Reader): Answer[] {
  const asked = new Steps();
  const answers: Answer[] = [];
  while (!from.atEnd) {
    const task = from.number();
    const count = asked.after(task, from.number());
    const coded = from.number();
    if (coded < 2) throw new BadSchedule('it has an answer that is the usual one');
    answers.push({ task, count, nth: coded % 2 === 1 ? from.number() : 0, value: Math.floor(coded / 2) });
  }
  return answers;
}

/** The program's name and its schedule. Throws BadSchedule for anything that scheduleText does not give. */
export function parseSchedule(text: string): { readonly name: string; readonly schedule: Schedule } {
  const match = /^(v\d+)\.(.+)\.([A-Za-z0-9_-]+(?:~[A-Za-z0-9_-]+)*)$/.exec(text.trim());
  if (match === null) throw new BadSchedule(`it does not look like ${VERSION}.NAME.LETTERS`);
  const [, version, name, letters] = match as unknown as [string, string, string, string];
  if (version !== VERSION) throw new BadSchedule(`its version is ${version}; this program knows ${VERSION}`);
  const [from, ...earlier] = letters.split('~').map((part) => new Reader(Buffer.from(part, 'base64url'))) as [
    Reader,
    ...Reader[],
  ];
  const flags = from.number();
  if (flags > 31) throw new BadSchedule('it was made by a newer program');
  const cpus = (flags & CPUS) === 0 ? null : from.number();
  const budget = budgetOf((flags & BUDGET) === 0 ? 0 : from.number());
  const steps = from.number();
  const check = from.fixed(4);
  const ends = readEnding(from);
  const checks = from.bits(Math.floor(steps / strideOf(steps)));
  const deviations = readDeviations(from);
  const schedule: Schedule = {
    lock: (flags & TICKET) === 0 ? 'tas' : 'ticket',
    cpus,
    budget,
    races: (flags & NO_RACES) === 0,
    lockdep: (flags & NO_LOCKDEP) === 0,
    earlier: earlier.map((each) => ({ deviations: readDeviations(each), answers: readAnswers(each) })),
    steps,
    check,
    ends,
    checks,
    deviations,
    answers: readAnswers(from),
  };
  // More letters would say the same: a text that was pasted in part or twice must not pass.
  if (scheduleText(name, schedule) !== text.trim()) throw new BadSchedule('there is more in it than a schedule has');
  return { name, schedule };
}
