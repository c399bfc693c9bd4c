import { type Test, test } from 'tap';
import { FollowList, FollowSchedule } from '../../src/explore/deciders.ts';
import { ModelMachine } from '../../src/explore/explore.ts';
import { type RecordedRun, RunRecorder } from '../../src/explore/recorded-run.ts';
import { Shrinker } from '../../src/explore/shrink.ts';
import { Uniform } from '../../src/explore/strategies/uniform.ts';
import { report } from '../../src/machine/finding.ts';
import { CHOICE_SCENARIO, type Kernel } from '../../src/machine/kernel.ts';
import { ops } from '../../src/machine/operations.ts';
import { staticWords } from '../../src/shared/memory.ts';
import { onCpus, program } from '../support/model.ts';

const SEED = 3;
const RUNS = 60;

/** One who leaves a word set for some steps, after an answer that does not matter; one who must not see it; two who have no part in it. */
const openWindow = program(() => {
  const window = staticWords(1);
  const other = staticWords(3);
  const bystander = (word: number) =>
    function* (): Kernel<void> {
      for (let i = 0; i < 3; i++) yield* ops.store(word, i, HERE);
    };
  return {
    actors: onCpus(
      bystander(other),
      function* (): Kernel<void> {
        yield* ops.choice(CHOICE_SCENARIO, 3, HERE);
        yield* ops.store(window, 1, HERE);
        for (let i = 0; i < 4; i++) yield* ops.store(other + 2, i, HERE);
        yield* ops.store(window, 0, HERE);
      },
      bystander(other + 1),
      function* (): Kernel<void> {
        if ((yield* ops.load(window, HERE)) === 1) report('assertion', 'I0', 'the window was seen');
      },
    ),
  };
}, 4);

/** Runs at random with the finding, and what they were shrunk to. */
function shrunk(): {
  readonly recorder: RunRecorder;
  readonly pairs: readonly (readonly [RecordedRun, RecordedRun])[];
} {
  const machine = new ModelMachine(openWindow.build, new Uniform(SEED), {
    settings: { cpus: openWindow.cpus, lock: 'tas', oracles: false },
    slots: {},
    staticWords: openWindow.staticWords,
    stepLimit: 2000,
  });
  const lists = [];
  for (let run = 0; run < RUNS; run++)
    if (machine.run(run).finding !== null) lists.push(machine.execution.choices.pairs());
  const recorder = new RunRecorder(machine);
  const pairs = lists.slice(0, 12).map((list) => {
    const first = recorder.run(new FollowList(list));
    const shrinker = new Shrinker(recorder, first, SEED);
    for (const _ of shrinker.shrink(() => false));
    return [first, shrinker.best] as const;
  });
  return { recorder, pairs };
}

const textOf = ({ switches, steps, deviations, answers }: RecordedRun): string =>
  JSON.stringify([switches, steps, deviations, answers]);

const { recorder, pairs } = shrunk();

test('different schedules to one finding shrink to the same one, which makes the finding again', (t: Test) => {
  const before = new Set(pairs.map(([first]) => textOf(first)));
  const after = new Set(pairs.map(([, best]) => textOf(best)));
  t.equal(before.size, 12);
  t.equal(after.size, 1, [...after].join('\n'));
  const [[, best]] = pairs as [(typeof pairs)[0]];
  t.strictSame(best.answers, [], 'answers that do not matter are as usual');
  t.equal(recorder.run(new FollowSchedule(best)).found?.message, 'the window was seen');
  t.comment(textOf(best));
  t.end();
});

test('actors that a finding does not need are switched to by nothing in its schedule', (t: Test) => {
  const acting = (run: RecordedRun): number => new Set(run.deviations.flatMap(({ task, to }) => [task, to])).size;
  for (const [first, best] of pairs) {
    t.ok(acting(first) > 2, 'some were');
    t.ok(acting(best) <= 2, `${acting(first)} actors before, ${acting(best)} after`);
  }
  t.end();
});
