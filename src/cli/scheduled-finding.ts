/**
 * From a run with a finding to what is handed out: the run shrunk, its schedule, its file.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FollowList, FollowSchedule } from '../explore/deciders.ts';
import { type DecidedRun, type Decisive, decisiveStep } from '../explore/decisive.ts';
import { type RecordedRun, RunRecorder } from '../explore/recorded-run.ts';
import { type Choices, scheduleText } from '../explore/schedule.ts';
import { identityOf, Shrinker } from '../explore/shrink.ts';
import { stepText } from '../explore/step-text.ts';
import { Trace, type TraceStep } from '../explore/trace.ts';
import type { FindingKind } from '../machine/finding.ts';
import type { FindingReport } from '../machine/machine.ts';
import { roundParts } from '../scenarios/registry.ts';
import { type MachineOrder, modelMachine } from './explore-machine.ts';
import { hex } from './hex.ts';
import { inTurns } from './in-turns.ts';
import { withPlaces } from './retell.ts';
import { machineSettings, scheduleName } from './schedule-name.ts';
import { type Reduced, withoutParts } from './without-parts.ts';

export interface ShrinkLimits {
  /** 0: the run stays as it was found. */
  readonly seconds: number;
  readonly seed: number;
  /** Whether the step that decides is looked for; default: if the run is made plainer. */
  readonly decisive?: boolean;
  /** Asked between runs. */
  stopped(): boolean;
}

export interface ScheduledFinding {
  readonly order: MachineOrder;
  readonly finding: FindingReport;
  readonly schedule: string;
  readonly traceHash: number;
  readonly run: RecordedRun;
  /** Runs before it that have taught the lock validator the rest of the finding. */
  readonly earlier: readonly Choices[];
  readonly shrunkFromSwitches: number;
  /** Runs that shrinking took, and seconds. */
  readonly shrinkRuns: number;
  readonly shrinkSeconds: number;
  /** What the run chose (ChoiceList), and its steps as text. */
  readonly choices: Int32Array;
  readonly operations: readonly string[];
  readonly trace: readonly TraceStep[];
  /** Null when there was no time for it. */
  readonly decisive: Decisive | null;
}

/** Of the time for a round: for its run, and for leaving parts out. */
const FIRST_SHARE = 0.35;
const PARTS_SHARE = 0.35;
/** Longer runs are not written down step by step. */
const OPERATIONS_MAX = 20_000;

/** Gives the best run there is when time is over. */
async function shrunk(recorder: RunRecorder, first: RecordedRun, limits: ShrinkLimits): Promise<RecordedRun> {
  const start = performance.now();
  const elapsed = (): number => (performance.now() - start) / 1000;
  const shrinker = new Shrinker(recorder, first, limits.seed);
  const passes = shrinker.shrink((share) => elapsed() > share * limits.seconds);
  await inTurns(passes, () => elapsed() > limits.seconds || limits.stopped());
  return shrinker.best;
}

/** Seconds for the decisive step; some 2000 runs, which take one or two on an idle machine. */
const DECISIVE_SECONDS = 20;

/** Null when time is over before it is known. */
function decided(recorder: RunRecorder, run: DecidedRun, limits: ShrinkLimits): Promise<Decisive | null> {
  const start = performance.now();
  const isOver = (): boolean => limits.stopped() || performance.now() - start > 1000 * DECISIVE_SECONDS;
  return inTurns(decisiveStep(recorder, run, limits.seed), isOver);
}

type Frugal = Pick<ScheduledFinding, 'order' | 'run'>;

/** The same run where no more may happen than does. */
function withBudgetUsed(order: MachineOrder, recorder: RunRecorder, run: RecordedRun): Frugal {
  recorder.run(new FollowSchedule(run));
  const frugal = { ...order, budget: recorder.machine.execution.left.used() };
  const answers = run.answers.filter(({ limits }) => limits !== true);
  const again = new RunRecorder(modelMachine(frugal)).run(new FollowSchedule({ ...run, answers }));
  const isSame = again.check === run.check && again.steps === run.steps && again.found?.kind === run.found?.kind;
  return isSame ? { order: frugal, run: again } : { order, run };
}

interface FirstRun {
  readonly first: RecordedRun;
  readonly earlier: readonly Choices[];
}

const followers = (runs: readonly Choices[]): FollowSchedule[] => runs.map((each) => new FollowSchedule(each));

/** The run that was found, and as few and plain runs before it as it needs. */
function firstRun(order: MachineOrder, choices: Int32Array, needed: readonly Int32Array[]): FirstRun {
  const machine = modelMachine(order);
  const after = (before: readonly Choices[]): RecordedRun =>
    new RunRecorder(machine, followers(before)).run(new FollowList(choices));
  const alone = new RunRecorder(machine);
  const recorded = needed.map((each) => alone.run(new FollowList(each)));
  const whole = after(recorded);
  if (whole.found === null) throw new Error('the run with the finding does not repeat itself');
  const identity = identityOf(whole.found);
  const isSame = ({ found }: RecordedRun): boolean => found !== null && identityOf(found) === identity;
  let best: FirstRun = { first: whole, earlier: recorded };
  for (const before of plainer(recorded)) {
    const first = after(before);
    if (isSame(first)) best = { first, earlier: before };
  }
  return best;
}

/** Plainer ones than these runs, the plainest last: each without the last of what it chose, all by default, none at all. */
function* plainer(runs: readonly Choices[]): Iterable<readonly Choices[]> {
  if (runs.length === 0) return;
  const longest = Math.max(...runs.map(({ deviations }) => deviations.length));
  for (let count = longest - 1; count > 0; count--)
    yield runs.map(({ deviations, answers }) => ({ deviations: deviations.slice(0, count), answers }));
  yield runs.map(() => ({ deviations: [], answers: [] }));
  yield [];
}

