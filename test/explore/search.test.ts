import { test } from 'tap';
import { exploreScenario } from '../../src/cli/explore-scenario.ts';
import { Tally } from '../../src/explore/coverage.ts';
import { EPOCH_SLICES } from '../../src/explore/epochs.ts';
import { ModelMachine } from '../../src/explore/explore.ts';
import { Portfolio, SLICE_RUNS } from '../../src/explore/portfolio.ts';
import { type SearchResult, SlicedSearch } from '../../src/explore/search.ts';
import { SliceMaker, type SliceOrder, type SliceReport } from '../../src/explore/slices.ts';
import { SLICED, type StrategyName } from '../../src/explore/strategies/all.ts';
import { Replay } from '../../src/explore/strategies/replay.ts';
import { Walk } from '../../src/explore/strategies/walk.ts';
import { report } from '../../src/machine/finding.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { ops } from '../../src/machine/operations.ts';
import { declareSpinLock, spinLock, spinUnlock } from '../../src/shared/atomics-lock.ts';
import { staticWords } from '../../src/shared/memory.ts';
import { Marked } from '../../src/shared/word.ts';
import { onCpus, program, type Runnable } from '../support/model.ts';

/** Two who take a lock and change words, and one who looks on. `broken`: it complains about one order of many. */
const meeting = (broken: boolean): Runnable =>
  program(() => {
    const words = [0, 1, 2].map(() => new Marked(staticWords(1)));
    const lock = declareSpinLock('&test->lock');
    const change = (first: number, second: number) =>
      function* (): Kernel<void> {
        yield* (words[first] as Marked).write(1 + first, HERE);
        yield* spinLock(lock, HERE);
        yield* (words[second] as Marked).write(4 + second, HERE);
        yield* spinUnlock(lock, HERE);
        yield* (words[2] as Marked).write(first, HERE);
      };
    return {
      actors: onCpus(change(0, 1), change(1, 0), function* () {
        const seen: number[] = [];
        for (const word of words) seen.push(yield* word.read(HERE));
        for (const word of words) seen.push(yield* word.read(HERE));
        if (broken && seen.join('') === '000421') report('assertion', '', 'this order');
      }),
    };
  });

function machineFor(scenario: Runnable): ModelMachine {
  return new ModelMachine(scenario.build, new Walk(0), {
    settings: { cpus: scenario.cpus, lock: 'tas', oracles: false },
    slots: {},
    staticWords: scenario.staticWords,
    stepLimit: 2000,
  });
}

/** A search whose slices are handed out so many at a time, and come back in the opposite order. */
function searched(scenario: Runnable, strategy: StrategyName, executions: number, ahead: number): SearchResult {
  const maker = new SliceMaker(machineFor(scenario), null);
  const search = new SlicedSearch(strategy, 7, executions);
  while (!search.over) {
    const orders: SliceOrder[] = [];
    for (let order = search.order(); order !== null && orders.push(order) < ahead; ) order = search.order();
    for (const order of orders.reverse()) search.report(maker.make(order));
  }
  return search.result();
}

test('a search gives the same however many slices are under way, and again', async (t) => {
  for (const strategy of ['portfolio', ...Object.keys(SLICED)] as StrategyName[]) {
    // What these do depends on epochs before.
    const executions = strategy === 'portfolio' || strategy === 'guided' ? 14_000 : 1000;
    const alone = searched(meeting(false), strategy, executions, 1);
    t.strictSame(searched(meeting(false), strategy, executions, 1), alone, strategy);
    t.strictSame(searched(meeting(false), strategy, executions, 5), alone, strategy);
    t.equal(alone.executions, executions);
  }
});

test('the finding is the first one, whichever slice comes back first, and its choices make it again', async (t) => {
  const scenario = meeting(true);
  for (const strategy of ['portfolio', ...Object.keys(SLICED)] as StrategyName[]) {
    const alone = searched(scenario, strategy, 100_000, 1);
    const together = searched(scenario, strategy, 100_000, 6);
    t.not(alone.finding, null, strategy);
    t.strictSame(together, alone);
    t.equal(alone.executions, (alone.finding?.run ?? 0) + 1);
    const machine = machineFor(scenario);
    machine.follow(new Replay(alone.finding?.choices ?? new Int32Array(0)));
    t.equal(machine.run(0).finding?.message, 'this order');
    t.equal(machine.execution.hash, alone.finding?.traceHash);
  }
});

test('what was found counts when the search ends, whatever has not been made before it', (t) => {
  const maker = new SliceMaker(machineFor(meeting(true)), null);
  const begun = (seed: number): SlicedSearch => new SlicedSearch('uniform', seed, 100_000);
  const finds = (seed: number): SliceReport => {
    const search = begun(seed);
    for (;;) {
      const report = maker.make(search.order() as SliceOrder);
      if (report.finding !== null) return report;
    }
  };
  let seed = 1;
  while (finds(seed).number === 0) seed++;
  const report = finds(seed);
  t.comment(`seed ${seed}, found in slice ${report.number}`);
  const search = begun(seed);
  while (search.order()?.number !== report.number);
  search.report(report);
  t.equal(search.result().finding, null);
  search.end();
  t.equal(search.result().finding?.run, report.finding?.run);
  t.equal(search.executions, report.executions);
  t.end();
});

