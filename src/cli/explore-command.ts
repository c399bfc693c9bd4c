/**
 * `dmrace explore`: many executions of one scenario on the model machine.
 */
import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import { NO_BUDGET } from '../explore/choices.ts';
import { BOUND_MAX, isSystematic, STRATEGY_NAMES, type StrategyName, SYSTEMATIC } from '../explore/strategies/all.ts';
import { FINDING_KINDS, type FindingKind } from '../machine/finding.ts';
import type { Budget } from '../machine/machine.ts';
import { findScenario, isRound, SEED_MAX, scenarios, scenariosOf, suites } from '../scenarios/registry.ts';
import { findBug, type VariantChoice } from '../variants/variants.ts';
import { budget, budgetText, type GivenBudget, LIMITED, takesLimits, usualBudget } from './budget.ts';
import { type Explored, exploreChecks, exploreJson, exploreText, hasHeld, isClean } from './explore-result.ts';
import { type ExploreRequest, exploreScenario } from './explore-scenario.ts';
import { makeFound } from './found.ts';
import { type InterruptGuard, onInterrupt, verdictText } from './interrupt.ts';
import { makeLog } from './log.ts';
import { loadOwn, type OwnScenario } from './own-file.ts';
import { writePage } from './page/html.ts';
import { explorePage, htmlOption } from './page/pages.ts';
import { type Progress, withProgress } from './progress.ts';
import { checkReporter, Printer, type ReporterOptions, reporterOption } from './report/reporter.ts';
import { settingsText } from './settings-text.ts';
import {
  bugOption,
  lockOption,
  logLevelOption,
  presetOption,
  type VariantOptions,
  variantOf,
} from './shared-options.ts';
import {
  CPUS_MAX,
  checkFile,
  checkWritable,
  DEFAULT_OUT,
  EXIT_FINDING,
  EXIT_INTERRUPTED,
  seconds,
  secondsOrNone,
  seedNumber,
  UsageError,
  wholeNumber,
} from './usage.ts';

interface ExploreOptions extends ReporterOptions, VariantOptions {
  readonly cpus: number;
  readonly seed?: number;
  readonly executions?: number;
  readonly seconds?: number;
  readonly strategy: StrategyName;
  readonly bound?: number;
  readonly kind?: FindingKind;
  readonly jobs: number;
  readonly budget?: GivenBudget;
  readonly shrinkSeconds: number;
  readonly out: string;
  readonly logLevel: string;
  readonly races: boolean;
  readonly lockdep: boolean;
  readonly html?: string;
}

const DEFAULT_EXECUTIONS = 20_000;
const JOBS_MAX = 64;

/** A scenario or a round that there is. */
function checkBuiltIn(name: string): string {
  if (!isRound(name) && !scenarios.some((each) => each.name === name)) throw new UsageError(unknownScenario(name));
  return name;
}

function unknownScenario(name: string): string {
  const [suite] = name.split('@') as [string];
  if (suites.some((each) => each.name === suite))
    return `'${name}' is no round of the suite ${suite}; name one as SUITE@SEED.ROUND, such as ${suite}@1.0, with a seed up to ${SEED_MAX}.`;
  if (name.includes('/')) return `'${name}' is no scenario; a file of one's own ends in .js or .mjs.`;
  const all = scenarios.map((each) => each.name).join(', ');
  return `There is no scenario '${name}'; there are ${all}, and rounds of the suites as SUITE@SEED.ROUND.`;
}

/** What to explore: what is named, or the bug's own scenario, or all scenarios. */
async function chosen(
  names: readonly string[],
  { bug, preset }: VariantChoice,
): Promise<(OwnScenario | { scenario: string })[]> {
  const own = bug === null ? undefined : findBug(bug)?.scenario;
  if (names.length === 0)
    return own !== undefined ? [{ scenario: own }] : scenariosOf(preset).map(({ name }) => ({ scenario: name }));
  const list: (OwnScenario | { scenario: string })[] = [];
  for (const name of names) list.push((await loadOwn(name)) ?? { scenario: checkBuiltIn(name) });
  return list;
}

