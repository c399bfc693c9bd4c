/**
 * A schedule under a program that has changed since: replay says at which step, what was expected there and what it found, and
 * never passes silently.
 */
import { test } from 'tap';
import { NO_BUDGET } from '../../src/explore/choices.ts';
import { FollowList } from '../../src/explore/deciders.ts';
import { ModelMachine } from '../../src/explore/explore.ts';
import { type RecordedRun, RunRecorder } from '../../src/explore/recorded-run.ts';
import { type Divergence, replay } from '../../src/explore/replay.ts';
import { parseSchedule, type Schedule, scheduleText } from '../../src/explore/schedule.ts';
import { stepText } from '../../src/explore/step-text.ts';
import { Walk } from '../../src/explore/strategies/walk.ts';
import { bugOn } from '../../src/machine/finding.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import type { Program } from '../../src/machine/machine.ts';
import { declareSpinLock, spinLock, spinUnlock } from '../../src/shared/atomics-lock.ts';
import { staticWords } from '../../src/shared/memory.ts';
import { Marked } from '../../src/shared/word.ts';
import { onCpus } from '../support/model.ts';

const SEED = 1;

/** What is changed in the program. */
interface Change {
  readonly lock?: string;
  readonly added?: boolean;
  readonly removed?: boolean;
  readonly noVerdict?: boolean;
}

/** Two who add one to a word, each under the lock, but not in one go. `turns`: operations that lie before it. */
const lossy =
  (turns: number, change: Change = {}) =>
  (): Program => {
    const lock = declareSpinLock(change.lock ?? '&test->lock');
    const sum = new Marked(staticWords(1));
    const flag = new Marked(staticWords(1));
    function* increment(): Kernel<void> {
      for (let i = 0; i < turns; i++) yield* flag.read(HERE);
      yield* spinLock(lock, HERE);
      const before = yield* sum.read(HERE);
      if (change.added === true) yield* flag.read(HERE);
      yield* spinUnlock(lock, HERE);
      yield* spinLock(lock, HERE);
      if (change.removed !== true) yield* flag.write(1, HERE);
      yield* sum.write(before + 1, HERE);
      yield* spinUnlock(lock, HERE);
    }
    return {
      actors: onCpus(increment, increment),
      *verify(): Kernel<void> {
        bugOn((yield* sum.read(HERE)) !== 2 && change.noVerdict !== true, 'an increment is lost');
      },
    };
  };

const machine = (turns: number, change?: Change): ModelMachine =>
  new ModelMachine(lossy(turns, change), new Walk(SEED), {
    settings: { cpus: 2, lock: 'tas', oracles: false },
    slots: {},
    staticWords: 64,
    stepLimit: 20_000,
  });

interface Recorded {
  readonly run: RecordedRun;
  readonly operations: readonly string[];
  /** As it comes out of the letters. */
  readonly schedule: Schedule;
}

/** The first run that loses an increment. */
function recorded(turns: number): Recorded {
  const model = machine(turns);
  let run = 0;
  while (model.run(run).finding === null) run++;
  const choices = model.execution.choices.pairs();
  const recorder = new RunRecorder(model);
  const operations: string[] = [];
  const made = recorder.run(new FollowList(choices), (context) => operations.push(stepText(context, recorder.names)));
  const settings = { lock: 'tas', cpus: null, budget: NO_BUDGET, races: true, lockdep: false, earlier: [] } as const;
  const { schedule } = parseSchedule(scheduleText('lossy', { ...made, ...settings }));
  return { run: made, operations, schedule };
}

interface Case {
  readonly title: string;
  readonly change: Change;
  /** Number of the first step that is another one: of those with this text in the recorded run, the first. */
  readonly expected: RegExp;
  readonly found: RegExp;
}

const CASES: readonly Case[] = [
  {
    title: 'a lock has another name',
    change: { lock: '&test->other' },
    expected: /: take &test->lock$/,
    found: /: take &test->other$/,
  },
  { title: 'an operation was added', change: { added: true }, expected: /: give &test->lock$/, found: /: load / },
  {
    title: 'an operation was removed',
    change: { removed: true },
    expected: /: store word 5 of the scenario$/,
    found: /: store word 4 of the scenario$/,
  },
];

/** The step from which on a schedule alone thinks that it may be. */
const since = ({ step, expected }: Divergence): number =>
  Number(/since step (\d+) /.exec(expected)?.[1] ?? Number.NaN) || step;

// With 100 operations before the locks a bit stands for two steps.
for (const turns of [0, 30, 100])
  for (const { title, change, expected, found } of CASES)
    test(`${title}, ${turns} operations before it: the step is said, with what was expected and what is there`, (t) => {
      const { operations, schedule } = recorded(turns);
      const places = operations.map((text) => text.replace(/ at .*/, ''));
      const first = 1 + places.findIndex((text) => expected.test(text));
      const exact = replay(new RunRecorder(machine(turns, change)), schedule, operations).divergence;
      t.match(exact, { step: first, expected, found });

      const alone = replay(new RunRecorder(machine(turns, change)), schedule, null).divergence;
      if (alone === null) throw new Error('the schedule alone passes');
      t.comment(`${first}: ${alone.step}, ${alone.expected}, ${alone.found}`);
      t.ok(alone.step >= first && since(alone) <= first, 'a schedule alone knows it, but for a few steps');
      t.end();
    });

test('a program whose steps are the same but that ends otherwise does not pass', (t) => {
  const { operations, schedule, run } = recorded(0);
  for (const known of [operations, null])
    t.strictSame(replay(new RunRecorder(machine(0, { noVerdict: true })), schedule, known).divergence, {
      step: run.steps,
      expected: 'the run ends with assertion',
      found: 'the run ends clean',
    });
  t.end();
});

test('the program of the schedule passes', (t) => {
  for (const turns of [0, 30, 100]) {
    const { operations, schedule } = recorded(turns);
    for (const known of [operations, null])
      t.equal(replay(new RunRecorder(machine(turns)), schedule, known).divergence, null);
  }
  t.end();
});
