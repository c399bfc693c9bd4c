/**
 * `dmrace explore`: many executions of one scenario on the model machine.
 */
import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import { type Budget, NO_BUDGET } from '../explore/choices.ts';
import { STRATEGY_NAMES, type StrategyName } from '../explore/strategies/all.ts';
import { scenarios, suites } from '../scenarios/registry.ts';
import { presets } from '../variants/presets.ts';
import { bugs, findBug } from '../variants/variants.ts';
import { budget, budgetText } from './budget.ts';
import { coverageJson, coverageText } from './explore-coverage.ts';
import { type ExploreAnswer, type ExploreRequest, exploreScenario } from './explore-scenario.ts';
import { plainTable } from './finding-text.ts';
import { type Found, foundJson, foundText, makeFound } from './found.ts';
import { hex } from './hex.ts';
import { onInterrupt } from './interrupt.ts';
import { loadOwn } from './own-file.ts';
import { writePage } from './page/html.ts';
import { explorePage, htmlOption } from './page/pages.ts';
import { startProgress } from './progress.ts';
import { type CheckReport, findingProblem } from './report/checks.ts';
import { checkReporter, Printer, type ReporterOptions, reporterOption } from './report/reporter.ts';
import { replayCommand } from './scheduled-finding.ts';
import { settingsText } from './settings-text.ts';
import {
  CPUS_MAX,
  checkFile,
  checkWritable,
  DEFAULT_OUT,
  EXIT_FINDING,
  EXIT_INTERRUPTED,
  seconds,
  secondsOrNone,
  UsageError,
  wholeNumber,
} from './usage.ts';

interface ExploreOptions extends ReporterOptions {
  readonly cpus: number;
  readonly seed?: number;
  readonly executions?: number;
  readonly seconds?: number;
  readonly preset?: string;
  readonly bug?: string;
  readonly lock: 'tas' | 'ticket';
  readonly strategy: StrategyName;
  readonly jobs: number;
  readonly budget: Budget;
  readonly shrinkSeconds: number;
  readonly out: string;
  readonly races: boolean;
  readonly lockdep: boolean;
  readonly html?: string;
}

const DEFAULT_EXECUTIONS = 20_000;
const JOBS_MAX = 64;

/** The scenario to explore: the one that is named, or the bug's own. */
function chooseBuiltIn(name: string | undefined, bug: string | undefined): string {
  const chosen = name ?? (bug === undefined ? undefined : findBug(bug)?.scenario);
  if (chosen === undefined)
    throw new UsageError('Name a scenario or a round (SUITE@SEED.ROUND), or a bug with --bug; dmrace list shows them.');
  const round = /^([a-z-]+)@\d+\.\d+(~[0-9a-z]{1,40})?$/.exec(chosen);
  const known =
    round === null ? scenarios.some((each) => each.name === chosen) : suites.some((each) => each.name === round[1]);
  if (!known)
    throw new UsageError(
      `There is no scenario '${chosen}'; there are ${scenarios.map((each) => each.name).join(', ')}, and rounds of the suites as SUITE@SEED.ROUND.`,
    );
  return chosen;
}

async function exploreRequest(name: string | undefined, options: ExploreOptions): Promise<ExploreRequest> {
  if (options.seconds !== undefined && options.executions !== undefined)
    throw new UsageError('--seconds and --executions exclude each other; give one of them.');
  checkReporter(options);
  checkWritable(options.out);
  if (options.html !== undefined) checkFile('--html', options.html);
  const own = name === undefined ? null : await loadOwn(name);
  const bugPreset = options.bug === undefined ? undefined : findBug(options.bug)?.preset;
  return {
    ...(own ?? { scenario: chooseBuiltIn(name, options.bug) }),
    cpus: options.cpus,
    seed: options.seed ?? randomInt(2 ** 31),
    executions: options.executions ?? (options.seconds === undefined ? DEFAULT_EXECUTIONS : null),
    seconds: options.seconds ?? null,
    preset: options.preset ?? bugPreset ?? 'unified',
    bug: options.bug ?? null,
    lock: options.lock,
    strategy: options.strategy,
    jobs: options.jobs,
    budget: options.budget,
    races: options.races,
    lockdep: options.lockdep,
  };
}

function resultText(result: ExploreAnswer, found: Found | null): string {
  const out: string[] = [];
  if (found !== null) out.push(foundText(found), '');
  const outcomes = [...result.outcomes].sort((a, b) => b[1] - a[1]);
  if (outcomes.length > 0) out.push(plainTable(['outcome', 'executions'], outcomes, [1]), '');
  const rate = (count: number): string => Math.round(count / result.seconds).toLocaleString('en');
  out.push(
    `${result.executions.toLocaleString('en')} executions (${rate(result.executions)}/s), ${result.steps.toLocaleString('en')} steps (${rate(result.steps)}/s), ${Math.round(result.steps / Math.max(1, result.executions))} steps an execution, trace hash ${hex(result.traceHash)}`,
  );
  out.push(...coverageText(result));
  return `${out.join('\n')}\n`;
}

function resultJson(request: ExploreRequest, result: ExploreAnswer, found: Found | null): object {
  return {
    command: 'explore',
    settings: request,
    executions: result.executions,
    steps: result.steps,
    executionsPerSecond: Math.round(result.executions / result.seconds),
    stepsPerSecond: Math.round(result.steps / result.seconds),
    outcomes: Object.fromEntries(result.outcomes),
    traceHash: hex(result.traceHash),
    coverage: coverageJson(result),
    exhaustive: result.exhaustive,
    findings: found === null ? [] : [foundJson(found)],
    ok: found === null,
  };
}

