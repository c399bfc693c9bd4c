/**
 * Checks as TAP version 14 (https://testanything.org/tap-version-14-specification.html).
 */
import { stringify } from 'yaml';
import { settingsText } from '../settings-text.ts';
import type { Check, CheckReport, Problem } from './checks.ts';

/** A description is one line, in which `#` would begin a directive. */
const described = (text: string): string => oneLine(text).replace(/[\\#]/g, '\\$&');
// Beside the usual ends of a line those that some parsers take for one.
const oneLine = (text: string): string => text.replace(/[\r\n\u0085\u2028\u2029]+/g, ' ').trim();

function diagnostic(problems: readonly Problem[]): string[] {
  const [first] = problems;
  if (first === undefined) return [];
  const { message, kind, type, place } = first;
  const content = {
    message,
    severity: kind === 'error' ? 'error' : 'fail',
    type,
    ...(place === null ? {} : { at: place }),
    text: problems.map(({ text }) => text).join('\n\n'),
  };
  const lines = stringify(content, { lineWidth: 0 }).trimEnd().split('\n');
  return ['---', ...lines, '...'].map((line) => `  ${line}`);
}

const lines = ({ group, name, problems }: Check, index: number): string[] => [
  `${problems.length === 0 ? 'ok' : 'not ok'} ${index + 1} - ${described(`${group}: ${name}`)}`,
  ...diagnostic(problems),
];

export function tapText({ command, settings, checks, stopped }: CheckReport): string {
  return [
    'TAP version 14',
    `# ${command}: ${oneLine(settingsText(settings))}`,
    ...checks.flatMap(lines),
    // A plan that is not fulfilled would be a failure; this one says why.
    stopped === null ? `1..${checks.length}` : `Bail out! ${described(stopped)}`,
    '',
  ].join('\n');
}
