/**
 * Makes a run with a finding as plain as possible: fewest switches, then fewest deviations and answers, then fewest steps, then the
 * first in order.
 *
 * Passes, again and again until none helps or time is over; the best so far is always kept:
 *   leave out    parts of the list of deviations and answers, large ones first (Zeller's ddmin); anchors keep the rest in place
 *   chance       random runs with fewer switches than the best, from none upwards
 *   pairs        two entries at once: a switch and the one back
 *   pull         each deviation to the first step of its task where it does the same; each answer to the lowest number
 *
 * What a schedule asks for and what the run did can differ when something does not fit, so each success is taken as the run
 * that was recorded. Only the same finding counts as one: same kind, same invariant, same locks.
 */
import type { FindingReport } from '../machine/machine.ts';
import { deriveSeed, Random } from '../shared/random.ts';
import { FewSwitches, FollowSchedule, UpTo } from './deciders.ts';
import { CYCLE } from './places.ts';
import type { RecordedRun, RunRecorder } from './recorded-run.ts';
import type { Decider } from './recorder.ts';
import type { Answer, Choices, Deviation } from './schedule.ts';

/** Kinds of finding that are about locks: who waits for what is part of which finding it is. */
const ABOUT_LOCKS = ['deadlock', 'self-deadlock', 'lost-wakeup', 'lock-order', 'irq-unsafe', 'sleep-in-atomic', 'hang'];

/** `deadlock I48 &md->io_lock &md->suspend_lock`: two findings with the same one are the same. */
export function identityOf({ kind, invariant, message, places }: FindingReport): string {
  // Locks and words by name, as messages write them; what is waited for is known from places.
  const named = message.match(/&[\w>.-]+/g) ?? [];
  // Those outside a cycle have no part in it.
  const waited = message.startsWith(CYCLE)
    ? [...message.matchAll(/ waits for (.+?) at /g)].map((match) => match[1] as string)
    : ABOUT_LOCKS.includes(kind)
      ? places.map(({ waitsFor }) => waitsFor)
      : [];
  const locks = [...new Set([...named, ...waited])].filter((name) => name !== '').sort();
  return [kind, invariant, ...locks].join(' ');
}

/** Parts of the time: leaving out before there is chance gets the first, and random runs what is left of the second. */
const FIRST_SHARE = 0.3;
const CHANCE_SHARE = 0.65;
/** Random runs for each number of switches: so many at a time, so that each number has its turn before time is over. */
const CHANCES = 3000;
const CHANCES_AT_A_TIME = 200;
/** Most bugs need no more; with many switches to begin with, the low numbers would else hardly have a turn. */
const CHANCE_SWITCHES_MAX = 6;
/**
 * A run may be so many times longer than the best, and so many steps. One that keeps polling since a switch was left out would else
 * go on up to the step limit, and take the time of a hundred others.
 */
const LONGER = 2;
const LONGER_STEPS = 1000;
/** Up to so many entries all pairs are tried. */
const PAIRS_MAX = 24;

type Entry = { readonly deviation: Deviation } | { readonly answer: Answer };

const entriesOf = ({ deviations, answers }: Choices): Entry[] => [
  ...deviations.map((deviation) => ({ deviation })),
  ...answers.map((answer) => ({ answer })),
];

const choicesFrom = (entries: readonly Entry[]): Choices => ({
  deviations: entries.flatMap((entry) => ('deviation' in entry ? [entry.deviation] : [])),
  answers: entries.flatMap((entry) => ('answer' in entry ? [entry.answer] : [])),
});

/** What is compared, in this order. */
function costOf(run: RecordedRun): number[] {
  return [
    run.switches,
    run.deviations.length + run.answers.length,
    run.steps,
    ...run.deviations.flatMap(({ task, count, to }) => [task, count, to]),
    ...run.answers.flatMap(({ task, count, nth, value }) => [task, count, nth, value]),
  ];
}

function isPlainer(a: RecordedRun, b: RecordedRun): boolean {
  const left = costOf(a);
  const right = costOf(b);
  for (let i = 0; i < left.length && i < right.length; i++)
    if (left[i] !== right[i]) return (left[i] as number) < (right[i] as number);
  return left.length < right.length;
}

