/**
 * What `dmrace explore` prints: of one scenario all that is known, of several a line each, and every finding.
 */
import type { PageTable } from '../page/data.ts';
import { coverageText } from './explore-coverage.ts';
import type { ExploreAnswer, ExploreRequest } from './explore-scenario.ts';
import { plainTable } from './finding-text.ts';
import { type Found, foundJson, foundText } from './found.ts';
import { hex } from './hex.ts';
import { type Check, type CheckReport, failureProblem, findingProblem } from './report/checks.ts';
import { replayCommand } from './scheduled-finding.ts';

/** One scenario that was explored. */
export interface Explored {
  readonly request: ExploreRequest;
  readonly result: ExploreAnswer;
  readonly found: Found | null;
}

/** Whether nothing was found, passed over or not. */
export const isClean = ({ found, result }: Explored): boolean => found === null && result.passedOver.size === 0;

const count = (value: number): string => value.toLocaleString('en');

/** `passed over: reorder 12, leak 1`. */
const passedOverText = ({ passedOver }: ExploreAnswer): string =>
  `passed over: ${[...passedOver].map(([kind, times]) => `${kind} ${count(times)}`).join(', ')}`;

/** Rules by which bios have ended: a check of the oracles, for `--json` alone. */
const isOfOracles = (what: string): boolean => what.startsWith('errors.');

/** Outcomes, and what the program counts: each where there is any. */
export function countTables({ outcomes, counts }: ExploreAnswer): PageTable[] {
  const byTimes = [...outcomes].sort((a, b) => b[1] - a[1]);
  const counted = [...counts].filter(([what, total]) => total > 0 && !isOfOracles(what));
  const tables: PageTable[] = [
    { title: 'Outcomes', head: ['outcome', 'executions'], rows: byTimes },
    {
      title: 'What was counted',
      head: ['counted', 'total'],
      rows: counted.map(([what, total]) => [what, count(total)]),
    },
  ];
  return tables.filter(({ rows }) => rows.length > 0);
}

function oneText({ result, found }: Explored): string[] {
  const out: string[] = [];
  if (found !== null) out.push(foundText(found), '');
  if (result.passedOver.size > 0) out.push(passedOverText(result), '');
  for (const { head, rows } of countTables(result)) out.push(plainTable(head, rows, [1]), '');
  const rate = (amount: number): string => count(Math.round(amount / result.seconds));
  out.push(
    `${count(result.executions)} executions (${rate(result.executions)}/s), ${count(result.steps)} steps (${rate(result.steps)}/s), ${Math.round(result.steps / Math.max(1, result.executions))} steps an execution, trace hash ${hex(result.traceHash)}`,
  );
  out.push(...coverageText(result));
  return out;
}

function manyText(explored: readonly Explored[]): string[] {
  return [
    ...explored.flatMap(({ found }) => (found === null ? [] : [foundText(found), ''])),
    plainTable(MANY_HEAD, manyRows(explored), [1, 2, 3]),
  ];
}

export function exploreText(explored: readonly Explored[]): string {
  const [first] = explored;
  return `${(explored.length === 1 ? oneText(first as Explored) : manyText(explored)).join('\n')}\n`;
}

function resultJson({ result }: Explored): object {
  return {
    executions: result.executions,
    steps: result.steps,
    executionsPerSecond: Math.round(result.executions / result.seconds),
    stepsPerSecond: Math.round(result.steps / result.seconds),
    outcomes: Object.fromEntries(result.outcomes),
    counts: Object.fromEntries(result.counts),
    passedOver: Object.fromEntries(result.passedOver),
    traceHash: hex(result.traceHash),
    coverage: result.coverage,
    exhaustive: result.exhaustive,
  };
}

/** The sums of several; what cannot be summed is by scenario. */
function summedJson(explored: readonly Explored[]): object {
  const sum = (of: (result: ExploreAnswer) => number): number =>
    explored.reduce((all, { result }) => all + of(result), 0);
  const seconds = sum((result) => result.seconds);
  return {
    executions: sum((result) => result.executions),
    steps: sum((result) => result.steps),
    executionsPerSecond: Math.round(sum((result) => result.executions) / seconds),
    stepsPerSecond: Math.round(sum((result) => result.steps) / seconds),
    coverage: Object.fromEntries(explored.map(({ request, result }) => [request.scenario, result.coverage])),
    exhaustive: null,
    scenarios: explored.map((each) => ({ scenario: each.request.scenario, ...resultJson(each) })),
  };
}

/** `interrupted`: before all that was asked for had been explored; then that nothing was found says nothing of the rest. */
export function hasHeld(explored: readonly Explored[], interrupted: boolean): boolean {
  return explored.every(isClean) && !interrupted;
}

export function exploreJson(settings: object, explored: readonly Explored[], interrupted: boolean): object {
  const findings = explored.flatMap(({ found }) => (found === null ? [] : [foundJson(found)]));
  const [first] = explored;
  return {
    command: 'explore',
    settings,
    ...(explored.length === 1 ? resultJson(first as Explored) : summedJson(explored)),
    findings,
    interrupted,
    ok: hasHeld(explored, interrupted),
  };
}

function checkOf({ request, result, found }: Explored): Check {
  const { scenario, bug } = request;
  const sought =
    found === null ? [] : [findingProblem(found.finding, `Replay: ${replayCommand(found)}`, foundText(found))];
  const passedOver =
    result.passedOver.size === 0
      ? []
      : [failureProblem('passed-over', passedOverText(result), 'Without --kind the search ends at the first finding.')];
  return {
    group: 'scenario',
    name: bug === null ? scenario : `${scenario} with ${bug}`,
    seconds: result.seconds,
    problems: [...sought, ...passedOver],
  };
}

/** `stopped`: before anything was found. */
export function exploreChecks(
  settings: Readonly<Record<string, unknown>>,
  explored: readonly Explored[],
  stopped: boolean,
): CheckReport {
  const executions = explored.reduce((sum, { result }) => sum + result.executions, 0);
  return {
    command: 'explore',
    settings,
    checks: explored.map(checkOf),
    stopped: stopped ? `interrupted after ${count(executions)} executions` : null,
  };
}

export const MANY_HEAD: readonly string[] = ['scenario', 'executions', 'steps', 'classes', 'result'];

/** One line a scenario. */
export function manyRows(explored: readonly Explored[]): string[][] {
  return explored.map(({ request, result, found }) => {
    const { classes } = result.coverage;
    const quiet = result.passedOver.size > 0 ? passedOverText(result) : (result.exhaustive ?? 'nothing found');
    const ends = found === null ? quiet : found.finding.kind;
    return [request.scenario, count(result.executions), count(result.steps), count(classes.seen), ends];
  });
}
