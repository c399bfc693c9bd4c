/**
 * `npm run bench:sctbench [-- --trials N --schedules N --steps N --only TEXT --jobs N --write]`
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { Piscina } from 'piscina';
import { plainTable } from '../../src/cli/finding-text.ts';
import { skeletons } from './programs.ts';
import { HEAD, type Measured, rowOf, summaryOf } from './report.ts';
import { ALGORITHM_NAMES, type Trial } from './trial.ts';
import type { TrialOrder } from './trial.worker.ts';
import { writeDocs } from './write-docs.ts';

interface Options {
  readonly trials: string;
  readonly schedules: string;
  readonly steps: string;
  readonly only: string;
  readonly jobs: string;
  readonly log?: string;
  readonly write?: boolean;
}

const SEED = 1000;
/** Those of which something is promised get so many times the steps. */
const PATIENCE = 25;

/** A line of a log: trials that were made before. */
interface Logged {
  readonly order: TrialOrder;
  readonly trials: Trial[];
}

const keyOf = ({ program, algorithm, seed, trials, limits }: TrialOrder): string =>
  [program, algorithm, seed, trials, limits.schedules, limits.steps].join(' ');

function readLog(file: string | undefined): Map<string, Trial[]> {
  if (file === undefined || !existsSync(file)) return new Map();
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return new Map(lines.map((line) => JSON.parse(line) as Logged).map(({ order, trials }) => [keyOf(order), trials]));
}

async function bench(options: Options): Promise<void> {
  const trials = Number(options.trials);
  const limits = { schedules: Number(options.schedules), steps: Number(options.steps) };
  const jobs = Number(options.jobs);
  const chosen = skeletons.filter(({ name }) => name.includes(options.only));
  const pool = new Piscina<TrialOrder, Trial[]>({
    filename: new URL('./trial.worker.js', import.meta.url).href,
    minThreads: jobs,
    maxThreads: jobs,
    idleTimeout: Number.POSITIVE_INFINITY,
  });
  process.stdout.write(
    `${chosen.length} programs, ${trials} trials of at most ${limits.schedules} schedules or ${limits.steps} steps, seeds from ${SEED}\n\n`,
  );
  const orders = chosen.flatMap(({ name: program }) =>
    ALGORITHM_NAMES.map((algorithm): TrialOrder => {
      const patience = algorithm === 'SURW' || algorithm === 'portfolio' ? PATIENCE : 1;
      return { program, algorithm, seed: SEED, trials, limits: { ...limits, steps: patience * limits.steps } };
    }),
  );
  const known = readLog(options.log);
  const made = new Map<TrialOrder, Trial[]>();
  const next = orders.values();
  const work = async (): Promise<void> => {
    for (const order of next) {
      const { program, algorithm } = order;
      const before = known.get(keyOf(order));
      const found = before ?? (await pool.run(order));
      made.set(order, found);
      if (before !== undefined) continue;
      if (options.log !== undefined) appendFileSync(options.log, `${JSON.stringify({ order, trials: found })}\n`);
      const each = found.map((trial) => trial.found ?? (trial.other === '' ? '-' : trial.other));
      process.stderr.write(`${program} ${algorithm}: ${each.join(' ')}\n`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  const results = chosen.map(({ name, title }): Measured => {
    const own = orders.filter(({ program }) => program === name);
    return { name, title, trials: new Map(own.map((order) => [order.algorithm, made.get(order) as Trial[]])) };
  });
  await pool.destroy();
  process.stdout.write(`${plainTable(HEAD, results.map(rowOf))}\n\n${summaryOf(results).join('\n')}\n`);
  if (options.write === true)
    writeDocs(results, {
      date: new Date().toISOString().slice(0, 10),
      command: `npm run bench:sctbench -- --steps ${options.steps} --write`,
      trials,
      limits,
    });
}

await new Command('bench:sctbench')
  .description('Trials on the skeletons of SCTBench and ConVul, beside the published figures.')
  .option('--trials <n>', 'trials of each program under each algorithm', '20')
  .option('--schedules <n>', 'schedules of a trial at most', '10000')
  .option('--steps <n>', 'steps of a trial at most, in place of the published 5 minutes', '1000000')
  .option('--only <text>', 'only programs whose names contain this', '')
  .option('--jobs <n>', 'threads', String(availableParallelism()))
  .option('--log <file>', 'append what was made; what is in it already is not made again')
  .option('--write', 'write docs/SCTBENCH.md')
  .action(bench)
  .parseAsync();
