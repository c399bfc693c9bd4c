/**
 * docs/FOUND.md says what the search finds in the patch as it was posted: each of its schedules leads to the finding beside it.
 */
import { type Test, test } from 'tap';
import { runCli } from './support/cli.ts';
import { readText, tableRows } from './support/documents.ts';
import { replayed } from './support/replay.ts';

const HEAD = ['mistake', 'finding', 'scenario', 'searches', 'seed', 'executions', 'switches', 'sentence', 'schedule'];
const rows = tableRows(readText('docs/FOUND.md'), HEAD);

/** Without the places, whose lines move. */
const spoken = (sentence: string): string => sentence.replace(/ \([\w./-]+:\d+\)/g, '');

/** What is wrong with a row: its schedule must lead to its finding, without leaving its rails. */
function complaint([, finding, scenario, , , , switches, sentence = '', schedule = '']: readonly string[]):
  | string
  | null {
  const text = schedule.replaceAll('`', '');
  if (!text.startsWith(`v1.${scenario}:seed-000.`)) return 'it is the schedule of another program';
  const { run, divergence } = replayed(text);
  if (divergence !== null) return `it diverges at step ${divergence.step}`;
  const found = run.found === null ? 'nothing' : `${run.found.kind} ${run.found.invariant}`.trim();
  if (found !== finding || spoken(run.found?.message ?? '') !== spoken(sentence))
    return `it finds ${found}: ${run.found?.message}`;
  return run.switches === Number(switches) ? null : `it has ${run.switches} switches`;
}

test('each schedule of the page leads to the finding that the page says', async (t: Test) => {
  t.ok(rows.length > 0);
  for (const row of rows) t.equal(complaint(row), null, `${row[0]} in ${row[2]}`);
});

test('a finding that the page must not claim is noticed', async (t: Test) => {
  const [first = [], ...rest] = rows;
  const other = rest.find((row) => row[1] !== first[1]) ?? [];
  t.match(complaint(first.with(1, other[1] as string)), /^it finds /);
  t.equal(complaint(first.with(8, other[8] as string)), 'it is the schedule of another program');
});

test('the command of the page finds rows again that were found soon', async (t) => {
  const command = /`dmrace (explore SCENARIO [^`]*)`/.exec(readText('docs/FOUND.md'))?.[1] ?? '';
  const soon = rows.filter(([, , , , , executions]) => Number(executions) < 5).slice(0, 3);
  t.equal(soon.length, 3);
  for (const [, finding, scenario = '', , seed = '', executions] of soon) {
    const words = command.replace('SCENARIO', scenario).replace('SEED', seed).split(' ');
    const given = ['--executions', '5', '--shrink-seconds', '0', '--out', t.testdir(), '--json'];
    const { stdout } = await runCli([...words, ...given], process.cwd());
    const { findings } = JSON.parse(stdout) as {
      findings: readonly { kind: string; invariant: string; executionsToFind: number }[];
    };
    const found = findings.map(({ kind, invariant }) => `${kind} ${invariant}`.trim());
    t.strictSame([found, findings[0]?.executionsToFind], [[finding], Number(executions)], scenario);
  }
});
