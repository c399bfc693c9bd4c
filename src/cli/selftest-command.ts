/**
 * `dmrace selftest`: does the lock validator report each wrong use of locks, and no right one?
 */
import { type Command, Option } from 'commander';
import { selftestKinds } from '../scenarios/selftest/cases.ts';
import { plainTable } from './finding-text.ts';
import { type CaseResult, type MachineName, runSelftest } from './selftest/run-cases.ts';
import { EXIT_BROKEN, EXIT_HELD } from './usage.ts';

interface SelftestOptions {
  readonly machine: MachineName | 'both';
  readonly lockdep: boolean;
  readonly json?: boolean;
}

interface MachineResult {
  readonly machine: MachineName;
  readonly cases: readonly CaseResult[];
}

/** `reported` and `silent` are right, the rest is not. */
function cell(result: CaseResult | undefined): string {
  if (result === undefined) return '.';
  const { ok, expected, found } = result;
  if (ok) return expected === null ? 'silent' : 'reported';
  if (found === null) return 'MISSED';
  return expected === null ? 'FALSE' : `OTHER: ${found}`;
}

function grid({ machine, cases }: MachineResult): string {
  const uses = [...new Set(cases.map(({ use }) => use))];
  const rows = uses.map((use) => [
    use,
    ...selftestKinds.map((kind) => cell(cases.find((each) => each.use === use && each.kind === kind))),
  ]);
  return plainTable([`on ${machine === 'model' ? 'the model' : 'threads'}`, ...selftestKinds], rows);
}

const failed = (results: readonly MachineResult[]): CaseResult[] =>
  results.flatMap(({ cases }) => cases.filter(({ ok }) => !ok));

function print(results: readonly MachineResult[]): void {
  const out = results.flatMap((result) => [grid(result), '']);
  for (const { kind, use, message } of failed(results))
    out.push(`${kind}, ${use}: ${message === '' ? 'nothing was found' : message}`);
  const wrong = failed(results).length;
  const count = results.reduce((sum, { cases }) => sum + cases.length, 0);
  out.push(`${count - wrong} of ${count} cases as they should be`);
  out.push(`End of selftest: ${wrong === 0 ? 'SUCCESS' : 'FAILURE: the lock validator cannot be trusted'}`);
  process.stdout.write(`${out.join('\n')}\n`);
}

async function selftest({ machine, lockdep, json }: SelftestOptions): Promise<void> {
  const machines: readonly MachineName[] = machine === 'both' ? ['model', 'threads'] : [machine];
  const results: MachineResult[] = [];
  for (const each of machines) results.push({ machine: each, cases: await runSelftest(each, lockdep) });
  const ok = failed(results).length === 0;
  if (json === true) {
    const document = { command: 'selftest', settings: { machine, lockdep }, machines: results, ok };
    process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  } else print(results);
  process.exitCode = ok ? EXIT_HELD : EXIT_BROKEN;
}

export function addSelftestCommand(program: Command): void {
  program
    .command('selftest')
    .description('show that the lock validator reports each wrong use of locks, and no right one')
    .addOption(
      new Option('--machine <name>', 'where the cases run').choices(['model', 'threads', 'both']).default('both'),
    )
    .option('--no-lockdep', 'without the validator: then the cases must fail')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
A row is a use of locks, a column a kind of lock: spinlock as test-and-set and with tickets, rwlock for writing and for reading, mutex,
rw_semaphore for writing and for reading, semaphore. A dot: not used so, or nobody could tell.
Exit code: 0 all as they should be, 2 wrong usage, 3 a wrong use was missed or a right one reported.

Examples:
  dmrace selftest
  dmrace selftest --machine model --json
`,
    )
    .action(selftest);
}
