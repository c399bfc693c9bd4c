/**
 * `dmrace profile`: which lock limits a program on real worker threads, and why.
 */
import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { ProfileSettings } from '../profile/layout.ts';
import { speedscopeFile } from '../profile/speedscope.ts';
import { traceFile } from '../profile/trace-event.ts';
import { onInterrupt, verdictText } from './interrupt.ts';
import { writePage } from './page/html.ts';
import { htmlOption, profilePage } from './page/pages.ts';
import { type ProfileOutcome, ProfileRunner } from './profile/runner.ts';
import { BY, cpusNeeded, injection, type ProfileRunSettings } from './profile/settings.ts';
import { profileText } from './profile/text.ts';
import { startProgress } from './progress.ts';
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
  EXIT_HELD,
  EXIT_INTERRUPTED,
  seconds,
  seedNumber,
  UsageError,
  wholeNumber,
} from './usage.ts';
import { version } from './version.ts';
import { writeAskedFile } from './write-file.ts';

interface ProfileOptions extends VariantOptions {
  readonly cpus?: number;
  readonly seconds: number;
  readonly seed?: number;
  readonly by: ProfileSettings['by'];
  readonly exact?: boolean;
  readonly inject?: string;
  readonly trace?: string;
  readonly speedscope?: string;
  readonly html?: string;
  readonly out: string;
  readonly logLevel: string;
  readonly json?: boolean;
}

const DEFAULT_SECONDS = 10;

/** What is asked for can be written, each to a file of its own. */
function checkFiles(options: ProfileOptions): void {
  const optionOf = new Map<string, string>();
  for (const option of ['trace', 'speedscope', 'html'] as const) {
    const file = options[option];
    if (file === undefined) continue;
    checkFile(`--${option}`, file);
    const other = optionOf.get(resolve(file));
    if (other !== undefined) throw new UsageError(`--${other} and --${option} are both to be written to '${file}'.`);
    optionOf.set(resolve(file), option);
  }
}

function profileSettings(name: string, options: ProfileOptions): ProfileRunSettings {
  const needed = cpusNeeded(name);
  const cpus = options.cpus ?? Math.min(CPUS_MAX, Math.max(needed, availableParallelism()));
  if (cpus < needed) throw new UsageError(`--cpus ${cpus} is too few: ${name} runs on ${needed} CPUs.`);
  checkWritable(options.out);
  checkFiles(options);
  return {
    name,
    cpus,
    seconds: options.seconds,
    seed: options.seed ?? randomInt(2 ** 31),
    ...variantOf(options),
    lock: options.lock,
    by: options.by,
    exact: options.exact === true,
    inject: options.inject ?? null,
    trace: options.trace ?? null,
    speedscope: options.speedscope ?? null,
    html: options.html ?? null,
    out: options.out,
    logLevel: options.logLevel,
  };
}

const writeJson = (file: string, document: unknown): void => writeAskedFile(file, `${JSON.stringify(document)}\n`);

function writeFiles(settings: ProfileRunSettings, outcome: ProfileOutcome): void {
  const { report } = outcome;
  const { name, trace, speedscope, html, exact, seed } = settings;
  const by = `dmrace ${version()}`;
  if (trace !== null && report.timeline !== null) {
    const holds = exact ? 'all' : 'those that were timed, about one in 64';
    writeJson(trace, traceFile(report.timeline, { program: name, seed: String(seed), exporter: by, holds }));
  }
  if (speedscope !== null) writeJson(speedscope, speedscopeFile(`dmrace profile ${name}`, by, report.locks));
  if (html !== null) {
    const heading = {
      subject: name,
      settings: { ...settings },
      verdict: verdict(outcome),
      ok: hasHeld(outcome),
    };
    writePage(html, profilePage(heading, outcome));
  }
}

function profileJson(settings: ProfileRunSettings, { report, finding, interrupted }: ProfileOutcome): object {
  const { timeline, ...rest } = report;
  const ok = hasHeld({ finding, interrupted });
  return { command: 'profile', version: version(), settings, ...rest, finding, interrupted, ok };
}

