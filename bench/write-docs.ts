/**
 * Writes docs/BENCHMARKS.md from a run. What stands between the markers is written by hand and kept.
 */
import { writeFileSync } from 'node:fs';
import { handWritten, tableRow } from './hand-written.ts';
import { COLUMNS, RIGHT, rowTexts, type Section } from './row.ts';

const FILE = new URL('../../docs/BENCHMARKS.md', import.meta.url);

export interface RunFacts {
  /** `2026-01-31` */
  readonly date: string;
  readonly command: string;
  readonly machine: string;
}

function sectionText({ name, title, rows }: Section): string {
  const rule = tableRow(COLUMNS.map((_, column) => (RIGHT.includes(column) ? '---:' : '---')));
  return [`## ${title} (\`${name}\`)`, '', tableRow(COLUMNS), rule, ...rows.map((row) => tableRow(rowTexts(row)))].join(
    '\n',
  );
}

export function writeDocs(sections: readonly Section[], { date, command, machine }: RunFacts): void {
  const head = `# Benchmarks

Written by \`${command}\` on ${date}; do not edit the tables.

${machine}

A *raw pair* is a compareExchange and a store on a word that nobody else uses, measured in the same run and thread, turn by turn
with what is held against it. *measured* is the best of many short turns, since the noise of a shared host only adds; *median* is
the median of all of them. Ratios carry over to other machines, times do not.`;
  writeFileSync(FILE, `${[head, handWritten(FILE), ...sections.map(sectionText)].join('\n\n')}\n`);
}