interface Smallest extends Reduced {
  readonly runs: number;
}

/** Of a round: the plainest run, then less of a program around it, then the plainest run of that. */
async function smallest(
  order: MachineOrder,
  recorder: RunRecorder,
  first: RecordedRun,
  limits: ShrinkLimits,
): Promise<Smallest> {
  const { earlier } = recorder;
  if (limits.seconds === 0) return { order, run: first, earlier, runs: 1 };
  const part = (share: number): ShrinkLimits => ({ ...limits, seconds: share * limits.seconds });
  if (roundParts(order.scenario, order.cpus) === null)
    return { order, run: await shrunk(recorder, first, limits), earlier, runs: recorder.runs };
  const plain = await shrunk(recorder, first, part(FIRST_SHARE));
  const less = await withoutParts(order, plain, earlier, part(PARTS_SHARE));
  const last = new RunRecorder(modelMachine(less.order), followers(less.earlier));
  const run = await shrunk(last, less.run, part(1 - FIRST_SHARE - PARTS_SHARE));
  const runs = recorder.runs + less.runs + last.runs;
  return { order: less.order, run, earlier: stillNeeded(less.order, run, last.earlier), runs };
}

/** A smaller program may show in one run what has taken several. */
function stillNeeded(order: MachineOrder, run: RecordedRun, earlier: readonly Choices[]): readonly Choices[] {
  if (earlier.length === 0 || run.found === null) return earlier;
  const { found } = new RunRecorder(modelMachine(order)).run(new FollowSchedule(run));
  return found !== null && identityOf(found) === identityOf(run.found) ? [] : earlier;
}

/** `choices`: those of the run that was found on this machine; `needed`: those of the runs before it that it needs. */
export async function scheduledFinding(
  whole: MachineOrder,
  choices: Int32Array,
  limits: ShrinkLimits,
  needed: readonly Int32Array[] = [],
): Promise<ScheduledFinding> {
  const start = performance.now();
  const { first, earlier: needs } = firstRun(whole, choices, needed);
  let recorder = new RunRecorder(modelMachine(whole), followers(needs));
  const { order, run: best, earlier, runs: shrinkRuns } = await smallest(whole, recorder, first, limits);
  const before = followers(earlier);
  recorder = new RunRecorder(modelMachine(order), before);
  const { order: frugal, run: plainest } =
    before.length > 0 ? { order, run: best } : withBudgetUsed(order, recorder, best);
  const operations: string[] = [];
  const trace = withPlaces(order.scenario, () => {
    // What earlier runs have taught has its places too.
    recorder = new RunRecorder(modelMachine(frugal), before);
    return new Trace(recorder.names);
  });
  const run = withPlaces(order.scenario, () =>
    recorder.run(new FollowSchedule(plainest), (context, id, place) => {
      trace.hear(context, id, place);
      if (operations.length < OPERATIONS_MAX) operations.push(stepText(context, recorder.names));
    }),
  );
  if (run.found === null || first.found === null || identityOf(run.found) !== identityOf(first.found))
    throw new Error('the schedule of the finding does not lead to it');
  const identity = identityOf(run.found);
  const made = { choices: recorder.machine.execution.choices.pairs(), steps: run.steps, identity };
  const shrinkSeconds = (performance.now() - start) / 1000;
  const steps = trace.end();
  return {
    order: frugal,
    trace: steps,
    decisive: (limits.decisive ?? limits.seconds > 0) ? await decided(recorder, made, limits) : null,
    finding: run.found,
    schedule: scheduleText(scheduleName(frugal), { ...run, ...machineSettings(frugal), earlier }),
    earlier,
    traceHash: run.traceHash,
    run,
    shrunkFromSwitches: first.switches,
    shrinkRuns,
    shrinkSeconds,
    choices: made.choices,
    operations,
  };
}

/** What replays a finding. A scenario of one's own is in a file of one's own. */
export function replayCommand({ order, schedule }: Pick<ScheduledFinding, 'order' | 'schedule'>): string {
  const own = order.file === undefined ? '' : ` --own ${relative('', fileURLToPath(order.file))}`;
  return `dmrace replay${own} ${schedule}`;
}

export function findingFile(out: string, order: MachineOrder, kind: FindingKind): string {
  const name = scheduleName(order).replaceAll(/[^A-Za-z0-9@.+-]/g, '_');
  return join(out, `${name}.${kind}.json`);
}

/** Writes a finding with all that is known of it; gives the file. */
export function writeFindingFile(out: string, scheduled: ScheduledFinding, more: object): string {
  const { finding, schedule, order, run } = scheduled;
  const file = findingFile(out, order, finding.kind);
  const content = {
    schedule,
    replay: replayCommand(scheduled),
    ...order,
    own: order.file,
    ...finding,
    ...more,
    traceHash: hex(scheduled.traceHash),
    switches: run.switches,
    shrunkFromSwitches: scheduled.shrunkFromSwitches,
    steps: run.steps,
    operations: scheduled.operations,
  };
  mkdirSync(out, { recursive: true });
  // The choices on one line: they are numbers without end.
  const text = JSON.stringify(content, null, 2).replace(
    /\n}$/,
    `,\n  "choices": [${scheduled.choices.join(',')}]\n}\n`,
  );
  writeFileSync(file, text);
  return file;
}
