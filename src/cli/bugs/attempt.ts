/**
 * The two questions about a bug, each asked in one thread: does a search from a cold start find it, and is its scenario silent without
 * it?
 */
import { FollowSchedule } from '../../explore/deciders.ts';
import { RunRecorder } from '../../explore/recorded-run.ts';
import { replay } from '../../explore/replay.ts';
import { isExpected } from '../../variants/bug.ts';
import { findBug } from '../../variants/variants.ts';
import { usualBudget } from '../budget.ts';
import { type MachineOrder, modelMachine } from '../explore-machine.ts';
import { exploreScenario } from '../explore-scenario.ts';
import { findingTitle } from '../finding-text.ts';
import { DEFAULT_CPUS, readSchedule } from '../schedule-name.ts';
import { type ScheduledFinding, scheduledFinding } from '../scheduled-finding.ts';

/** A search for a bug with one seed. */
export interface AttemptOrder {
  readonly bug: string;
  readonly seed: number;
  /** When the search gives up, and for how long its finding is shrunk. */
  readonly seconds: number;
  readonly shrinkSeconds: number;
  /** How often the schedule is replayed. */
  readonly replays: number;
}

export interface AttemptReport {
  readonly bug: string;
  readonly seed: number;
  readonly executions: number;
  readonly seconds: number;
  /** Null: nothing was found, or another finding than the bug declares. */
  readonly found: Found | null;
  /** What went wrong, in a sentence; null: nothing. */
  readonly problem: string | null;
}

interface Found {
  readonly switches: number;
  /** Characters of the schedule after the bug's id. */
  readonly chars: number;
  /** Each replay ended with the same finding and the same trace hash. */
  readonly replaysEqual: boolean;
}

/** The scenario of bugs without any of them; bugs that share scenario and preset share it. */
export interface TwinOrder {
  readonly scenario: string;
  readonly preset: string;
  readonly seed: number;
  readonly executions: number;
}

export interface TwinReport {
  readonly scenario: string;
  readonly preset: string;
  /** What was found, null: nothing. */
  readonly finding: string | null;
}

function machineOf(scenario: string, preset: string, bug: string | null): MachineOrder {
  const budget = usualBudget(scenario, DEFAULT_CPUS, 'portfolio');
  return { scenario, preset, bug, cpus: DEFAULT_CPUS, lock: 'tas', budget };
}

const never = (): boolean => false;

/** Each replay has a machine of its own only in name: the schedule alone says what it is. */
function replaysAgree({ schedule: text, traceHash }: ScheduledFinding, times: number): boolean {
  const { order, schedule } = readSchedule(text);
  const before = schedule.earlier.map((choices) => new FollowSchedule(choices));
  const recorder = new RunRecorder(modelMachine(order), before);
  for (let i = 0; i < times; i++) {
    const { run, divergence } = replay(recorder, schedule, null);
    if (divergence !== null || run.traceHash !== traceHash) return false;
  }
  return true;
}

/** Searches, shrinks and replays. */
export async function attempt(order: AttemptOrder): Promise<AttemptReport> {
  const { bug: id, seed, shrinkSeconds } = order;
  const bug = findBug(id);
  if (bug === undefined) throw new Error(`there is no bug ${id}`);
  const machine = machineOf(bug.scenario, bug.preset, id);
  const search = { ...machine, seed, executions: null, seconds: order.seconds };
  const { finding, executions, seconds } = await exploreScenario(search, never);
  const report = (found: Found | null, problem: string | null): AttemptReport => ({
    bug: id,
    seed,
    executions,
    seconds,
    found,
    problem: problem === null ? null : `${id}, seed ${seed}: ${problem}`,
  });
  if (finding === null) return report(null, `nothing in ${executions} execution${executions === 1 ? '' : 's'}`);
  if (!isExpected(finding, bug.model))
    return report(null, `another finding than it declares: ${findingTitle(finding)}`);
  const limits = { seconds: shrinkSeconds, seed, stopped: never, decisive: false };
  const scheduled = await scheduledFinding(machine, finding.choices, limits, finding.earlier);
  const replaysEqual = replaysAgree(scheduled, order.replays);
  const chars = (scheduled.schedule.split('.').at(-1) as string).length;
  return report(
    { switches: scheduled.run.switches, chars, replaysEqual },
    replaysEqual ? null : `a replay of ${scheduled.schedule} is another run`,
  );
}

export async function runTwin({ scenario, preset, seed, executions }: TwinOrder): Promise<TwinReport> {
  const search = { ...machineOf(scenario, preset, null), seed, executions, seconds: null };
  const { finding } = await exploreScenario(search, never);
  return { scenario, preset, finding: finding === null ? null : findingTitle(finding) };
}