/** What was asked for was done, and nothing found. */
function hasHeld({ finding, interrupted }: Pick<ProfileOutcome, 'finding' | 'interrupted'>): boolean {
  return finding === null && !interrupted;
}

function verdict({ finding, interrupted }: ProfileOutcome): string {
  return verdictText(finding === null ? [] : [finding.kind], interrupted);
}

function exitCode({ finding, interrupted }: ProfileOutcome): number {
  if (interrupted) return EXIT_INTERRUPTED;
  return finding === null ? EXIT_HELD : EXIT_FINDING;
}

function warn({ cpus }: ProfileRunSettings): void {
  const cores = availableParallelism();
  if (cpus <= cores) return;
  process.stderr.write(
    `dmrace: warning: ${cpus} CPUs share ${cores} cores, so waits contain the time in which the host runs another thread.\n`,
  );
}

async function runProfile(name: string, options: ProfileOptions): Promise<void> {
  const settings = profileSettings(name, options);
  const json = options.json === true;
  const runner = new ProfileRunner(settings, {
    say: (text) => progress.say(text),
    accepted: () => begin(),
    stopped: () => guard.interrupted,
  });
  const guard = onInterrupt(() => runner.interrupt());
  let hasBegun = false;
  const begin = (): void => {
    if (hasBegun) return;
    hasBegun = true;
    if (!json) process.stdout.write(`profile: ${settingsText({ ...settings })}\n\n`);
    warn(settings);
  };
  const progress = startProgress('starting');
  try {
    const outcome = await runner.run();
    progress.stop();
    // Interrupted, or a finding, before it was known.
    begin();
    if (json) process.stdout.write(`${JSON.stringify(profileJson(settings, outcome), null, 2)}\n`);
    else {
      process.stdout.write(profileText(outcome));
      process.stdout.write(`\n${settingsText({ ...settings })}\nEnd of profile: ${verdict(outcome)}\n`);
    }
    writeFiles(settings, outcome);
    process.exitCode = exitCode(outcome);
  } finally {
    progress.stop();
    guard.release();
  }
}

export function addProfileCommand(program: Command): void {
  program
    .command('profile')
    .description('say which locks limit a program on real worker threads, and why')
    .argument('<name>', 'a scenario, a suite, or a round of a suite as SUITE@SEED.ROUND')
    .option(
      '--cpus <n>',
      'worker threads that are CPUs, the interrupt actor not counted; default: the cores of the host',
      wholeNumber(1, CPUS_MAX, 'CPUs'),
    )
    .option('--seconds <s>', 'how long rounds are run', seconds, DEFAULT_SECONDS)
    .option('--seed <n>', 'seed of programs; default: drawn and printed', seedNumber)
    .addOption(presetOption())
    .addOption(bugOption())
    .addOption(lockOption())
    .addOption(new Option('--by <what>', 'what a row of the table is about').choices([...BY]).default('class'))
    .option('--exact', 'time every hold and every irq-off stretch, not one in 64; slower')
    .option(
      '--inject <delay@lock>',
      'let holders of a lock take longer in every second round, as 100us@io_lock',
      injection,
    )
    .option('--trace <file>', 'write what happened when, for Perfetto or chrome://tracing')
    .option('--speedscope <file>', 'write wait time by site, for speedscope')
    .option('--out <dir>', 'where logs go', DEFAULT_OUT)
    .addOption(logLevelOption('what the actors log'))
    .addOption(htmlOption())
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Counts and waits are exact; holds and stretches with interrupts off are sampled unless --exact is given.
Exit code: 0 done, 1 a finding ended the run, 2 wrong usage, 3 the harness broke, 130 interrupted (the report so far is printed).

Examples:
  dmrace profile suspend
  dmrace profile noflush-pushback --by site --seconds 30
  dmrace profile suspend --inject 100us@io_lock
  dmrace profile interrupted-suspend --trace trace.json --speedscope waits.speedscope.json
  dmrace profile locks --json | jq '.locks[0].blame'
`,
    )
    .action(runProfile);
}
