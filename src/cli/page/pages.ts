/**
 * What each command puts on its page.
 */
import { Option } from 'commander';
import type { RecordedRun } from '../../explore/recorded-run.ts';
import type { Divergence, ReplayResult } from '../../explore/replay.ts';
import type { PageData, PageTable, Run } from '../../page/data.ts';
import { COVERAGE_HEAD, coverageRows } from '../explore-coverage.ts';
import type { MachineOrder } from '../explore-machine.ts';
import { type Explored, MANY_HEAD, manyRows } from '../explore-result.ts';
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
  const nothing = { findings: [], tables: [], run: null, locks: [], profile: null };
  return { command, subject, ok, verdict, settings: Object.fromEntries(words), ...nothing };
}

const subjectOf = ({ scenario, bug }: MachineOrder): string => (bug === null ? scenario : `${scenario} with ${bug}`);

/** The run to step through, and what to say where there is none. */
function filmed(order: MachineOrder, run: RecordedRun, decisive: number | null): { run: Run | null; notes: string[] } {
  if (run.steps <= FILM_STEPS_MAX) return { run: film(order, run, decisive), notes: [] };
  const [steps, most] = [run.steps, FILM_STEPS_MAX].map((count) => count.toLocaleString('en'));
  return { run: null, notes: [`The run has ${steps} steps; only runs of up to ${most} can be stepped through here.`] };
}

/** Of several scenarios a line each, and the first run that was found. */
export function explorePage(heading: Heading, explored: readonly Explored[]): PageData {
  const shown = explored.find(({ found }) => found !== null) ?? (explored[0] as Explored);
  const one = scenarioPage(heading, shown.result, shown.found);
  if (explored.length === 1) return one;
  return { ...one, tables: [{ title: 'Scenarios', head: MANY_HEAD, rows: manyRows(explored) }] };
}

function scenarioPage(heading: Heading, result: ExploreAnswer, found: Found | null): PageData {
  const outcomes = [...result.outcomes].sort((a, b) => b[1] - a[1]);
  const tables: PageTable[] = [{ title: 'What was seen', head: COVERAGE_HEAD, rows: coverageRows(result) }];
  if (outcomes.length > 0) tables.unshift({ title: 'Outcomes', head: ['outcome', 'executions'], rows: outcomes });
  const base = { ...page('explore', heading), tables };
  if (found === null) return base;
  const { run, notes } = filmed(found.order, found.run, decisiveStepOf(found));
  const finding = { report: found.finding, command: replayCommand(found), notes: [...foundNotes(found), ...notes] };
  return { ...base, subject: subjectOf(found.order), findings: [finding], run };
}

const divergenceNote = ({ step, expected, found }: Divergence): string =>
  `The program is another one than that of the schedule: at step ${step} ${expected} was expected, and ${found} was found.`;

/** `command`: what was typed. */
export function replayPage(
  heading: Omit<Heading, 'subject'>,
  order: MachineOrder,
  result: ReplayResult,
  command: string,
): PageData {
  const { run, notes } = filmed(order, result.run, null);
  if (result.divergence !== null) notes.unshift(divergenceNote(result.divergence));
  const findings = result.run.found === null ? [] : [{ report: result.run.found, command, notes }];
  return { ...page('replay', { ...heading, subject: subjectOf(order) }), findings, run };
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
