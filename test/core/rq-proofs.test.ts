/**
 * What is shown of request-based flushes and suspends by going through all interleavings, within what each search says of itself.
 */
import { type Test, test } from 'tap';
import { DM_ENDIO_REQUEUE } from '../../src/core/device-mapper.ts';
import type { MappedDevice as Md } from '../../src/core/mapped-device.ts';
import { MappedDevice } from '../../src/core/mapped-device.ts';
import { storeBarrierError } from '../../src/core/rq-barrier.ts';
import { UNLIMITED } from '../../src/explore/choices.ts';
import type { Context } from '../../src/explore/context.ts';
import { ModelMachine } from '../../src/explore/explore.ts';
import { Dpor } from '../../src/explore/strategies/dpor.ts';
import { preemptionsText } from '../../src/explore/strategies/turns.ts';
import { type Moves, type Strategy, TURN_MADE, TURN_NONE, type Turn } from '../../src/explore/strategy.ts';
import { EIO, ENXIO, EOPNOTSUPP, errnoText } from '../../src/machine/errno.ts';
import { bindListeners } from '../../src/machine/events.ts';
import { CHOICE_COMPLETION_CPU, CHOICE_SCENARIO, type ChoiceKind, type Kernel } from '../../src/machine/kernel.ts';
import { ANSWERS, rqFlushAnswers } from '../../src/scenarios/rq-flush-answers.ts';
import { rqMeetings } from '../../src/scenarios/rq-meetings.ts';
import { rqMpath } from '../../src/scenarios/rq-mpath.ts';
import { rqSuspendOrder } from '../../src/scenarios/rq-suspend-order.ts';
import type { Scenario } from '../../src/scenarios/scenario.ts';
import { memory, staticWords } from '../../src/shared/memory.ts';
import type { Part } from '../../src/shared/program.ts';
import { spinLockIrqsave, spinUnlockIrqrestore } from '../../src/shared/spinlock.ts';
import { rqRunQueueRecursion } from '../../src/variants/bugs/rq-run-queue-recursion.ts';
import { rqbErrorStoreRace } from '../../src/variants/bugs/rqb-error-store-race.ts';
import { rqbFlushwqBeforeStop } from '../../src/variants/bugs/rqb-flushwq-before-stop.ts';
import { exploreChecked } from '../check/model.ts';
import { onCpus } from '../support/model.ts';

const RESULTS = [0, -EIO, -ENXIO, DM_ENDIO_REQUEUE, -EOPNOTSUPP];
const CALLERS_MAX = 4;
const RUNS_MAX = 20_000;

const text = (result: number): string => (result > 0 ? 'REQUEUE' : errnoText(result));

/** Every multiset of `size` results. */
function multisets(size: number, from = 0): number[][] {
  if (size === 0) return [[]];
  return RESULTS.flatMap((result, i) => (i < from ? [] : multisets(size - 1, i).map((rest) => [result, ...rest])));
}

/** What a multiset comes to: the highest rank; which of several other errors it is depends on who is first. */
function endsOf(results: readonly number[]): number[] {
  if (results.includes(-EOPNOTSUPP)) return [-EOPNOTSUPP];
  if (results.includes(DM_ENDIO_REQUEUE)) return [DM_ENDIO_REQUEUE];
  const errors = [...new Set(results.filter((result) => result !== 0))];
  return errors.length === 0 ? [0] : errors;
}

type Store = (md: Md, error: number) => Kernel<void>;

/** What callers on as many CPUs can leave behind, in all interleavings. */
function seenBy(store: Store, results: readonly number[]): string[] {
  const device = (word: number): Md => MappedDevice.at(memory.words[word] as number);
  const dpor = new Dpor();
  bindListeners([]);
  const machine = new ModelMachine(
    () => {
      const word = staticWords(1);
      return {
        *setup(): Kernel<void> {
          memory.words[word] = MappedDevice.alloc()?.handle ?? 0;
        },
        actors: onCpus(...results.map((result) => () => store(device(word), result))),
        outcome: () => text(device(word).barrierError),
      };
    },
    dpor,
    {
      settings: { cpus: CALLERS_MAX, lock: 'tas', oracles: false },
      slots: {},
      staticWords: 1,
      stepLimit: 1000,
    },
  );
  const seen = new Set<string>();
  for (let run = 0; !dpor.finished(); run++) {
    if (run === RUNS_MAX) throw new Error(`more than ${RUNS_MAX} runs for ${results.map(text)}`);
    const { finding, outcome } = machine.run(run);
    if (finding !== null) return [finding.message];
    if (outcome !== null) seen.add(outcome);
  }
  return [...seen].sort();
}

const expected = (results: readonly number[]): string[] => endsOf(results).map(text).sort();

test('up to four callers of store_barrier_error leave the rank of what they say, in every interleaving', (t) => {
  for (let callers = 1; callers <= CALLERS_MAX; callers++)
    for (const results of multisets(callers))
      t.strictSame(seenBy(storeBarrierError, results), expected(results), results.map(text).join(', '));
  t.end();
});

