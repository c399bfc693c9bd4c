/**
 * `npm run soak [-- --executions N --seed N --jobs N --bug ID --write]`: the clean core, every scenario under every clean preset.
 *
 * Each of them gets the same share of the executions. Nothing must be found; a finding is printed as `dmrace explore` prints it,
 * and the others go on.
 */
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { usualBudget } from '../../src/cli/budget.ts';
import { type ExploreAnswer, type ExploreRequest, exploreScenario } from '../../src/cli/explore-scenario.ts';
import { plainTable } from '../../src/cli/finding-text.ts';
import { type Found, foundText, makeFound } from '../../src/cli/found.ts';
import { type InterruptGuard, onInterrupt } from '../../src/cli/interrupt.ts';
import { type Progress, withProgress } from '../../src/cli/progress.ts';
import { DEFAULT_CPUS } from '../../src/cli/schedule-name.ts';
import { settingsText } from '../../src/cli/settings-text.ts';
import { bugOption } from '../../src/cli/shared-options.ts';
import {
  DEFAULT_OUT,
  EXIT_BROKEN,
  EXIT_FINDING,
  EXIT_INTERRUPTED,
  EXIT_USAGE,
  wholeNumber,
} from '../../src/cli/usage.ts';
import { scenarios, scenariosOf } from '../../src/scenarios/registry.ts';
import { presets } from '../../src/variants/presets.ts';
import { findBug } from '../../src/variants/variants.ts';
import { HEAD, type Soaked, summaryOf, tableOf, writeDocs } from './report.ts';

interface Options {
  readonly executions: number;
  readonly seed: number;
  readonly jobs: number;
  readonly bug?: string;
  readonly write?: boolean;
}

const SHRINK_SECONDS = 5;

/** What is soaked: all pairs of a scenario and a clean preset, with so many executions each, the first ones one more. */
function requests({ executions, seed, jobs, bug }: Options): ExploreRequest[] {
  const pairs = presets
    .filter(({ clean, name }) => clean && (bug === undefined || findBug(bug)?.preset === name))
    .flatMap(({ name: preset }) => scenariosOf(preset).map(({ name: scenario }) => ({ scenario, preset })));
  return pairs.map((pair, i) => ({
    ...pair,
    executions: Math.floor(executions / pairs.length) + (i < executions % pairs.length ? 1 : 0),
    cpus: DEFAULT_CPUS,
    seed,
    seconds: null,
    bug: bug ?? null,
    lock: 'tas',
    jobs,
    budget: usualBudget(pair.scenario, DEFAULT_CPUS, 'portfolio'),
    races: true,
  }));
}

async function foundBy(request: ExploreRequest, answer: ExploreAnswer, guard: InterruptGuard): Promise<Found | null> {
  return makeFound(request, answer, {
    out: DEFAULT_OUT,
    shrinkSeconds: SHRINK_SECONDS,
    say: () => {},
    stopped: () => guard.interrupted,
  });
}

/** Gives what was done until the end, or until Ctrl-C. */
async function soakAll(options: Options, progress: Progress, guard: InterruptGuard): Promise<Soaked[]> {
  const done: Soaked[] = [];
  let before = 0;
  for (const request of requests(options)) {
    if (guard.interrupted) break;
    const { scenario, preset } = request;
    const answer = await exploreScenario(request, (executions) => {
      const all = `${(before + executions).toLocaleString('en')} of ${options.executions.toLocaleString('en')}`;
      progress.say(`${all} executions; ${scenario}, preset ${preset}`);
      return guard.interrupted;
    });
    before += answer.executions;
    const found = await foundBy(request, answer, guard);
    if (found !== null) process.stdout.write(`${scenario}, preset ${preset}:\n${foundText(found)}\n\n`);
    done.push({ scenario, preset, answer, found });
  }
  return done;
}

async function soak(options: Options): Promise<void> {
  const { executions, seed, jobs, bug = null } = options;
  const guard = onInterrupt(() => {});
  const settings = settingsText({ executions, seed, jobs, bug, races: true, oracles: true });
  process.stdout.write(`soak: ${settings}\n\n`);
  for (const { name, notIn = {} } of scenarios)
    for (const [preset, why] of Object.entries(notIn))
      process.stdout.write(`without ${name} of preset ${preset}: ${why}\n`);
  process.stdout.write('\n');
  const done = await withProgress('soaking', (progress) => soakAll(options, progress, guard)).finally(() =>
    guard.release(),
  );
  const failed = done.filter(({ found }) => found !== null);
  process.stdout.write(`${plainTable(HEAD, tableOf(done), [2, 3, 4, 5, 6])}\n\n${summaryOf(done)}\n${settings}\n`);
  if (options.write === true && bug === null && !guard.interrupted) writeDocs(done, options);
  const verdict = failed.length > 0 ? 'FAILURE' : guard.interrupted ? 'INTERRUPTED' : 'SUCCESS';
  process.stdout.write(
    `End of soak: ${verdict}${failed.length > 0 ? `: ${failed.map(({ scenario, preset }) => `${scenario} (${preset})`).join(', ')}` : ''}\n`,
  );
  if (failed.length > 0) process.exitCode = EXIT_FINDING;
  else if (guard.interrupted) process.exitCode = EXIT_INTERRUPTED;
}

try {
  await new Command('soak')
    .description('Searches every scenario under every clean preset; nothing must be found.')
    .option('--executions <n>', 'of all together', wholeNumber(1, 1e9, 'executions'), 1_000_000)
    .option('--seed <n>', 'seed of each search', wholeNumber(0, 2 ** 31 - 1, 'as a seed'), 1)
    .option('--jobs <n>', 'threads', wholeNumber(1, 64, 'threads'), availableParallelism())
    .addOption(bugOption(', to see a soak fail'))
    .option('--write', 'write docs/SOAK.md')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE))
    .action(soak)
    .parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = EXIT_BROKEN;
}
