/**
 * `dmrace stress`: rounds of the suites on real worker threads.
 */
import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import { NOISE_LEVELS, type NoiseLevel } from '../actors/noise.ts';
import { suites, suitesOf } from '../scenarios/registry.ts';
import { canaries } from '../variants/canaries.ts';
import { findBug } from '../variants/variants.ts';
import { onInterrupt, verdictText } from './interrupt.ts';
import { makeLog } from './log.ts';
import { writePage } from './page/html.ts';
import { htmlOption, stressPage } from './page/pages.ts';
import { startProgress } from './progress.ts';
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
import type { StressSettings } from './stress/order.ts';
import { failures, hasHeld, stressChecks, stressJson, stressText } from './stress/report.ts';
import { type StressOutcome, StressRunner } from './stress/runner.ts';
import {
  CPUS_MAX,
  checkFile,
  checkNames,
  checkWritable,
  DEFAULT_OUT,
  EXIT_BROKEN,
  EXIT_FINDING,
  EXIT_HELD,
  EXIT_INTERRUPTED,
  seconds,
  seedNumber,
  UsageError,
  wholeNumber,
} from './usage.ts';

interface StressOptions extends ReporterOptions, VariantOptions {
  readonly cpus: number;
  readonly seconds?: number;
  readonly rounds?: number;
  readonly seed?: number;
  readonly noise: NoiseLevel;
  readonly lockdep?: boolean;
  readonly out: string;
  readonly logLevel: string;
  readonly html?: string;
}

const DEFAULT_SECONDS = 30;

/** Checks everything and fills in what was not said; nothing is started. */
function stressSettings(names: readonly string[], options: StressOptions): StressSettings {
  checkNames(
    names,
    suites.map(({ name }) => name),
    'suite',
  );
  if (options.seconds !== undefined && options.rounds !== undefined)
    throw new UsageError('--seconds and --rounds exclude each other; give one of them.');
  checkReporter(options);
  checkWritable(options.out);
  if (options.html !== undefined) checkFile('--html', options.html);
  const bug = options.bug === undefined ? undefined : findBug(options.bug);
  const variant = variantOf(options);
  const { preset } = variant;
  const ofPreset = suitesOf(preset).map(({ name }) => name);
  const chosen = names.length > 0 ? [...new Set(names)] : bug?.suite == null ? ofPreset : [bug.suite];
  checkPossible(chosen, preset);
  // Heavy noise wants twice as many CPUs as were asked for or as the host has cores: each is off its core half of the time.
  const cpus =
    options.noise === 'heavy' ? Math.min(CPUS_MAX, 2 * Math.max(options.cpus, availableParallelism())) : options.cpus;
  return {
    suites: chosen,
    cpus,
    seconds: options.rounds === undefined ? (options.seconds ?? DEFAULT_SECONDS) : null,
    rounds: options.rounds ?? null,
    seed: options.seed ?? randomInt(2 ** 31),
    ...variant,
    lock: options.lock,
    noise: options.noise,
    lockdep: options.lockdep === true,
    out: options.out,
    logLevel: options.logLevel,
  };
}

/** Each suite must have what it is about in the preset. */
function checkPossible(names: readonly string[], preset: string): void {
  for (const { name, notIn } of suites)
    if (names.includes(name) && notIn?.[preset] !== undefined)
      throw new UsageError(`There is no suite '${name}' in preset '${preset}': ${notIn[preset]}.`);
}

function exitCode(outcome: StressOutcome): number {
  if (outcome.faults.length > 0) return EXIT_BROKEN;
  if (outcome.interrupted) return EXIT_INTERRUPTED;
  return outcome.suites.some((suite) => suite.findings.length > 0) ? EXIT_FINDING : EXIT_HELD;
}

/** The last line. */
function verdict(settings: StressSettings, outcome: StressOutcome): string {
  const held = settings.bug === null ? 'SUCCESS' : `SUCCESS: the bug ${settings.bug} was not found`;
  return verdictText(failures(outcome), outcome.interrupted, held);
}

/** `html`: where the page goes, if one is wanted. */
function print(printer: Printer, settings: StressSettings, outcome: StressOutcome, html: string | undefined): void {
  const said = verdict(settings, outcome);
  printer.result({
    json: () => stressJson(settings, outcome),
    text: () => `${stressText(settings, outcome)}${settingsText({ ...settings })}\nEnd of stress: ${said}\n`,
    checks: () => stressChecks(settings, outcome),
  });
  if (html !== undefined) {
    const ok = hasHeld(outcome);
    const heading = { subject: settings.suites.join(', '), settings: { ...settings }, verdict: said, ok };
    writePage(html, stressPage(heading, settings, outcome));
  }
}

async function runStress(names: string[], options: StressOptions): Promise<void> {
  const settings = stressSettings(names, options);
  const printer = new Printer(options);
  const log = makeLog(settings.logLevel);
  const hooks = {
    say: (text: string) => progress.say(text),
    stopped: () => guard.interrupted,
    log: (level: 'info' | 'error', message: string, details: object) => log[level](details, message),
  };
  const runner = new StressRunner(settings, settings.bug === null ? canaries : [], hooks);
  const guard = onInterrupt(() => runner.interrupt());
  printer.say(`stress: ${settingsText({ ...settings })}\n\n`);
  const progress = startProgress('starting');
  try {
    const outcome = await runner.run();
    progress.stop();
    print(printer, settings, outcome, options.html);
    process.exitCode = exitCode(outcome);
  } catch (error) {
    progress.stop();
    print(printer, settings, runner.outcome(), options.html);
    throw error;
  } finally {
    guard.release();
  }
}

export function addStressCommand(program: Command): void {
  program
    .command('stress')
    .description('run race-stress suites on real worker threads')
    .argument('[suite...]', 'suites to run in turn; default: all')
    .option(
      '--cpus <n>',
      'worker threads that are CPUs, the interrupt actor not counted',
      wholeNumber(1, CPUS_MAX, 'CPUs'),
      4,
    )
    .option('--seconds <s>', `how long the suites run; default ${DEFAULT_SECONDS}`, seconds)
    .option('--rounds <n>', 'how many rounds of each suite, instead of how long', wholeNumber(1, 1e9, 'rounds'))
    .option('--seed <n>', 'seed of programs and noise; default: drawn and printed', seedNumber)
    .addOption(presetOption())
    .addOption(bugOption(' and stop at the first finding'))
    .addOption(lockOption())
    .addOption(
      new Option(
        '--noise <level>',
        'seeded delays at operation boundaries; heavy: longer ones, twice the CPUs, roles shuffled',
      )
        .choices([...NOISE_LEVELS])
        .default('light'),
    )
    .option('--lockdep', 'validate the use of locks too: slower')
    .option('--out <dir>', 'where findings and logs go', DEFAULT_OUT)
    .addOption(logLevelOption('what the actors log'))
    .option('--json', 'print one JSON document')
    .addOption(reporterOption())
    .addOption(htmlOption())
    .addHelpText(
      'after',
      `
Canaries, which are broken on purpose, run first: one that is not caught means that the harness is blind (exit 3).
Exit code: 0 held, 1 a finding, 2 wrong usage, 3 the harness broke, 130 interrupted.

Examples:
  dmrace stress
  dmrace stress interrupted-suspend --seconds 120 --cpus 8
  dmrace stress --bug nf-check-then-queue-unlocked
  dmrace stress --rounds 100 --seed 7 --json > result.json
`,
    )
    .action(runStress);
}
