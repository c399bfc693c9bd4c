/**
 * Documents that a run writes: what stands between the markers is written by hand and kept.
 */
import { existsSync, readFileSync } from 'node:fs';

const KEEP = '<!-- by hand -->';
const END_KEEP = '<!-- end of by hand -->';

/** The markers of a document, and what is between them. */
export function handWritten(file: URL): string {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const from = text.indexOf(KEEP);
  const to = text.indexOf(END_KEEP);
  return from < 0 || to < from ? `${KEEP}\n${END_KEEP}` : text.slice(from, to + END_KEEP.length);
}

/** A row of a Markdown table. */
export const tableRow = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
