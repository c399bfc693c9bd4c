/**
 * What a soak says in the end, and docs/SOAK.md.
 */
import { writeFileSync } from 'node:fs';
import type { ExploreAnswer } from '../../src/cli/explore-scenario.ts';
import type { Found } from '../../src/cli/found.ts';

export interface Soaked {
  readonly scenario: string;
  readonly preset: string;
  readonly answer: ExploreAnswer;
  readonly found: Found | null;
}

export const HEAD = [
  'scenario',
  'preset',
  'executions',
  'steps',
  'classes',
  'lock hand-overs',
  'P(new class)',
  'found',
];

const FILE = new URL('../../../docs/SOAK.md', import.meta.url);

const whole = (value: number): string => value.toLocaleString('en');
const sum = (done: readonly Soaked[], of: (each: Soaked) => number): number =>
  done.reduce((total, each) => total + of(each), 0);

export function tableOf(done: readonly Soaked[]): string[][] {
  return done.map(({ scenario, preset, answer: { executions, steps, coverage }, found }) => [
    scenario,
    preset,
    whole(executions),
    whole(steps),
    whole(coverage.classes.seen),
    whole(coverage.handOvers.seen),
    coverage.classes.next.toFixed(4),
    found === null ? 'nothing' : `${found.finding.kind} ${found.finding.invariant}`.trim(),
  ]);
}

function countsOf(done: readonly Soaked[]): string {
  const executions = sum(done, ({ answer }) => answer.executions);
  const steps = sum(done, ({ answer }) => answer.steps);
  const findings = done.filter(({ found }) => found !== null).length;
  return `${whole(executions)} executions, ${whole(steps)} steps; findings: ${findings}`;
}

export function summaryOf(done: readonly Soaked[]): string {
  const seconds = sum(done, ({ answer }) => answer.seconds);
  const rate = Math.round(sum(done, ({ answer }) => answer.steps) / seconds);
  return `${countsOf(done)}; ${whole(Math.round(seconds))} s, ${whole(rate)} steps/s`;
}

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

export function writeDocs(done: readonly Soaked[], { executions, seed }: { executions: number; seed: number }): void {
  const date = new Date().toISOString().slice(0, 10);
  const text = [
    '# Soak',
    '',
    `Written by \`npm run soak -- --executions ${executions} --seed ${seed} --write\` on ${date}; do not edit.`,
    '',
    'The core without a bug: every scenario under every clean preset, with all oracles, the race detector and the lock validator on. *Classes*: runs that',
    'differ in more than the order of what does not depend on each other. *P(new class)*: how likely the next execution was to',
    'show another one.',
    '',
    // How long it took says nothing: what runs beside it is not known. docs/BENCHMARKS.md has rates.
    `${countsOf(done)}.`,
    '',
    line(HEAD),
    line(HEAD.map(() => '---')),
    ...tableOf(done).map(line),
  ];
  writeFileSync(FILE, `${text.join('\n')}\n`);
}
