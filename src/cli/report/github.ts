/**
 * Checks as workflow commands of GitHub Actions: what failed becomes an annotation of the run.
 */
import { randomUUID } from 'node:crypto';
import type { CheckReport, Problem } from './checks.ts';

// The runner undoes these, in this order reversed; a property ends at a comma, the properties at a colon.
const message = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const property = (text: string): string => message(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

function command(name: string, properties: Readonly<Record<string, string | number>>, text: string): string {
  const said = Object.entries(properties).map(([key, value]) => `${key}=${property(String(value))}`);
  return `::${[name, said.join(',')].join(' ').trim()}::${message(text)}`;
}

/** Short, since the page cuts it: all that is known stands in the log, above. */
const annotation = (title: string, { message: sentence, next, place }: Problem): string =>
  command('error', { ...place, title }, next === '' ? sentence : `${sentence}\n${next}`);

export function githubText({ command: name, checks, stopped }: CheckReport): string {
  const out = checks.flatMap(({ group, name: check, problems }) =>
    problems.map((problem) => annotation(`dmrace ${name}, ${group} ${check}: ${problem.type}`, problem)),
  );
  if (stopped !== null) out.push(command('error', { title: `dmrace ${name}` }, stopped));
  return out.map((line) => `${line}\n`).join('');
}

/** What people read, in which nothing is a command, whatever a scenario's name or message says. */
export function withoutCommands(text: string): string {
  const token = randomUUID();
  return `::stop-commands::${token}\n${text}${text.endsWith('\n') ? '' : '\n'}::${token}::\n`;
}
