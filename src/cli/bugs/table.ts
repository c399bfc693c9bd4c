/**
 * What `bugs verify` says of each bug, as the columns of a table; for the command and for docs/VERIFIED.md.
 */
import type { VerifiedBug } from './verify.ts';

export const VERIFIED_HEAD: readonly string[] = [
  'bug',
  'found',
  'executions (median)',
  '(p95)',
  'seconds (p95)',
  'switches',
  'characters',
  'replays',
  'without the bug',
];

export function verifiedRow(bug: VerifiedBug): (string | number)[] {
  const said = (value: boolean | null, yes: string, no: string): string => (value === null ? '-' : value ? yes : no);
  return [
    bug.id,
    `${bug.found} of ${bug.seeds}`,
    bug.executionsMedian ?? '-',
    bug.executionsP95 ?? '-',
    bug.secondsP95?.toFixed(2) ?? '-',
    bug.switches ?? '-',
    bug.scheduleChars ?? '-',
    said(bug.replaysEqual, 'equal', 'DIFFER'),
    said(bug.cleanTwinSilent, 'silent', 'FINDING'),
  ];
}