/** Gives control back after each run: the caller may stop at any time. */
type Steps<T> = Generator<void, T, void>;

export class Shrinker {
  best: RecordedRun;
  readonly identity: string;
  readonly #recorder: RunRecorder;
  readonly #seed: number;

  /** `first` must have a finding. */
  constructor(recorder: RunRecorder, first: RecordedRun, seed: number) {
    if (first.found === null) throw new Error('there is no finding to shrink');
    this.#recorder = recorder;
    this.best = first;
    this.identity = identityOf(first.found);
    this.#seed = seed;
  }

  /** All passes. `isOver`: whether this share of the time is over. */
  *shrink(isOver: (share: number) => boolean): Steps<void> {
    for (const _ of this.#settle()) {
      yield;
      if (isOver(FIRST_SHARE)) break;
    }
    const stops = (): boolean => isOver(CHANCE_SHARE);
    for (let made = 0; made < CHANCES && !stops(); made += CHANCES_AT_A_TIME)
      for (let switches = 0; switches < Math.min(this.best.switches, CHANCE_SWITCHES_MAX) && !stops(); switches++)
        yield* this.#chance(switches, made, stops);
    yield* this.#settle();
  }

  *#settle(): Steps<void> {
    for (let before = this.best; ; before = this.best) {
      yield* this.#leaveOut();
      yield* this.#pairs();
      yield* this.#pull();
      if (this.best === before) return;
    }
  }

  /** Makes a run; keeps it if it has the same finding and is plainer. */
  *#try(decider: Decider): Steps<boolean> {
    const run = this.#recorder.run(new UpTo(decider, LONGER * this.best.steps + LONGER_STEPS));
    yield;
    if (run.found === null || run.gaveUp || identityOf(run.found) !== this.identity || !isPlainer(run, this.best))
      return false;
    this.best = run;
    return true;
  }

  *#tryEntries(entries: readonly Entry[]): Steps<boolean> {
    return yield* this.#try(new FollowSchedule(choicesFrom(entries)));
  }

  *#leaveOut(): Steps<void> {
    let size = Math.max(1, entriesOf(this.best).length);
    while (size >= 1) {
      let from = 0;
      let helped = false;
      for (let entries = entriesOf(this.best); from < entries.length; entries = entriesOf(this.best)) {
        const less = [...entries.slice(0, from), ...entries.slice(from + size)];
        if (yield* this.#tryEntries(less)) helped = true;
        else from += size;
      }
      if (size === 1 && !helped) return;
      size = Math.max(1, Math.floor(size / 2));
    }
  }

  *#pairs(): Steps<void> {
    for (let i = 0; i < entriesOf(this.best).length; i++)
      for (let j = i + 1; j < entriesOf(this.best).length; j++) {
        const entries = entriesOf(this.best);
        if (entries.length > PAIRS_MAX) return;
        yield* this.#tryEntries(entries.filter((_, index) => index !== i && index !== j));
      }
  }

  /** `made`: how many of these there have been already. */
  *#chance(switches: number, made: number, stops: () => boolean): Steps<void> {
    const random = new Random(deriveSeed(this.#seed, switches * CHANCES + made));
    for (let run = 0; run < CHANCES_AT_A_TIME && this.best.switches > switches && !stops(); run++)
      yield* this.#try(new FewSwitches(random, switches, this.best.steps));
  }

  *#pull(): Steps<void> {
    for (let i = 0; i < this.best.deviations.length; i++) {
      const { task } = this.best.deviations[i] as Deviation;
      for (let count = 0; count < (this.best.deviations[i]?.count ?? 0); count++) {
        const deviations = this.best.deviations.map((each, index) => (index === i ? { ...each, task, count } : each));
        yield* this.#try(new FollowSchedule({ deviations, answers: this.best.answers }));
      }
    }
    for (let i = 0; i < this.best.answers.length; i++)
      for (let value = 1; value < (this.best.answers[i]?.value ?? 0); value++) {
        const answers = this.best.answers.map((each, index) => (index === i ? { ...each, value } : each));
        yield* this.#try(new FollowSchedule({ deviations: this.best.deviations, answers }));
      }
  }
}