/** A store of another precedence, under the lock. */
const storing = (supersedes: (stored: number, error: number) => boolean): Store =>
  function* store(md, error): Kernel<void> {
    const saved = yield* spinLockIrqsave(md.barrierErrorLock, HERE);
    if (supersedes(md.barrierError, error)) md.barrierError = error;
    yield* spinUnlockIrqrestore(md.barrierErrorLock, saved, HERE);
  };

const firstOnly = storing((stored) => stored === 0);
const requeueFirst = storing(
  (stored, error) =>
    stored === 0 || error === DM_ENDIO_REQUEUE || (stored !== DM_ENDIO_REQUEUE && error === -EOPNOTSUPP),
);

/** The right precedence without the lock. */
const unlocked = rqbErrorStoreRace.swaps.storeBarrierError as Store;

const MISTAKES = [
  ['the first of all', firstOnly],
  ['REQUEUE before -EOPNOTSUPP', requeueFirst],
  ['the right one without the lock', unlocked],
] as const;

for (const [what, store] of MISTAKES)
  test(`a store that keeps ${what} leaves something else`, (t) => {
    const wrong = multisets(2).filter((results) => seenBy(store, results).join() !== expected(results).join());
    t.not(wrong.length, 0);
    t.match(wrong.map((results) => results.map(text).join()).join('; '), /REQUEUE,-EOPNOTSUPP/);
    t.end();
  });

interface Exhaustive extends Strategy {
  finished(): boolean;
  exhausted(): string | null;
}

/** The search says that it has seen all, that all was clean, and that all outcomes came up. */
function allClean(t: Test, scenario: Scenario, strategy: Exhaustive, interrupts = UNLIMITED): void {
  const options = { strategy, interrupts };
  const { finding, outcomes, executions } = exploreChecked(scenario, {}, Number.POSITIVE_INFINITY, options);
  t.equal(finding, null);
  t.ok(strategy.finished());
  t.match(strategy.exhausted(), /^exhaustive/);
  t.notMatch(strategy.exhausted(), /turns of/);
  t.strictSame([...outcomes.keys()].sort(), [...(scenario.outcomes ?? [])].sort());
  t.comment(`${executions} executions: ${strategy.exhausted()}`);
}

/**
 * DPOR over what the actors do and what follows. The setup goes the same way each time and is over before, so its orders and its
 * preemptions would only multiply the runs.
 */
class DporAfterSetup implements Exhaustive {
  readonly #dpor: Dpor;
  #parts = 0;

  /** `bound`: preemptions of a run at most. */
  constructor(bound: number) {
    this.#dpor = new Dpor(bound);
  }

