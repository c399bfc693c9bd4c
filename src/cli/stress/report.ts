/**
 * What a stress run prints at its end: tables for people, one document for programs.
 */
import type { PageTable } from '../../page/data.ts';
import { andMore, findingText, plainTable } from '../finding-text.ts';
import { lockStatTable } from '../profile/text.ts';
import { type Check, type CheckReport, errorProblem, findingProblem } from '../report/checks.ts';
import { version } from '../version.ts';
import type { StressSettings } from './order.ts';
import type { StressOutcome } from './runner.ts';
import type { SuiteTally } from './tally.ts';

interface ReportTable extends PageTable {
  /** Columns that are aligned to the right. */
  readonly right: readonly number[];
  /** The columns do not say what it is: its title is printed. */
  readonly titled?: boolean;
}

const joined = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ') || '-';

/** Findings and faults: what the last line says. */
export function failures(outcome: StressOutcome): string[] {
  const findings = outcome.suites.flatMap((suite) =>
    suite.findings.length === 0
      ? []
      : [`${suite.findings.length} finding${suite.findings.length === 1 ? '' : 's'} in ${suite.name}`],
  );
  return [...findings, ...outcome.faults];
}

/** All that was asked for was done, and held. */
export function hasHeld(outcome: StressOutcome): boolean {
  return failures(outcome).length === 0 && !outcome.interrupted;
}

function suiteTable(suites: readonly SuiteTally[]): ReportTable {
  const head = [
    'suite',
    'rounds',
    'submitted',
    'completed',
    'pushed back',
    'failed',
    'suspended',
    'interrupted',
    'refused',
    'findings',
  ];
  const names = ['submitted', 'completed', 'pushedBack', 'failed'].map((name) => `bios.${name}`);
  names.push(...['done', 'interrupted', 'failed'].map((name) => `suspends.${name}`));
  const rows = suites.map((suite) => [
    suite.name,
    suite.rounds,
    ...names.map((name) => (suite.has('bios') ? suite.count(name) : '-')),
    suite.findings.length,
  ]);
  return { title: 'Suites', head, rows, right: [1, 2, 3, 4, 5, 6, 7, 8, 9] };
}

/** What the suites about barriers have shown: how often a sector was looked at because a barrier orders a write in it. */
function barrierTable(suites: readonly SuiteTally[]): ReportTable {
  const names = ['barriers.completed', 'power.cuts', 'sectors.checked'];
  const rows = suites.map((suite) => [suite.name, ...names.map((name) => suite.count(name))]);
  return { title: 'Barriers', head: ['suite', 'barriers', 'power cuts', 'sectors checked'], rows, right: [1, 2, 3] };
}

/** As locktorture says it: how often each kind of lock was held, for writing and for reading. */
function lockTable(suites: readonly SuiteTally[]): ReportTable {
  const counts = suites.flatMap((suite) => Object.entries(suite.lockCounts()));
  counts.sort(([a], [b]) => a.localeCompare(b));
  const rows = counts.map(([kind, { writes, reads }]) => [kind, writes, reads]);
  return { title: 'Locks', head: ['lock', 'writes', 'reads'], rows, right: [1, 2] };
}

function cpuTable(settings: StressSettings, { cpus }: StressOutcome): ReportTable {
  const rows = cpus.sums.map((each) => [
    each.cpu === settings.cpus ? 'irq' : each.cpu,
    each.steps,
    each.interrupts,
    each.softirqs,
    each.switches,
    each.parks,
  ]);
  const head = ['CPU', 'steps', 'interrupts', 'softirqs', 'switches', 'parks'];
  return { title: 'CPUs', head, rows, right: [0, 1, 2, 3, 4, 5] };
}

