/**
 * The documents as data: their tables and their code.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The rows of every table with these columns, cells trimmed. */
export function tableRows(markdown: string, columns: readonly string[]): string[][] {
  const rows: string[][] = [];
  let inside = false;
  for (const line of markdown.split('\n')) {
    const cells = line.startsWith('|') ? cellsOf(line) : [];
    if (cells.length === 0) inside = false;
    else if (cells.join('|') === columns.join('|')) inside = true;
    else if (inside && !cells.every((cell) => /^:?-+:?$/.test(cell))) rows.push(cells);
  }
  return rows;
}

/** The cells of a table's line. A bar inside a cell is written `\|`. */
function cellsOf(line: string): string[] {
  return line
    .replace(/^\||\|\s*$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** The files under a folder of the repository whose names end so. */
export function filesUnder(folder: string, ending: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((entry) => `${folder}/${entry.replaceAll('\\', '/')}`)
    .filter((file) => file.endsWith(ending))
    .sort();
}

export const readText = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** All TypeScript under a folder, as one text. */
export function sourceText(folder: string): string {
  return filesUnder(folder, '.ts').map(readText).join('\n');
}

/** A document for people to read. */
export interface Page {
  readonly file: string;
  readonly text: string;
}

/** The README, the changelog and everything in docs/. */
export const pages: readonly Page[] = ['README.md', 'CHANGELOG.md', ...filesUnder('docs', '.md')].map((file) => ({
  file,
  text: readText(file),
}));

/** A fenced block of code, without its fences. */
export interface CodeBlock {
  readonly file: string;
  readonly line: number;
  readonly language: string;
  readonly code: string;
}

export function codeBlocks({ file, text }: Page): CodeBlock[] {
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    file,
    line: text.slice(0, match.index).split('\n').length,
    language: match[1] as string,
    code: match[2] as string,
  }));
}

/** What a document says outside its fenced blocks. */
export const proseOf = ({ text }: Page): string => text.replace(/^```\w*\n[\s\S]*?^```$/gm, '');
