/**
 * `npm run found [-- --seeds N --executions N --jobs N --write]`: what the search finds in the patch as it was posted.
 *
 * Every scenario is searched under the preset seed-000 from a cold start, once for each seed, up to its first finding. Of each
 * finding the shortest schedule is kept.
 */
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { exploreScenario } from '../../src/cli/explore-scenario.ts';
import { type Found, makeFound } from '../../src/cli/found.ts';
import { DEFAULT_CPUS } from '../../src/cli/schedule-name.ts';
import { wholeNumber } from '../../src/cli/usage.ts';
import { scenarios } from '../../src/scenarios/registry.ts';
import { type Row, rowOf, writeDocs } from './report.ts';

interface Options {
  readonly seeds: number;
  readonly executions: number;
  readonly jobs: number;
  readonly write?: boolean;
}

const SHRINK_SECONDS = 3;
/** Scenarios of request-based devices, which the patch does not know. */
const isForeign = (scenario: string): boolean => scenario.startsWith('rq-');

async function searched(scenario: string, seed: number, { executions, jobs }: Options): Promise<Found | null> {
  const request = {
    scenario,
    preset: 'seed-000',
    seed,
    executions,
    jobs,
    cpus: DEFAULT_CPUS,
    seconds: null,
    bug: null,
    lock: 'tas',
    // It would stop at the first wrong order of locks, before anything goes wrong.
    lockdep: false,
  } as const;
  const answer = await exploreScenario(request, () => false);
  const out = join(tmpdir(), 'dmrace-found');
  return makeFound(request, answer, { out, shrinkSeconds: SHRINK_SECONDS, say: () => {}, stopped: () => false });
}

async function find(options: Options): Promise<void> {
  const rows = new Map<string, Row>();
  const quiet: string[] = [];
  for (const name of scenarios.map((each) => each.name).filter((each) => !isForeign(each))) {
    let any = false;
    for (let seed = 1; seed <= options.seeds; seed++) {
      const found = await searched(name, seed, options);
      if (found === null) continue;
      any = true;
      const row = rowOf(found);
      const key = `${name}: ${row.finding} ${row.entry}`;
      const known = rows.get(key);
      process.stderr.write(`${key} (seed ${seed}, execution ${found.executionsToFind})\n`);
      if (known === undefined || row.schedule.length < known.schedule.length)
        rows.set(key, { ...row, seeds: (known?.seeds ?? 0) + 1 });
      else rows.set(key, { ...known, seeds: known.seeds + 1 });
    }
    if (!any) quiet.push(name);
  }
  const all = [...rows.values()];
  for (const { entry, finding, schedule } of all) process.stdout.write(`${entry}: ${finding}\n  ${schedule}\n`);
  if (options.write === true) writeDocs(all, quiet, options);
}

await new Command('found')
  .description('Searches the patch as it was posted.')
  .option('--seeds <n>', 'searches of each scenario', wholeNumber(1, 1000, 'seeds'), 8)
  .option('--executions <n>', 'of each search at most', wholeNumber(1, 1e9, 'executions'), 20_000)
  .option('--jobs <n>', 'threads', wholeNumber(1, 64, 'threads'), availableParallelism())
  .option('--write', 'write docs/FOUND.md')
  .action(find)
  .parseAsync();