/** All numbers of a run; what was not counted has no table. */
export function stressTables(settings: StressSettings, outcome: StressOutcome): ReportTable[] {
  const devices = outcome.suites.filter((suite) => !suite.has('locks'));
  const tables = [
    {
      title: 'Canaries',
      head: ['canary', 'caught', 'rounds'],
      rows: outcome.canaries.map(({ id, caught, tries }) => [id, caught ? 'yes' : 'NO', tries]),
      right: [2],
    },
    lockTable(outcome.suites.filter((suite) => suite.has('locks'))),
    suiteTable(outcome.suites),
    barrierTable(devices.filter((suite) => suite.has('barriers'))),
    {
      title: 'Errors',
      head: ['suite', 'ends by rule', 'suspends interrupted in phase'],
      rows: devices.map((suite) => [suite.name, joined(suite.below('errors')), joined(suite.below('interrupted'))]),
      right: [],
    },
    {
      title: 'Locks that were waited for longest; times in us, ~ sampled',
      titled: true,
      ...lockStatTable(outcome.locks, LOCKS_SHOWN),
    },
    cpuTable(settings, outcome),
  ];
  return tables.filter(({ rows }) => rows.length > 0);
}

/** The report without colours or cursor movements; every line fits a pipe. */
export function stressText(settings: StressSettings, outcome: StressOutcome): string {
  const parts: string[] = [];
  for (const { name, findings } of outcome.suites) {
    for (const finding of findings.slice(0, FINDINGS_SHOWN))
      parts.push(`${findingText(finding, finding.explore)}\nAll that is known: ${finding.file}\n`);
    const others = findings.slice(FINDINGS_SHOWN).map(({ file }) => file);
    if (others.length > 0) parts.push(`${andMore(others.length)} of ${name}: ${others.join(', ')}\n`);
  }
  for (const { title, titled, head, rows, right } of stressTables(settings, outcome)) {
    if (titled === true) parts.push(title);
    parts.push(plainTable(head, rows, right), '');
  }
  return parts.join('\n');
}

/** Locks that are printed; `dmrace profile` says more. */
const LOCKS_SHOWN = 5;

/** Findings of a suite that are printed; all are in files and in --json. */
const FINDINGS_SHOWN = 3;

/** `--json`. */
export function stressJson(settings: StressSettings, outcome: StressOutcome): object {
  return {
    command: 'stress',
    version: version(),
    settings,
    canaries: outcome.canaries,
    suites: outcome.suites.map((suite) => ({
      name: suite.name,
      rounds: suite.rounds,
      bios: {
        submitted: suite.count('bios.submitted'),
        completed: suite.count('bios.completed'),
        pushedBack: suite.count('bios.pushedBack'),
        failed: suite.count('bios.failed'),
      },
      errorsByRule: suite.below('errors'),
      suspends: {
        done: suite.count('suspends.done'),
        interrupted: suite.count('suspends.interrupted'),
        failed: suite.count('suspends.failed'),
      },
      interruptedByPhase: suite.below('interrupted'),
      barriers: {
        completed: suite.count('barriers.completed'),
        powerCuts: suite.count('power.cuts'),
        sectorsChecked: suite.count('sectors.checked'),
      },
      locks: suite.lockCounts(),
      findings: suite.findings,
    })),
    locks: outcome.locks.slice(0, LOCKS_SHOWN),
    cpus: outcome.cpus.sums,
    faults: outcome.faults,
    interrupted: outcome.interrupted,
    ok: hasHeld(outcome),
  };
}

/** `--reporter`. A canary that was missed is a fault like any other; a suite that had no round has shown nothing. */
export function stressChecks(
  settings: StressSettings,
  { canaries, suites, faults, interrupted }: StressOutcome,
): CheckReport {
  const caught = canaries.filter((canary) => canary.caught);
  const checks: Check[] = [
    ...caught.map(({ id, tries }) => ({ group: 'canary', name: `${id} is caught in round ${tries}`, problems: [] })),
    ...suites
      .filter(({ rounds }) => rounds > 0)
      .map(({ name, rounds, findings }) => ({
        group: 'suite',
        name: `${name} holds in ${rounds} round${rounds === 1 ? '' : 's'}`,
        problems: findings.map((finding) => findingProblem(finding, `Search the same round: ${finding.explore}`)),
      })),
    ...faults.map((fault) => ({ group: 'harness', name: fault, problems: [errorProblem(fault)] })),
  ];
  return { command: 'stress', settings: { ...settings }, checks, stopped: interrupted ? 'interrupted' : null };
}
