// Whether a failure on threads leads to its schedule: for each bug of the suites, failures of `dmrace stress`, and what the `dmrace
// explore SUITE@SEED.ROUND` that each of them prints finds on the model machine.
//
// Writes the table into docs/TESTING.md, between `<!-- table of from-stress -->` and `<!-- end of table -->`. Takes some minutes a bug.
// Usage: node scripts/from-stress.mjs [--failures N] [--seconds S] [BUG…]; default 10 failures, 60 s each, all bugs of
// suites; rows of the others are kept. Build first.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MAIN = join(ROOT, 'dist/src/cli/main.js');
const PAGE = join(ROOT, 'docs/TESTING.md');
const BLOCK = /(<!-- table of from-stress -->\n)[\s\S]*?(<!-- end of table -->)/;
/** Threads may take some time to show a bug. */
const STRESS_SECONDS = 120;
/** A bug that threads do not show is asked so many times. */
const MISSES_MAX = 3;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { failures: { type: 'string', default: '10' }, seconds: { type: 'string', default: '60' } },
});
const failures = Number(values.failures);
const { isExpected } = await import(new URL('../dist/src/variants/bug.js', import.meta.url).href);
const { bugs } = await import(new URL('../dist/src/variants/variants.js', import.meta.url).href);
const out = mkdtempSync(join(tmpdir(), 'dmrace-'));

function dmrace(args) {
  const { stdout, status } = spawnSync(process.execPath, [MAIN, ...args, '--json', '--out', out], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (status !== 0 && status !== 1) throw new Error(`dmrace ${args.join(' ')} ends with ${status}`);
  return JSON.parse(stdout);
}

/** A failure on threads, and what the command that it prints leads to; null: threads did not fail. */
function once(bug, seed) {
  const stress = dmrace(['stress', bug.suite, '--bug', bug.id, '--seed', `${seed}`, '--seconds', `${STRESS_SECONDS}`]);
  const failure = stress.suites.flatMap((suite) => suite.findings)[0];
  if (failure === undefined) return null;
  const [, ...command] = failure.explore.split(' ');
  const search = dmrace([...command, '--seed', '1', '--seconds', values.seconds, '--shrink-seconds', '0']);
  const found = search.findings[0];
  const isSame =
    found?.kind === failure.kind &&
    (found.invariant === failure.invariant ||
      (isExpected(found, bug.model) && isExpected(failure, bug.real ?? bug.model)));
  process.stderr.write(
    `${failure.explore}: ${failure.kind} ${failure.invariant}, ${found?.kind} ${found?.invariant}\n`,
  );
  return { isSame, seconds: found?.secondsToFind, executions: found?.executionsToFind };
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

function row(bug) {
  const tries = [];
  for (let seed = 1; tries.length < failures && seed <= failures + MISSES_MAX; seed++) {
    const tried = once(bug, seed);
    if (tried !== null) tries.push(tried);
  }
  const same = tries.filter(({ isSame }) => isSame);
  if (tries.length === 0) return `| ${bug.id} | ${bug.suite} | 0 | | | |`;
  const executions = same.length === 0 ? '' : median(same.map((each) => each.executions)).toLocaleString('en');
  const seconds = same.length === 0 ? '' : median(same.map((each) => each.seconds)).toFixed(1);
  const longest = same.length === 0 ? '' : Math.max(...same.map((each) => each.seconds)).toFixed(1);
  return `| ${bug.id} | ${bug.suite} | ${tries.length} | ${same.length} | ${executions} | ${seconds} (${longest}) |`;
}

const ofSuites = bugs.filter(({ suite }) => suite !== null);
const chosen = positionals.length === 0 ? ofSuites : ofSuites.filter(({ id }) => positionals.includes(id));
const page = readFileSync(PAGE, 'utf8');
// Rows of bugs that were not asked for stay as they are.
const rows = new Map(ofSuites.map(({ id }) => [id, page.split('\n').find((line) => line.startsWith(`| ${id} | `))]));
for (const bug of chosen) rows.set(bug.id, row(bug));
rmSync(out, { recursive: true });
const table = [
  '| bug | suite | failures on threads | the same finding in the model | executions, median | seconds, median (most) |',
  '| --- | --- | --- | --- | --- | --- |',
  ...[...rows.values()].filter((line) => line !== undefined),
].join('\n');
process.stdout.write(`${table}\n`);
writeFileSync(
  PAGE,
  page.replace(BLOCK, (_, start, end) => `${start}\n${table}\n\n${end}`),
);