  get #isSetup(): boolean {
    return this.#parts === 1;
  }

  begin(run: number): void {
    this.#parts = 0;
    this.#dpor.begin(run);
  }

  part(part: Part): void {
    this.#parts++;
    this.#dpor.part(part);
  }

  tookTooLong(): void {
    this.#dpor.tookTooLong();
  }

  next(moves: Moves): Turn {
    if (!this.#isSetup) return this.#dpor.next(moves);
    if (moves.collect() === 0) return TURN_NONE;
    moves.take(0);
    return TURN_MADE;
  }

  choose(kind: ChoiceKind, count: number): number {
    return this.#isSetup ? 0 : this.#dpor.choose(kind, count);
  }

  moving(context: Context): void {
    if (!this.#isSetup) this.#dpor.moving(context);
  }

  freed(slot: number): void {
    if (!this.#isSetup) this.#dpor.freed(slot);
  }

  spawned(child: Context): void {
    if (!this.#isSetup) this.#dpor.spawned(child);
  }

  end(pending: Iterable<Context>): void {
    this.#dpor.end(pending);
  }

  finished(): boolean {
    return this.#dpor.finished();
  }

  exhausted(): string | null {
    return this.#dpor.exhausted();
  }
}

/** All interleavings in which the clones say so, the first one and the second one. */
class DporOfAnswers extends DporAfterSetup {
  readonly #answers: readonly number[];
  readonly #apart: boolean;
  #asked = 0;
  #first = -1;

  /** `apart`: they come back on two CPUs, either on either; else on any. */
  constructor(answers: readonly number[], apart: boolean) {
    super(Number.POSITIVE_INFINITY);
    this.#answers = answers.map((answer) => ANSWERS.indexOf(answer));
    this.#apart = apart;
  }

  override begin(run: number): void {
    this.#asked = 0;
    this.#first = -1;
    super.begin(run);
  }

  override choose(kind: ChoiceKind, count: number): number {
    if (kind === CHOICE_SCENARIO) return this.#answers[this.#asked++] as number;
    if (kind !== CHOICE_COMPLETION_CPU || !this.#apart) return super.choose(kind, count);
    if (this.#first >= 0) return 1 - this.#first;
    this.#first = super.choose(kind, count);
    return this.#first;
  }
}

const saidBy = (answers: readonly number[]): string => answers.map(text).join(' and ');

function comesToTheRank(t: Test, answers: readonly number[], apart: boolean): void {
  const strategy = new DporOfAnswers(answers, apart);
  const outcomes = endsOf(answers).map((end) => `${saidBy(answers)}: ${text(end)}`);
  allClean(t, { ...rqFlushAnswers, outcomes }, strategy);
  t.equal(strategy.exhausted(), 'exhaustive up to the order of independent steps', saidBy(answers));
}

for (const one of RESULTS)
  test(`a flush one of whose clones says ${text(one)} comes to the rank of both, in every interleaving on two CPUs`, (t) => {
    for (const other of RESULTS) comesToTheRank(t, [one, other], true);
    t.end();
  });

test('a flush whose clones come back on whichever CPUs comes to the rank of both, in every interleaving', (t) => {
  comesToTheRank(t, [-EIO, -EOPNOTSUPP], false);
  comesToTheRank(t, [DM_ENDIO_REQUEUE, -EIO], false);
  t.end();
});

/** What shows it: answers that go wrong in any order of theirs, or in some order of other steps. */
const SHOWN_BY = [
  [firstOnly, [-EIO, -EOPNOTSUPP]],
  [firstOnly, [-EIO, DM_ENDIO_REQUEUE]],
  [requeueFirst, [-EOPNOTSUPP, DM_ENDIO_REQUEUE]],
  [unlocked, [-EIO, -EOPNOTSUPP]],
  [unlocked, [DM_ENDIO_REQUEUE, -EOPNOTSUPP]],
  [unlocked, [-EIO, DM_ENDIO_REQUEUE]],
] as const;

for (const [storeBarrierError, answers] of SHOWN_BY) {
  const mistake = MISTAKES.find(([, store]) => store === storeBarrierError)?.[0];
  test(`with a store that keeps ${mistake} the same search finds that ${saidBy(answers)} come to something else`, (t) => {
    const options = { strategy: new DporOfAnswers(answers, true), validates: false };
    const { finding, executions } = exploreChecked(rqFlushAnswers, { storeBarrierError }, RUNS_MAX, options);
    t.match(finding, { kind: 'wrong-error', invariant: 'I43' });
    t.comment(`execution ${executions}: ${finding?.message}`);
    t.end();
  });
}

/**
 * How far the order of a suspend is searched. Both at once, two preemptions and an interrupt at every point, are some hundred thousand
 * runs: `DMRACE_PREEMPTIONS=2`; docs/TESTING.md says what came of it.
 */
const REACHES = [
  { preemptions: 2, interrupts: 0, when: 'interrupts only where a CPU has nothing else to do' },
  { preemptions: Number(process.env['DMRACE_PREEMPTIONS'] ?? 1), interrupts: UNLIMITED, when: 'an interrupt anywhere' },
] as const;

for (const { preemptions, interrupts, when } of REACHES) {
  const within = `${preemptionsText(preemptions)} and ${when}`;

  test(`a suspend that stops the queue, waits for kdmflush and then for I/O leaves nothing behind that maps a flush: ${within}`, (t) => {
    const strategy = new DporAfterSetup(preemptions);
    allClean(t, rqSuspendOrder, strategy, interrupts);
    t.match(strategy.exhausted(), `exhaustive up to ${preemptionsText(preemptions)}`);
    t.end();
  });

  test(`a suspend that waits for kdmflush before it stops the queue returns while a flush is mapped: ${within}`, (t) => {
    const strategy = new DporAfterSetup(preemptions);
    const options = { strategy, interrupts };
    const { finding, executions } = exploreChecked(rqSuspendOrder, rqbFlushwqBeforeStop.swaps, RUNS_MAX, options);
    t.match(finding, { kind: 'assertion', invariant: /^I(9|10|46)$/ });
    t.comment(`execution ${executions}: ${finding?.message}`);
    t.end();
  });
}

test('a request_fn that goes on with the table that it began with maps by one that was replaced', (t) => {
  const swap = rqMpath.find(({ name }) => name === 'rq-swap') as Scenario;
  const { finding } = exploreChecked(swap, { isLive: () => true }, RUNS_MAX, { validates: false });
  t.match(finding, { kind: 'assertion', invariant: 'I10', message: /whose table is not the live one/ });
  t.equal(exploreChecked(swap, {}, 1000).finding, null);
  t.end();
});

test('a clone that ends inside the request_fn of the disk, and runs the queue there, leads to the same queue_lock again', (t) => {
  const inline = rqMeetings.find(({ name }) => name === 'rq-inline') as Scenario;
  const blind = { validates: false, asksOracles: false };
  const { swaps } = rqRunQueueRecursion;
  const { finding, executions } = exploreChecked(inline, swaps, RUNS_MAX, blind);
  t.match(finding, { kind: 'self-deadlock', invariant: 'I48', message: /queue_lock/ });
  t.comment(`execution ${executions}: ${finding?.message}`);
  // Neither alone deadlocks: to end it there, or to run the queue at once after the softirq.
  for (const half of ['dmCompleteRequest', 'runQueue'] as const)
    t.equal(exploreChecked(inline, { [half]: swaps[half] }, 1000, blind).finding, null, half);
  t.end();
});
