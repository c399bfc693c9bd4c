/**
 * Writes docs/BENCHMARKS.md from a run. What stands between the markers is written by hand and kept.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { COLUMNS, RIGHT, rowTexts, type Section } from './row.ts';

const FILE = new URL('../../docs/BENCHMARKS.md', import.meta.url);
const KEEP = '<!-- by hand -->';
const END_KEEP = '<!-- end of by hand -->';

export interface RunFacts {
  /** `2026-01-31` */
  readonly date: string;
  readonly command: string;
  readonly machine: string;
}

function kept(): string {
  const text = existsSync(FILE) ? readFileSync(FILE, 'utf8') : '';
  const from = text.indexOf(KEEP);
  const to = text.indexOf(END_KEEP);
  return from < 0 || to < from ? `${KEEP}\n${END_KEEP}` : text.slice(from, to + END_KEEP.length);
}

function sectionText({ name, title, rows }: Section): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = line(COLUMNS.map((_, column) => (RIGHT.includes(column) ? '---:' : '---')));
  return [`## ${title} (\`${name}\`)`, '', line(COLUMNS), rule, ...rows.map((row) => line(rowTexts(row)))].join('\n');
}

export function writeDocs(sections: readonly Section[], { date, command, machine }: RunFacts): void {
  const head = `# Benchmarks

Written by \`${command}\` on ${date}; do not edit the tables.

${machine}

A *raw pair* is a compareExchange and a store on a word that nobody else uses, measured in the same run and thread, turn by turn
with what is held against it. *measured* is the best of many short turns, since the noise of a shared host only adds; *median* is
the median of all of them. Ratios carry over to other machines, times do not.`;
  writeFileSync(FILE, `${[head, kept(), ...sections.map(sectionText)].join('\n\n')}\n`);
}