/** One request for each scenario, without its share of the executions or of the time. */
async function exploreRequests(names: readonly string[], options: ExploreOptions): Promise<ExploreRequest[]> {
  if (options.seconds !== undefined && options.executions !== undefined)
    throw new UsageError('--seconds and --executions exclude each other; give one of them.');
  checkReporter(options);
  if (options.kind === 'race' && !options.races)
    throw new UsageError('--kind race and --no-races exclude each other: only the race detector finds a race.');
  if (options.bound !== undefined && !isSystematic(options.strategy))
    throw new UsageError(
      `--bound is for --strategy ${Object.keys(SYSTEMATIC).join(' and ')}, not ${options.strategy}.`,
    );
  if (!takesLimits(options.strategy, options.budget))
    throw new UsageError(`--strategy dpor has no limit for ${LIMITED.join(' and ')}; --strategy bounded has.`);
  checkWritable(options.out);
  if (options.html !== undefined) checkFile('--html', options.html);
  const variant = variantOf(options);
  const list = await chosen(names, variant);
  if (options.executions !== undefined && options.executions < list.length)
    throw new UsageError(
      `--executions ${options.executions} is not enough for ${list.length} scenarios; give at least one to each.`,
    );
  const seed = options.seed ?? randomInt(2 ** 31);
  return list.map((each) => ({
    ...each,
    cpus: options.cpus,
    seed,
    executions: null,
    seconds: null,
    ...variant,
    lock: options.lock,
    strategy: options.strategy,
    bound: options.bound ?? null,
    kind: options.kind ?? null,
    jobs: options.jobs,
    budget: { ...usualBudget(each.scenario, options.cpus, options.strategy), ...options.budget },
    races: options.races,
    lockdep: options.lockdep,
  }));
}

/** The settings as they are echoed. */
function settingsOf(requests: readonly ExploreRequest[], options: ExploreOptions): Readonly<Record<string, unknown>> {
  const [first] = requests as readonly [ExploreRequest, ...ExploreRequest[]];
  const budgets = requests.map(({ budget: each = NO_BUDGET }) => each);
  const isSame = budgets.every((each) => budgetText(each) === budgetText(first.budget ?? NO_BUDGET));
  return {
    ...first,
    scenario: requests.length === 1 ? first.scenario : requests.map(({ scenario }) => scenario),
    budget: isSame ? first.budget : budgets,
    executions: options.executions ?? (options.seconds === undefined ? DEFAULT_EXECUTIONS : null),
    seconds: options.seconds ?? null,
  };
}

function settingsWords(settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { budget: chosen } = settings;
  return { ...settings, budget: Array.isArray(chosen) ? 'by-scenario' : budgetText(chosen as Budget) };
}

interface Surroundings {
  readonly progress: Progress;
  readonly guard: InterruptGuard;
  say(line: string): void;
}

/** Explores one scenario after the other. What one leaves of its share the others get. */
async function exploreAll(
  requests: readonly ExploreRequest[],
  options: ExploreOptions,
  { progress, guard, say }: Surroundings,
): Promise<Explored[]> {
  const log = makeLog(options.logLevel);
  const explored: Explored[] = [];
  let executions = options.executions ?? (options.seconds === undefined ? DEFAULT_EXECUTIONS : null);
  let { seconds = null } = options;
  for (const [number, request] of requests.entries()) {
    const left = requests.length - number;
    const share = {
      ...request,
      executions: executions === null ? null : Math.floor(executions / left),
      seconds: seconds === null ? null : seconds / left,
    };
    const name = requests.length === 1 ? '' : `${request.scenario}: `;
    const result = await exploreScenario(
      share,
      (done) => {
        progress.say(`${name}${done.toLocaleString('en')} executions`);
        return guard.interrupted;
      },
      say,
    );
    if (executions !== null) executions -= result.executions;
    if (seconds !== null) seconds = Math.max(0.001, seconds - result.seconds);
    const found = await makeFound(share, result, {
      out: options.out,
      shrinkSeconds: options.shrinkSeconds,
      say(text) {
        progress.say(text);
        log.info({ scenario: request.scenario }, text);
      },
      stopped: () => guard.interrupted,
    });
    explored.push({ request: share, result, found });
    if (guard.interrupted) break;
  }
  return explored;
}

function verdictOf(explored: readonly Explored[], stopped: boolean): string {
  const kinds = explored.flatMap(({ found, result, request }) => {
    const passedOver = [...result.passedOver.keys()].map((kind) => `${kind} (passed over)`);
    const all = found === null ? passedOver : [found.finding.kind, ...passedOver];
    return explored.length === 1 ? all : all.map((kind) => `${kind} in ${request.scenario}`);
  });
  return verdictText(kinds, stopped);
}

/** What is known to go wrong without a bug, and why: a finding in it is no news. */
function knownToFail(requests: readonly ExploreRequest[]): string[] {
  return requests.flatMap(({ scenario, preset, cpus }) => {
    const { notIn } = suites.find(({ name }) => scenario.startsWith(`${name}@`)) ?? findScenario(scenario, cpus) ?? {};
    const reason = notIn?.[preset];
    return reason === undefined ? [] : [`${scenario} is not meant for preset ${preset}: ${reason}`];
  });
}

/** Kinds that a scenario may have no place for: what they do is then its own fault, not that of the kernel code. */
const NOT_FOR_ALL = ['signals', 'allocations'] as const;

