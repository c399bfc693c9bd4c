/**
 * What each command puts on its page.
 */
import { Option } from 'commander';
import type { RecordedRun } from '../../explore/recorded-run.ts';
import type { Divergence, ReplayResult } from '../../explore/replay.ts';
import type { Choices } from '../../explore/schedule.ts';
import type { PageData, Run } from '../../page/data.ts';
import { COVERAGE_HEAD, coverageRows } from '../explore-coverage.ts';
import type { MachineOrder } from '../explore-machine.ts';
import { countTables, type Explored, MANY_HEAD, manyRows } from '../explore-result.ts';
import type { ExploreAnswer } from '../explore-scenario.ts';
import { decisiveStepOf, type Found, foundNotes } from '../found.ts';
import type { ProfileOutcome } from '../profile/runner.ts';
import { replayCommand } from '../scheduled-finding.ts';
import type { StressSettings } from '../stress/order.ts';
import { stressTables } from '../stress/report.ts';
import type { StressOutcome } from '../stress/runner.ts';
import { FILM_STEPS_MAX, film } from './film.ts';

export const htmlOption = (): Option => new Option('--html <file>', 'also write a page to look at, in one file');

/** What every page says at its top. */
interface Heading {
  readonly subject: string;
  readonly settings: Readonly<Record<string, unknown>>;
  /** As the last line of the command has it. */
  readonly verdict: string;
  readonly ok: boolean;
}

function page(command: string, { subject, settings, verdict, ok }: Heading): PageData {
  const said = Object.entries(settings).filter(([, value]) => value !== null && value !== undefined);
  const words = said.map(([name, value]): [string, string] => [
    name,
    Array.isArray(value) ? value.join(' ') : String(value),
  ]);
  const nothing = { findings: [], tables: [], run: null, earlier: [], locks: [], profile: null };
  return { command, subject, ok, verdict, settings: Object.fromEntries(words), ...nothing };
}

const subjectOf = ({ scenario, bug }: MachineOrder): string => (bug === null ? scenario : `${scenario} with ${bug}`);

interface Filmed {
  readonly run: Run | null;
  readonly earlier: readonly Run[];
  /** What to say where there is no run. */
  readonly notes: string[];
}

/** The runs to step through: the recorded one, and those that come before it. */
function filmed(order: MachineOrder, run: RecordedRun, decisive: number | null, earlier: readonly Choices[]): Filmed {
  if (run.steps <= FILM_STEPS_MAX) {
    const before = earlier.map((choices, i) => film(order, choices, null, earlier.slice(0, i)));
    return { run: film(order, run, decisive, earlier), earlier: before, notes: [] };
  }
  const [steps, most] = [run.steps, FILM_STEPS_MAX].map((count) => count.toLocaleString('en'));
  const notes = [`The run has ${steps} steps; only runs of up to ${most} can be stepped through here.`];
  return { run: null, earlier: [], notes };
}

/** Of several scenarios a line each, and the first run that was found. */
export function explorePage(heading: Heading, explored: readonly Explored[]): PageData {
  const shown = explored.find(({ found }) => found !== null) ?? (explored[0] as Explored);
  const one = scenarioPage(heading, shown.result, shown.found);
  if (explored.length === 1) return one;
  return { ...one, tables: [{ title: 'Scenarios', head: MANY_HEAD, rows: manyRows(explored) }] };
}

function scenarioPage(heading: Heading, result: ExploreAnswer, found: Found | null): PageData {
  const seen = { title: 'What was seen', head: COVERAGE_HEAD, rows: coverageRows(result) };
  const tables = [...countTables(result), seen];
  const base = { ...page('explore', heading), tables };
  if (found === null) return base;
  const { notes, ...runs } = filmed(found.order, found.run, decisiveStepOf(found), found.earlier);
  const finding = { report: found.finding, command: replayCommand(found), notes: [...foundNotes(found), ...notes] };
  return { ...base, subject: subjectOf(found.order), findings: [finding], ...runs };
}

const divergenceNote = ({ step, expected, found }: Divergence): string =>
  `The program is another one than that of the schedule: at step ${step} ${expected} was expected, and ${found} was found.`;

/** `command`: what was typed. */
export function replayPage(
  heading: Omit<Heading, 'subject'>,
  order: MachineOrder,
  result: ReplayResult,
  earlier: readonly Choices[],
  command: string,
): PageData {
  const { notes, ...runs } = filmed(order, result.run, null, earlier);
  if (result.divergence !== null) notes.unshift(divergenceNote(result.divergence));
  const findings = result.run.found === null ? [] : [{ report: result.run.found, command, notes }];
  return { ...page('replay', { ...heading, subject: subjectOf(order) }), findings, ...runs };
}

export function stressPage(heading: Heading, settings: StressSettings, outcome: StressOutcome): PageData {
  const findings = outcome.suites.flatMap((suite) =>
    suite.findings.slice(0, FINDINGS_MAX).map((finding) => ({
      report: finding,
      command: finding.explore,
      notes: [`Round ${finding.round} of ${suite.name}. All that is known: ${finding.file}`],
    })),
  );
  // Locks have a table of their own, with more.
  const tables = stressTables(settings, { ...outcome, locks: [] });
  return { ...page('stress', heading), findings, tables, locks: outcome.locks };
}

/** Findings of a suite on a page; the others are in their files. */
const FINDINGS_MAX = 20;

export function profilePage(heading: Heading, { report, finding }: ProfileOutcome): PageData {
  const { locks, ...profile } = report;
  const findings = finding === null ? [] : [{ report: finding, command: '', notes: [] }];
  return { ...page('profile', heading), findings, locks, profile };
}
