/**
 * Shrinks the program of a finding: a round of a suite with fewer actors, and less for them to do, in which the same finding shows.
 */
import { setImmediate } from 'node:timers/promises';
import { FewSwitches, FollowSchedule } from '../explore/deciders.ts';
import { type RecordedRun, RunRecorder } from '../explore/recorded-run.ts';
import type { Choices } from '../explore/schedule.ts';
import { identityOf } from '../explore/shrink.ts';
import { withoutActor } from '../explore/task-ids.ts';
import type { FindingReport } from '../machine/machine.ts';
import { roundParts } from '../scenarios/registry.ts';
import { deriveSeed, Random } from '../shared/random.ts';
import { type MachineOrder, modelMachine } from './explore-machine.ts';

export interface Reduced {
  readonly order: MachineOrder;
  readonly run: RecordedRun;
  /** Runs of the same program that come before it. */
  readonly earlier: readonly Choices[];
  /** Runs that it took. */
  readonly runs: number;
}

interface Limits {
  readonly seconds: number;
  readonly seed: number;
  stopped(): boolean;
}

/** Random runs of a smaller round, when the schedule does not lead to the finding there. */
const CHANCES = 60;

/** Random runs, if the schedule does not lead to the finding. */
interface Chances {
  readonly seed: number;
  readonly runs: number;
}

interface Tried {
  readonly run: RecordedRun | null;
  readonly earlier: readonly Choices[];
  readonly runs: number;
}

/** What a run of the larger program chose, and those before it. */
interface Wanted {
  readonly choices: Choices;
  readonly earlier: readonly Choices[];
  readonly run: RecordedRun;
}

/** A run of this program with the same finding, or null. Those that come before it follow their choices as far as these go. */
function sameFinding(order: MachineOrder, { choices, earlier, run: wanted }: Wanted, chances: Chances): Tried {
  const identity = identityOf(wanted.found as FindingReport);
  const before = earlier.map((each) => new FollowSchedule(each));
  const recorder = new RunRecorder(modelMachine(order), before);
  const tried = (run: RecordedRun | null): Tried => ({ run, earlier: recorder.earlier, runs: recorder.runs });
  const isSame = (run: RecordedRun): boolean => run.found !== null && identityOf(run.found) === identity;
  // A run that comes before goes to its end: its finding would be the finding.
  if (recorder.earlier.some(({ found }) => found !== null)) return tried(null);
  const followed = recorder.run(new FollowSchedule(choices));
  if (isSame(followed)) return tried(followed);
  const chance = new FewSwitches(new Random(chances.seed), 4, wanted.steps);
  for (let i = 0; i < chances.runs; i++) {
    const run = recorder.run(chance);
    if (isSame(run)) return tried(run);
  }
  return tried(null);
}

type Round = NonNullable<ReturnType<typeof roundParts>>;

/** The actor, counted among those that are left, that a part is; null: it is no actor. */
function actorOf(round: Round, part: number, without: bigint): number | null {
  const actor = round.parts[part]?.actor ?? null;
  if (actor === null) return null;
  const isGone = (i: number): boolean => ((without >> BigInt(i)) & 1n) === 1n;
  return actor - round.parts.slice(0, part).filter((each, i) => each.actor !== null && isGone(i)).length;
}

/** The smallest round that there was time to find; a scenario that is no round stays as it is. `earlier`: runs that come before `first`. */
export async function withoutParts(
  order: MachineOrder,
  first: RecordedRun,
  earlier: readonly Choices[],
  limits: Limits,
): Promise<Reduced> {
  const round = roundParts(order.scenario, order.cpus);
  let best: Reduced = { order, run: first, earlier, runs: 0 };
  let runs = 0;
  if (round === null) return best;
  const start = performance.now();
  const isOver = (): boolean => limits.stopped() || performance.now() - start > 1000 * limits.seconds;
  let without = 0n;
  // What the schedule does not miss goes first, at a run each; then what chance can do without.
  for (const chances of [0, 0, CHANCES])
    for (let part = 0; part < round.parts.length && !isOver(); part++) {
      const more = without | (1n << BigInt(part));
      if (more === without) continue;
      // An actor that is gone shifts the ids of those after it.
      const actor = actorOf(round, part, without);
      const fitted = (choices: Choices): Choices => (actor === null ? choices : withoutActor(choices, actor));
      const smaller = { ...order, scenario: round.nameWithout(more) };
      const wanted = { choices: fitted(best.run), earlier: best.earlier.map(fitted), run: best.run };
      const tried = sameFinding(smaller, wanted, { seed: deriveSeed(limits.seed, part), runs: chances });
      await setImmediate();
      runs += tried.runs;
      if (tried.run === null) continue;
      best = { order: smaller, run: tried.run, earlier: tried.earlier, runs };
      without = more;
    }
  return { ...best, runs };
}
