/**
 * What a stress run prints at its end: tables for people, one document for programs.
 */
import { findingText, plainTable } from '../finding-text.ts';
import { lockStatTable } from '../profile/text.ts';
import { version } from '../version.ts';
import type { StressSettings } from './order.ts';
import type { StressOutcome } from './runner.ts';
import type { SuiteTally } from './tally.ts';

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

function suiteTable(suites: readonly SuiteTally[]): string {
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
  return plainTable(head, rows, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

/** As locktorture says it: how often each kind of lock was held, for writing and for reading. */
function lockTable(suites: readonly SuiteTally[]): string {
  const counts = suites.flatMap((suite) => Object.entries(suite.lockCounts()));
  counts.sort(([a], [b]) => a.localeCompare(b));
  const rows = counts.map(([kind, { writes, reads }]) => [kind, writes, reads]);
  return plainTable(['lock', 'writes', 'reads'], rows, [1, 2]);
}

/** The report without colours or cursor movements; every line fits a pipe. */
export function stressText(settings: StressSettings, outcome: StressOutcome): string {
  const parts: string[] = [];
  for (const suite of outcome.suites)
    for (const finding of suite.findings.slice(0, FINDINGS_SHOWN))
      parts.push(`${findingText(finding, finding.explore)}\nAll that is known: ${finding.file}\n`);
  if (outcome.canaries.length > 0)
    parts.push(
      plainTable(
        ['canary', 'caught', 'rounds'],
        outcome.canaries.map(({ id, caught, tries }) => [id, caught ? 'yes' : 'NO', tries]),
        [2],
      ),
      '',
    );
  const locks = outcome.suites.filter((suite) => suite.has('locks'));
  const devices = outcome.suites.filter((suite) => !suite.has('locks'));
  if (locks.length > 0) parts.push(lockTable(locks), '');
  parts.push(suiteTable(outcome.suites), '');
  const rules = devices.map((suite) => [suite.name, joined(suite.below('errors')), joined(suite.below('interrupted'))]);
  if (rules.length > 0) parts.push(plainTable(['suite', 'ends by rule', 'suspends interrupted in phase'], rules), '');
  if (outcome.locks.length > 0)
    parts.push(
      'locks that were waited for longest; times in us, ~ sampled',
      lockStatTable(outcome.locks, LOCKS_SHOWN),
      '',
    );
  if (outcome.cpus.sums.length > 0) {
    const rows = outcome.cpus.sums.map((each) => [
      each.cpu === settings.cpus ? 'irq' : each.cpu,
      each.steps,
      each.interrupts,
      each.softirqs,
      each.switches,
      each.parks,
    ]);
    parts.push(
      plainTable(['CPU', 'steps', 'interrupts', 'softirqs', 'switches', 'parks'], rows, [0, 1, 2, 3, 4, 5]),
      '',
    );
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
      locks: suite.lockCounts(),
      findings: suite.findings,
    })),
    locks: outcome.locks.slice(0, LOCKS_SHOWN),
    cpus: outcome.cpus.sums,
    faults: outcome.faults,
    interrupted: outcome.interrupted,
    ok: failures(outcome).length === 0 && !outcome.interrupted,
  };
}