function notTaken(requests: readonly ExploreRequest[]): string[] {
  return requests.flatMap(({ scenario, file, cpus, budget: given = NO_BUDGET }) => {
    const takes = findScenario(scenario, cpus)?.budget;
    const kinds = NOT_FOR_ALL.filter((kind) => given[kind] > 0 && (takes?.[kind] ?? 0) === 0);
    if (file !== undefined || kinds.length === 0) return [];
    return [`${scenario} is not meant for ${kinds.join(' and ')}: what it says of them is no news`];
  });
}

async function runExplore(names: string[], options: ExploreOptions): Promise<void> {
  const requests = await exploreRequests(names, options);
  const settings = settingsOf(requests, options);
  const words = settingsWords(settings);
  const printer = new Printer(options);
  const guard = onInterrupt(() => {});
  printer.say(`explore: ${settingsText(words)}\n\n`);
  for (const line of [...knownToFail(requests), ...notTaken(requests)]) printer.say(`${line}\n\n`);
  const explored = await withProgress('exploring', (progress) =>
    exploreAll(requests, options, { progress, guard, say: (line) => printer.say(`${line}\n\n`) }),
  ).finally(() => guard.release());
  const stopped = guard.interrupted;
  const ok = explored.every(isClean);
  const verdict = verdictOf(explored, stopped);
  printer.result({
    json: () => exploreJson(settings, explored, stopped),
    text: () => `${exploreText(explored)}${settingsText(words)}\nEnd of explore: ${verdict}\n`,
    checks: () => exploreChecks(words, explored, stopped && ok),
  });
  if (options.html !== undefined) {
    const subject = requests.map(({ scenario }) => scenario).join(', ');
    writePage(
      options.html,
      explorePage({ subject, settings: words, verdict, ok: hasHeld(explored, stopped) }, explored),
    );
  }
  if (stopped) process.exitCode = EXIT_INTERRUPTED;
  else if (!ok) process.exitCode = EXIT_FINDING;
}

const HELP = `
Exit code: 0 nothing found, 1 a finding, 2 wrong usage, 3 the harness broke, 130 interrupted.

Examples:
  dmrace explore interrupted-noflush --executions 50000
  dmrace explore --bug nf-check-then-queue-unlocked --seed 1
  dmrace explore interrupted-suspend@7.42 --kind lost-bio --seconds 20
  dmrace explore --seconds 60
  dmrace explore ./my-scenario.js
  dmrace explore noflush --strategy bounded --executions 100000
  dmrace explore drain --strategy dpor --bound 1
`;

export function addExploreCommand(program: Command): void {
  program
    .command('explore')
    .description('search the interleavings of scenarios on the model machine')
    .argument(
      '[scenario...]',
      'scenarios, rounds of a suite as SUITE@SEED.ROUND, or files of your own, which share executions and time; default: the bug’s own, or else all',
    )
    .option(
      '--cpus <n>',
      'CPUs of a suite’s round (scenarios have their own number)',
      wholeNumber(1, CPUS_MAX, 'CPUs'),
      4,
    )
    .option('--seed <n>', 'seed of the search; default: drawn and printed', seedNumber)
    .option('--executions <n>', `how many executions; default ${DEFAULT_EXECUTIONS}`, wholeNumber(1, 1e9, 'executions'))
    .option('--seconds <s>', 'how long, instead of how many', seconds)
    .addOption(presetOption())
    .addOption(bugOption())
    .addOption(lockOption())
    .addOption(
      new Option('--strategy <name>', 'how interleavings are chosen').choices(STRATEGY_NAMES).default('portfolio'),
    )
    .option(
      '--bound <n>',
      'preemptions of an execution at most, with --strategy bounded or dpor',
      wholeNumber(0, BOUND_MAX, 'preemptions'),
    )
    .addOption(
      new Option('--kind <kind>', 'go on until a finding of this kind; others are passed over').choices(FINDING_KINDS),
    )
    .option(
      '--jobs <n>',
      'threads that search (bounded and dpor use one); the result is the same for any number',
      wholeNumber(1, JOBS_MAX, 'threads'),
      availableParallelism(),
    )
    .option(
      '--budget <kinds>',
      'what may happen how often in an execution: signals, wakeups, allocations, interrupts, timers=0 … 9; default: as the scenario takes it, wakeups=2',
      budget,
    )
    .option('--shrink-seconds <s>', 'how long a finding is made plainer; 0: not at all', secondsOrNone, 5)
    .option('--out <dir>', 'where findings go', DEFAULT_OUT)
    .addOption(logLevelOption('what is logged on stderr'))
    .option('--no-races', 'without the race detector: faster')
    .option('--no-lockdep', 'without the lock validator')
    .option('--json', 'print one JSON document')
    .addOption(reporterOption())
    .addOption(htmlOption())
    .addHelpText('after', HELP)
    .action(runExplore);
}
