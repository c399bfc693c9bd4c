/**
 * Writes docs/SCTBENCH.md from a run. What stands between the markers is written by hand and kept.
 */
import { writeFileSync } from 'node:fs';
import { handWritten, tableRow } from '../hand-written.ts';
import { HEAD, type Measured, rowOf, summaryOf } from './report.ts';
import type { Limits } from './trial.ts';

const FILE = new URL('../../../docs/SCTBENCH.md', import.meta.url);

export interface RunFacts {
  /** `2026-01-31` */
  readonly date: string;
  readonly command: string;
  readonly trials: number;
  readonly limits: Limits;
}

export function writeDocs(results: readonly Measured[], { date, command, trials, limits }: RunFacts): void {
  const head = `# SCTBench and ConVul

Written by \`${command}\` on ${date}; do not edit the tables.

${trials} trials of each program under each algorithm, of at most ${limits.schedules.toLocaleString('en')} schedules and ${limits.steps.toLocaleString('en')} steps, 25 times as many
for SURW and the portfolio. \`20: 7.3\`: 20 trials found
the bug, after 7.3 schedules on average; \`+\`: some ended by their steps. Published, with fewest and most schedules in brackets: the raw data of Zhao, Wolff,
Mathur, Roychoudhury: Selectively uniform concurrency testing. ASPLOS 2025.`;
  const summary = ['## Summary', '', ...summaryOf(results).map((each) => `* ${each}`)].join('\n');
  const table = [
    '## Schedules to the bug',
    '',
    tableRow(HEAD),
    tableRow(HEAD.map(() => '---')),
    ...results.map((each) => tableRow(rowOf(each))),
  ];
  const titles = [
    '## The programs',
    '',
    tableRow(['name', 'what goes wrong']),
    tableRow(['---', '---']),
    ...results.map(({ name, title }) => tableRow([name, title])),
  ];
  writeFileSync(FILE, `${[head, summary, handWritten(FILE), table.join('\n'), titles.join('\n')].join('\n\n')}\n`);
}
