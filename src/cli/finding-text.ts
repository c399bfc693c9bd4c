/**
 * A finding as people read it: what is wrong, where everybody stands, the last steps, how to look further.
 */
import Table from 'cli-table3';
import type { FindingReport } from '../machine/machine.ts';

/** Steps of each CPU that are printed; the finding's file has all. */
const STEPS_SHOWN = 6;

const PLAIN = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/** A table without lines, as kernel tools print them; `right` names the columns that are aligned to the right. */
export function plainTable(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  right: readonly number[] = [],
): string {
  const table = new Table({
    head: [...head],
    chars: PLAIN,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colAligns: head.map((_, column) => (right.includes(column) ? 'right' : 'left')),
  });
  for (const row of rows) table.push(row.map(String));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** What stands below a list that is cut: how many it leaves out. */
export const andMore = (count: number): string => `and ${count} more`;

/** `wrong-error (I53): the bio of …` */
export function findingTitle(finding: FindingReport): string {
  return `${finding.kind}${finding.invariant === '' ? '' : ` (${finding.invariant})`}: ${finding.message}`;
}

export function findingText(finding: FindingReport, command: string | null): string {
  const lines = [findingTitle(finding)];
  if (finding.site !== '') lines.push(`  at ${finding.site}`);
  if (finding.report !== undefined) lines.push('', ...finding.report);
  if (finding.places.length > 0) {
    const rows = finding.places.map((place) => [
      place.cpu,
      place.who,
      place.at,
      place.holds.join(', '),
      place.waitsFor === '' ? '-' : place.waitsFor,
    ]);
    lines.push('', plainTable(['CPU', 'runs', 'at', 'holds', 'waits for'], rows));
  }
  for (const place of finding.places) {
    if (place.lastSteps.length === 0) continue;
    lines.push('', `last steps of CPU ${place.cpu}:`);
    for (const step of place.lastSteps.slice(-STEPS_SHOWN)) lines.push(`  ${step}`);
  }
  if (command !== null) lines.push('', `Search the same round: ${command}`);
  return lines.join('\n');
}