function resultChecks(
  request: ExploreRequest,
  result: ExploreAnswer,
  found: Found | null,
  stopped: boolean,
): CheckReport {
  const { scenario, bug } = request;
  const check = {
    group: 'scenario',
    name: bug === null ? scenario : `${scenario} with ${bug}`,
    seconds: result.seconds,
    problems:
      found === null ? [] : [findingProblem(found.finding, `Replay: ${replayCommand(found)}`, foundText(found))],
  };
  const early = `interrupted after ${result.executions.toLocaleString('en')} executions`;
  return {
    command: 'explore',
    settings: settingsWords(request),
    checks: [check],
    stopped: stopped && found === null ? early : null,
  };
}

const settingsWords = (request: ExploreRequest): Record<string, unknown> => ({
  ...request,
  budget: budgetText(request.budget ?? NO_BUDGET),
});
const settingsOf = (request: ExploreRequest): string => settingsText(settingsWords(request));

async function runExplore(name: string | undefined, options: ExploreOptions): Promise<void> {
  const request = await exploreRequest(name, options);
  const printer = new Printer(options);
  printer.say(`explore: ${settingsOf(request)}\n\n`);
  const progress = startProgress('exploring');
  let stopped = false;
  const guard = onInterrupt(() => {
    stopped = true;
  });
  const result = await exploreScenario(
    request,
    (done) => {
      progress.say(`${done.toLocaleString('en')} executions`);
      return stopped;
    },
    (line) => printer.say(`${line}\n\n`),
  );
  const found = await makeFound(request, result, {
    out: options.out,
    shrinkSeconds: options.shrinkSeconds,
    say: progress.say,
    stopped: () => stopped,
  });
  guard.release();
  progress.stop();
  const verdict = found !== null ? `FAILURE: ${found.finding.kind}` : stopped ? 'INTERRUPTED' : 'SUCCESS';
  if (options.html !== undefined) {
    const heading = { subject: request.scenario, settings: settingsWords(request), verdict, ok: found === null };
    writePage(options.html, explorePage(heading, result, found));
  }
  printer.result({
    json: () => resultJson(request, result, found),
    text: () => `${resultText(result, found)}${settingsOf(request)}\nEnd of explore: ${verdict}\n`,
    checks: () => resultChecks(request, result, found, stopped),
  });
  if (result.finding !== null) process.exitCode = EXIT_FINDING;
  else if (stopped) process.exitCode = EXIT_INTERRUPTED;
}

export function addExploreCommand(program: Command): void {
  program
    .command('explore')
    .description('search the interleavings of a scenario on the model machine')
    .argument(
      '[scenario]',
      'a scenario, a round of a suite as SUITE@SEED.ROUND, or a file of your own; default: the bug’s own',
    )
    .option(
      '--cpus <n>',
      'CPUs of a suite’s round (scenarios have their own number)',
      wholeNumber(1, CPUS_MAX, 'CPUs'),
      4,
    )
    .option('--seed <n>', 'seed of the search; default: drawn and printed', wholeNumber(0, 2 ** 31 - 1, 'as a seed'))
    .option('--executions <n>', `how many executions; default ${DEFAULT_EXECUTIONS}`, wholeNumber(1, 1e9, 'executions'))
    .option('--seconds <s>', 'how long, instead of how many', seconds)
    .addOption(new Option('--preset <name>', 'era of the core').choices(presets.map(({ name }) => name)))
    .addOption(new Option('--bug <id>', 'switch a historic bug on').choices(bugs.map(({ id }) => id)))
    .addOption(new Option('--lock <kind>', 'kind of the spinlocks').choices(['tas', 'ticket']).default('tas'))
    .addOption(
      new Option('--strategy <name>', 'how interleavings are chosen').choices(STRATEGY_NAMES).default('portfolio'),
    )
    .option(
      '--jobs <n>',
      'threads that search; the result is the same for any number',
      wholeNumber(1, JOBS_MAX, 'threads'),
      availableParallelism(),
    )
    .option(
      '--budget <kinds>',
      'what may happen how often in an execution: signals=1,wakeups=2,allocations=1',
      budget,
      NO_BUDGET,
    )
    .option('--shrink-seconds <s>', 'how long a finding is made plainer; 0: not at all', secondsOrNone, 5)
    .option('--out <dir>', 'where findings go', DEFAULT_OUT)
    .option('--no-races', 'without the race detector: faster')
    .option('--no-lockdep', 'without the lock validator')
    .option('--json', 'print one JSON document')
    .addOption(reporterOption())
    .addOption(htmlOption())
    .addHelpText(
      'after',
      `
Exit code: 0 nothing found, 1 a finding, 2 wrong usage, 3 the harness broke, 130 interrupted.

Examples:
  dmrace explore interrupted-noflush --executions 50000
  dmrace explore --bug nf-check-then-queue-unlocked --seed 1
  dmrace explore interrupted-suspend@7.42 --seconds 20
  dmrace explore ./my-scenario.js
  dmrace explore noflush --strategy bounded --executions 100000
`,
    )
    .action(runExplore);
}