test('a search that is told to stop does so after the run that it is at', async (t) => {
  const request = { scenario: 'rq-barrier-cut', cpus: 3, preset: 'unified', bug: null, lock: 'tas', seed: 1 } as const;
  for (const strategy of ['uniform', 'dpor'] as const) {
    const said: string[] = [];
    const say = (line: string): void => {
      said.push(line);
    };
    const limits = { executions: 1000, seconds: null, strategy };
    t.equal((await exploreScenario({ ...request, ...limits }, () => true, say)).executions, 1);
    t.strictSame(said, [], 'no estimate either');
  }
});

test('the portfolio makes all runs, and no strategy is left out', async (t) => {
  const { coverage } = searched(meeting(false), 'portfolio', 40_000, 4);
  const share = (name: string): number =>
    (coverage.strategies.find(({ strategy }) => strategy === name)?.executions ?? 0) / 40_000;
  const sum = coverage.strategies.reduce((total, { executions }) => total + executions, 0);
  t.equal(sum, 40_000);
  for (const { strategy } of coverage.strategies) t.ok(share(strategy) > 0.02, `${strategy}: ${share(strategy)}`);
});

test('the portfolio moves half of its shares to those whose runs show something new, and leaves each its least', (t) => {
  const portfolio = new Portfolio();
  const table = portfolio.shares;
  const tallies = { classes: new Tally(), handOvers: new Tally(), states: new Tally() };
  for (let slice = 0; slice < EPOCH_SLICES; slice++) {
    const first = slice * SLICE_RUNS;
    // What each run shows has a number; all others show again what the first one has shown.
    for (let run = first; run < first + SLICE_RUNS; run++)
      tallies.classes.add(Float64Array.of(portfolio.strategyOf(slice) === 'pos' ? 1 + run : 0, run, 1));
    portfolio.merged(slice, SLICE_RUNS, tallies);
  }
  const least = 3;
  const sum = [...portfolio.shares.values()].reduce((total, share) => total + share, 0);
  t.ok(Math.abs(sum - 100) < 1e-9, `${sum} percent`);
  for (const [name, share] of portfolio.shares) {
    const usual = table.get(name) as number;
    const told = `${name}: ${share.toFixed(1)} of ${usual} percent by table`;
    if (name === 'pos') t.ok(share > usual + 20, told);
    else if (usual > least) t.ok(share >= least && share < usual, told);
    else t.ok(share >= least && share < 1.5 * least, told);
  }
  // An epoch's shares follow from what was known at the end of the last but one.
  const slicesOf = (epoch: number): number =>
    Array.from({ length: EPOCH_SLICES }, (_, i) => portfolio.strategyOf(epoch * EPOCH_SLICES + i)).filter(
      (name) => name === 'pos',
    ).length;
  t.ok(slicesOf(2) > slicesOf(1) + 6, `${slicesOf(1)} slices, then ${slicesOf(2)} of ${EPOCH_SLICES}`);
  t.equal(slicesOf(1), slicesOf(0));
  t.equal(portfolio.strategyOf(3 * EPOCH_SLICES), null, 'not known yet');
  t.end();
});

/** One who has to read each of so many values before the next one is written. */
const inStep = (stages: number): Runnable =>
  program(() => {
    const word = staticWords(1);
    return {
      actors: onCpus(
        function* () {
          // A place of its own for each stage, as in code that is written out.
          for (let stage = 1; stage <= stages; stage++)
            if ((yield* ops.load(word, HERE + 100 + stage)) !== stage) return;
          report('assertion', '', 'in step to the end');
        },
        function* () {
          for (let stage = 1; stage <= stages; stage++) {
            yield* ops.store(word, stage, HERE + 200 + stage);
            for (let i = 0; i < 3; i++) yield* ops.load(word, HERE);
          }
        },
      ),
    };
  }, 2);

test('a guided search goes on from runs that have come further than others', async (t) => {
  const most = 45_000;
  const guided = searched(inStep(12), 'guided', most, 4);
  t.equal(guided.finding?.message, 'in step to the end');
  t.comment(`guided: ${guided.executions} runs`);
  for (const blind of ['uniform', 'walk'] as const) {
    const { executions } = searched(inStep(12), blind, most, 4);
    t.ok(executions > 2 * guided.executions, `${blind}: ${executions}`);
  }
});

test('P(new) counts the runs that showed what no other run did', async (t) => {
  const tally = new Tally();
  // What, first run, in how many runs.
  tally.add(Float64Array.of(100, 0, 1, 101, 0, 1, 102, 1, 3));
  t.match(tally.novelty(4), { seen: 3, next: 1 / 4 });
  tally.add(Float64Array.of(100, 5, 1, 103, 6, 1));
  t.match(tally.novelty(8), { seen: 4, next: 2 / 8 });
  tally.add(Float64Array.of(101, 9, 1, 103, 9, 1));
  const { seen, next, low, high } = tally.novelty(12);
  t.match({ seen, next, low }, { seen: 4, next: 0, low: 0 });
  // Wilson: 3.8416 / (12 + 3.8416).
  t.ok(Math.abs(high - 0.2425) < 1e-4, String(high));
});

test('P(new) tells how often later runs do show something new', async (t) => {
  const before = searched(meeting(false), 'walk', 4096, 1).coverage.classes;
  const after = searched(meeting(false), 'walk', 4096 + 1024, 1).coverage.classes;
  const seen = (after.seen - before.seen) / 1024;
  t.ok(seen < 1.5 * before.high && seen > before.low / 2, `${seen} of ${before.low} to ${before.high}`);
});
