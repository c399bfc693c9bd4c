/**
 * Makes a run with a finding as plain as possible: fewest switches, then fewest deviations and answers, then fewest steps, then the
 * first in order.
 *
 * Passes, again and again until none helps or time is over; the best so far is always kept:
 *   leave out    parts of the list of deviations and answers, large ones first (Zeller's ddmin); anchors keep the rest in place
 *   shortcuts    two deviations become one: a task that ran only between two switches is skipped
 *   pairs        two entries at once: a switch and the one back
 *   pull         each deviation to the first step of its task where it does the same; each answer to the lowest number
 *   chance       random runs with fewer switches than the best, from a few downwards
 *   again        while there are more than a few switches: from the run that was found, leaving out in another order
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

/**
 * Parts of the time: leaving out before there is chance gets the first, and random runs what is left of the second. Short runs are settled
 * in the first; in long ones with many switches chance finds a plain one much sooner.
 */
const SETTLE_SHARE = 0.15;
const CHANCE_SHARE = 0.65;
/** Random runs for each number of switches: so many at a time, so that each number has its turn before time is over. */
const CHANCES = 1000;
const CHANCES_AT_A_TIME = 200;
/**
 * Most bugs need no more. Chance begins here: with many switches to begin with, the low numbers would else hardly have a turn. A run
 * that has more is worth another order.
 */
const FEW_SWITCHES = 6;
/** A finding may need more: so often other orders are tried. */
const AGAIN_MAX = 20;
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

/** In which order entries are left out; null: as they stand. */
type Order = Random | null;

const inOrder = (entries: readonly Entry[], order: Order): readonly Entry[] =>
  order === null ? entries : order.shuffled(entries);

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
  /** The plainest of all. */
  best: RecordedRun;
  readonly identity: string;
  readonly #first: RecordedRun;
  /** What is made plainer. */
  #current: RecordedRun;
  readonly #recorder: RunRecorder;
  readonly #seed: number;

  /** `first` must have a finding. */
  constructor(recorder: RunRecorder, first: RecordedRun, seed: number) {
    if (first.found === null) throw new Error('there is no finding to shrink');
    this.#recorder = recorder;
    this.#first = first;
    this.#current = first;
    this.best = first;
    this.identity = identityOf(first.found);
    this.#seed = seed;
  }

  /** All passes. `isOver`: whether this share of the time is over. */
  *shrink(isOver: (share: number) => boolean): Steps<void> {
    for (const _ of this.#settle()) {
      yield;
      if (isOver(SETTLE_SHARE)) break;
    }
    const stops = (): boolean => isOver(CHANCE_SHARE);
    for (let made = 0; made < CHANCES && !stops(); made += CHANCES_AT_A_TIME)
      for (let switches = FEW_SWITCHES; switches >= 0 && !stops(); switches--)
        yield* this.#chance(switches, made, stops);
    yield* this.#settle();
    for (let attempt = 0; attempt < AGAIN_MAX && this.best.switches > FEW_SWITCHES && !isOver(1); attempt++)
      yield* this.#again(attempt);
  }

  /** From the beginning, in another order: what can be left out then may be more. */
  *#again(attempt: number): Steps<void> {
    this.#current = this.#first;
    yield* this.#settle(new Random(deriveSeed(this.#seed, attempt)));
  }

  *#settle(order: Order = null): Steps<void> {
    for (let before = this.#current; ; before = this.#current) {
      yield* this.#leaveOut(order);
      yield* this.#shortcuts();
      yield* this.#pairs();
      yield* this.#pull();
      if (this.#current === before) return;
    }
  }

  /** Makes a run; keeps it if it has the same finding and is plainer. */
  *#try(decider: Decider, stepsMax = LONGER * this.#current.steps + LONGER_STEPS): Steps<boolean> {
    const run = this.#recorder.run(new UpTo(decider, stepsMax));
    yield;
    if (run.found === null || run.gaveUp || identityOf(run.found) !== this.identity || !isPlainer(run, this.#current))
      return false;
    this.#current = run;
    if (isPlainer(run, this.best)) this.best = run;
    return true;
  }

  *#tryEntries(entries: readonly Entry[]): Steps<boolean> {
    return yield* this.#try(new FollowSchedule(choicesFrom(entries)));
  }

  *#leaveOut(order: Order): Steps<void> {
    let size = Math.max(1, entriesOf(this.#current).length);
    while (size >= 1) {
      let from = 0;
      let helped = false;
      let entries = entriesOf(this.#current);
      for (let turns = inOrder(entries, order); from < turns.length; ) {
        const gone = new Set(turns.slice(from, from + size));
        if (yield* this.#tryEntries(entries.filter((entry) => !gone.has(entry)))) {
          helped = true;
          entries = entriesOf(this.#current);
          turns = inOrder(entries, order);
        } else from += size;
      }
      if (size === 1 && !helped) return;
      size = Math.max(1, Math.floor(size / 2));
    }
  }

  *#shortcuts(): Steps<void> {
    for (let i = 0; i + 1 < this.#current.deviations.length; i++) {
      const { deviations, answers } = this.#current;
      const [first, second] = deviations.slice(i, i + 2) as [Deviation, Deviation];
      const shorter = deviations.toSpliced(i, 2, { ...first, to: second.to });
      if (yield* this.#try(new FollowSchedule({ deviations: shorter, answers }))) i--;
    }
  }

  *#pairs(): Steps<void> {
    for (let i = 0; i < entriesOf(this.#current).length; i++)
      for (let j = i + 1; j < entriesOf(this.#current).length; j++) {
        const entries = entriesOf(this.#current);
        if (entries.length > PAIRS_MAX) return;
        yield* this.#tryEntries(entries.filter((_, index) => index !== i && index !== j));
      }
  }

  /** `made`: how many of these there have been already. */
  *#chance(switches: number, made: number, stops: () => boolean): Steps<void> {
    const random = new Random(deriveSeed(this.#seed, switches * CHANCES + made));
    for (let run = 0; run < CHANCES_AT_A_TIME && this.#current.switches > switches && !stops(); run++)
      yield* this.#try(new FewSwitches(random, switches, this.#current.steps), this.#current.steps);
  }

  *#pull(): Steps<void> {
    for (let i = 0; i < this.#current.deviations.length; i++) {
      const { task } = this.#current.deviations[i] as Deviation;
      for (let count = 0; count < (this.#current.deviations[i]?.count ?? 0); count++) {
        const deviations = this.#current.deviations.map((each, index) =>
          index === i ? { ...each, task, count } : each,
        );
        yield* this.#try(new FollowSchedule({ deviations, answers: this.#current.answers }));
      }
    }
    for (let i = 0; i < this.#current.answers.length; i++)
      for (let value = 1; value < (this.#current.answers[i]?.value ?? 0); value++) {
        const answers = this.#current.answers.map((each, index) => (index === i ? { ...each, value } : each));
        yield* this.#try(new FollowSchedule({ deviations: this.#current.deviations, answers }));
      }
  }
}
