/**
 * `dmrace bugs`: the historic bugs, and whether each of them is found.
 */
import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import type { Bug } from '../variants/bug.ts';
import { bugs } from '../variants/variants.ts';
import { VERIFIED_HEAD, verifiedRow } from './bugs/table.ts';
import { TARGETS, type Verified, type VerifySettings, verifyBugs } from './bugs/verify.ts';
import { plainTable } from './finding-text.ts';
import { onInterrupt, verdictText } from './interrupt.ts';
import { withProgress } from './progress.ts';
import { type CheckReport, failureProblem } from './report/checks.ts';
import { checkReporter, Printer, type ReporterOptions, reporterOption } from './report/reporter.ts';
import { settingsText } from './settings-text.ts';
import { checkNames, EXIT_FINDING, EXIT_INTERRUPTED, seconds, secondsOrNone, wholeNumber } from './usage.ts';

const JOBS_MAX = 64;
const REPLAYS = 100;

interface VerifyOptions extends Omit<VerifySettings, 'replays'>, ReporterOptions {}

function listBugs({ json }: { readonly json?: boolean }): void {
  if (json === true) {
    const rows = bugs.map(({ swaps, multipath, ...rest }) => ({
      ...rest,
      swaps: Object.keys({ ...swaps, ...multipath }),
    }));
    process.stdout.write(`${JSON.stringify({ command: 'bugs', bugs: rows }, null, 2)}\n`);
    return;
  }
  const rows = bugs.map(({ id, commit, preset, scenario, model, title }) => [
    id,
    commit,
    preset,
    scenario,
    model.kind,
    title,
  ]);
  process.stdout.write(`${plainTable(['bug', 'commit', 'preset', 'scenario', 'finding', 'title'], rows)}\n`);
}

function verifiedText({ bugs: rows, problems, beyond }: Verified): string {
  const out = [plainTable(VERIFIED_HEAD, rows.map(verifiedRow), [1, 2, 3, 4, 5, 6]), '', ...problems];
  if (beyond.length > 0) {
    const { secondsP95, switches, scheduleChars } = TARGETS;
    out.push(`Aimed at: ${secondsP95} seconds, ${switches} switches, ${scheduleChars} characters. Beyond that:`);
    out.push(...beyond.map((each) => `  ${each}`));
  }
  return `${out.join('\n')}\n`;
}

/** A bug that no search has ended for is left out. */
function verifiedChecks(verified: Verified, settings: object, interrupted: boolean): CheckReport {
  const checks = verified.bugs
    .filter(({ seeds }) => seeds > 0)
    .map(({ id, seeds, problems }) => ({
      group: 'bug',
      name: `${id} is found with ${seeds === 1 ? 'the seed 1' : `each of the seeds 1 to ${seeds}`}, replays, and its scenario is silent without it`,
      problems: problems.map((problem) => failureProblem('bug', problem, `dmrace bugs verify ${id} --seeds ${seeds}`)),
    }));
  return { command: 'bugs verify', settings: { ...settings }, checks, stopped: interrupted ? 'interrupted' : null };
}

async function runVerify(ids: readonly string[], _: object, command: Command): Promise<void> {
  checkNames(
    ids,
    bugs.map(({ id }) => id),
    'bug',
  );
  const chosen: readonly Bug[] = ids.length === 0 ? bugs : bugs.filter(({ id }) => ids.includes(id));
  // commander gives an option that `bugs` has too to `bugs`.
  const { json = false, reporter, ...rest } = command.optsWithGlobals<VerifyOptions>();
  checkReporter({ json, reporter });
  const printer = new Printer({ json, reporter });
  const settings = { ...rest, replays: REPLAYS };
  const said = { bugs: ids.length === 0 ? 'all' : ids, ...settings };
  const echo = settingsText(said);
  const stop = new AbortController();
  const guard = onInterrupt(() => stop.abort());
  printer.say(`bugs verify: ${echo}\n\n`);
  const verified = await withProgress('verifying', ({ say }) =>
    verifyBugs(chosen, settings, { say, stop: stop.signal }),
  ).finally(() => guard.release());
  const { ok, problems } = verified;
  const { interrupted } = guard;
  const failed = problems.length === 0 ? [] : [`${problems.length} problem${problems.length === 1 ? '' : 's'}`];
  printer.result({
    json: () => ({ command: 'bugs verify', settings: { ids, ...settings }, ...verified, interrupted }),
    text: () => `${verifiedText(verified)}${echo}\nEnd of bugs verify: ${verdictText(failed, interrupted)}\n`,
    checks: () => verifiedChecks(verified, said, interrupted),
  });
  if (interrupted) process.exitCode = EXIT_INTERRUPTED;
  else if (!ok) process.exitCode = EXIT_FINDING;
}

function addVerify(command: Command): void {
  command
    .command('verify')
    .description('find each bug from a cold start, shrink it, replay it, and run its scenario without it')
    .argument('[ids...]', 'bugs; default: all')
    .option('--seeds <n>', 'searches for each bug, with the seeds 1 to n', wholeNumber(1, 10_000, 'seeds'), 20)
    .option(
      '--jobs <n>',
      'threads; each makes one search at a time',
      wholeNumber(1, JOBS_MAX, 'threads'),
      availableParallelism(),
    )
    .option('--seconds <s>', 'after which a search gives up', seconds, 60)
    .option('--shrink-seconds <s>', 'how long a finding is made plainer', secondsOrNone, 5)
    .option(
      '--clean-executions <n>',
      'executions of each scenario without the bug',
      wholeNumber(1, 1e9, 'executions'),
      20_000,
    )
    .option('--json', 'print one JSON document')
    .addOption(reporterOption())
    .addHelpText(
      'after',
      `
A search counts when it gives the finding that the bug declares. Of the switches and characters of its shrunk schedule the most of all
seeds is shown. Each schedule is replayed ${REPLAYS} times and must give the same trace hash. Bugs of one scenario and preset share the
run without a bug.

Exit code: 0 all of that holds, 1 something does not, 2 wrong usage, 3 the harness broke, 130 interrupted.

Examples:
  dmrace bugs verify
  dmrace bugs verify nf-check-then-queue-unlocked --seeds 5
  dmrace bugs verify --seeds 2 --clean-executions 2000 --json
`,
    )
    .action(runVerify);
}

export function addBugsCommand(program: Command): void {
  const command = program
    .command('bugs')
    .description('show the historic bugs; bugs verify: find each of them')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  dmrace bugs\n  dmrace bugs --json | jq -r .bugs[].id\n  dmrace bugs verify --seeds 2\n',
    )
    .action(listBugs);
  addVerify(command);
}
