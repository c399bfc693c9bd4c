/**
 * How long a replay takes, and how long it takes to shrink what the walk finds.
 */
import { modelMachine } from '../src/cli/explore-machine.ts';
import { NO_BUDGET } from '../src/explore/choices.ts';
import { FewSwitches, FollowList } from '../src/explore/deciders.ts';
import { RunRecorder } from '../src/explore/recorded-run.ts';
import { replay } from '../src/explore/replay.ts';
import { Shrinker } from '../src/explore/shrink.ts';
import { Walk } from '../src/explore/strategies/walk.ts';
import { Random } from '../src/shared/random.ts';
import type { Bug } from '../src/variants/bug.ts';
import { bugs } from '../src/variants/variants.ts';
import { medianOf, nanoseconds } from './measure.ts';
import type { Row } from './row.ts';

/** Some 12,600 steps. */
const LONG = 'litmus/mutual-exclusion/mutex@300';
const REPLAYED_STEPS = 10_000;
const SWITCHES = 100;
const REPLAYS = 50;
const EXECUTIONS_MAX = 20_000;
/** The time that `explore` takes for it. */
const SHRINK_NS = 5e9;

function replayRow(): Row {
  const order = { scenario: LONG, cpus: 4, preset: 'unified', bug: null, lock: 'tas' } as const;
  const recorder = new RunRecorder(modelMachine(order));
  const run = recorder.run(new FewSwitches(new Random(1), SWITCHES, REPLAYED_STEPS));
  const schedule = {
    ...run,
    lock: 'tas',
    cpus: null,
    budget: NO_BUDGET,
    races: true,
    lockdep: true,
    earlier: [],
  } as const;
  const times: number[] = [];
  for (let i = 0; i < REPLAYS; i++) {
    const start = nanoseconds();
    const { divergence } = replay(recorder, schedule, null);
    if (divergence !== null) throw new Error(`the replay of ${LONG} diverges at step ${divergence.step}`);
    times.push(((nanoseconds() - start) / 1e6) * (REPLAYED_STEPS / run.steps));
  }
  const what = `replay of ${REPLAYED_STEPS} steps (${LONG} has ${run.steps})`;
  return { what, measured: Math.min(...times), median: medianOf(times), unit: 'ms', target: { atMost: 50 } };
}

interface Shrunk {
  readonly id: string;
  readonly seconds: number;
  readonly switches: number;
}

/** A finding of the walk, made plainer until nothing helps any more or time is over; null if the walk finds nothing. */
function shrunk({ scenario, preset, id }: Bug): Shrunk | null {
  const order = { scenario, cpus: 4, preset, bug: id, lock: 'tas' } as const;
  const machine = modelMachine(order);
  machine.follow(new Walk(1));
  for (let run = 0; run < EXECUTIONS_MAX; run++) {
    if (machine.run(run).finding === null) continue;
    const recorder = new RunRecorder(machine);
    const first = recorder.run(new FollowList(machine.execution.choices.pairs()));
    const shrinker = new Shrinker(recorder, first, 1);
    const start = nanoseconds();
    const steps = shrinker.shrink((share) => nanoseconds() - start > share * SHRINK_NS);
    while (nanoseconds() - start < SHRINK_NS && steps.next().done !== true);
    return { id, seconds: (nanoseconds() - start) / 1e9, switches: shrinker.best.switches };
  }
  return null;
}

export function soloSchedules(): Row[] {
  const all = bugs.map((bug) => shrunk(bug));
  const found = all.filter((each) => each !== null);
  const times = found.map(({ seconds }) => seconds);
  const switches = found.map((each) => each.switches);
  const of = `of ${found.length} bugs (the walk finds ${found.length} of ${bugs.length})`;
  const cut = found.filter(({ seconds }) => seconds >= SHRINK_NS / 1e9).map(({ id }) => id);
  const ends = cut.length === 0 ? '' : `; cut off at 5 s: ${cut.join(', ')}`;
  return [
    replayRow(),
    {
      what: `shrinking until nothing helps, slowest ${of}${ends}`,
      measured: Math.max(...times),
      median: medianOf(times),
      unit: 's',
      target: { atMost: 5 },
    },
    {
      what: `switches left, most ${of}`,
      measured: Math.max(...switches),
      median: medianOf(switches),
      unit: 'switches',
      target: { atMost: 6 },
    },
  ];
}
