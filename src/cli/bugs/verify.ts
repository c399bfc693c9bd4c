/**
 * Verifies bugs: each is found from a cold start, shrunk and replayed, for several seeds, and its scenario is silent without it.
 *
 * Attempts and twins are independent of each other, and each runs in one thread; so what is found does not depend on the number of
 * threads.
 */
import { Piscina } from 'piscina';
import type { Bug } from '../../variants/bug.ts';
import type { AttemptOrder, AttemptReport, TwinOrder, TwinReport } from './attempt.ts';

/** What is aimed at: seconds to find it (p95), switches, characters of the schedule after the id. */
export const TARGETS = { secondsP95: 10, switches: 6, scheduleChars: 80 } as const;

export interface VerifySettings {
  readonly seeds: number;
  readonly jobs: number;
  /** For each seed: when the search gives up, and for how long its finding is shrunk. */
  readonly seconds: number;
  readonly shrinkSeconds: number;
  readonly replays: number;
  readonly cleanExecutions: number;
}

/** Of a bug, over all seeds that came to their end. Null: no seed has found it, or its twin has not ended. */
export interface VerifiedBug {
  readonly id: string;
  readonly found: number;
  readonly seeds: number;
  readonly executionsMedian: number | null;
  readonly executionsP95: number | null;
  readonly secondsP95: number | null;
  /** The most of any seed. */
  readonly switches: number | null;
  readonly scheduleChars: number | null;
  readonly replaysEqual: boolean | null;
  readonly cleanTwinSilent: boolean | null;
  /** One sentence for each thing that went wrong with it. */
  readonly problems: readonly string[];
}

export interface Verified {
  readonly bugs: readonly VerifiedBug[];
  /** One sentence for each thing that went wrong. */
  readonly problems: readonly string[];
  /** The bugs that are beyond a target, each with what is too much. */
  readonly beyond: readonly string[];
  /** Nothing went wrong, and nothing was left out; the targets do not count. */
  readonly ok: boolean;
}

/** The seed of the twins. */
const TWIN_SEED = 1;

const twinKey = ({ scenario, preset }: Pick<Bug, 'scenario' | 'preset'>): string => `${scenario} ${preset}`;

function ordersOf(bugs: readonly Bug[], settings: VerifySettings): (AttemptOrder | TwinOrder)[] {
  const { seeds, cleanExecutions: executions, seconds, shrinkSeconds, replays } = settings;
  const twins = new Map(
    bugs.map(({ scenario, preset }) => [
      twinKey({ scenario, preset }),
      { scenario, preset, seed: TWIN_SEED, executions },
    ]),
  );
  const attempts = bugs.flatMap(({ id }) =>
    Array.from({ length: seeds }, (_, i) => ({ bug: id, seed: i + 1, seconds, shrinkSeconds, replays })),
  );
  return [...attempts, ...twins.values()];
}

/** The value that a share of all values does not exceed; null without values. */
function quantile(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length) - 1] ?? null;
}

const most = (values: readonly number[]): number | null => (values.length === 0 ? null : Math.max(...values));

const twinProblem = ({ scenario, preset, finding }: TwinReport): string[] =>
  finding === null ? [] : [`${scenario} under ${preset}, without a bug: ${finding}`];

function summary(bug: Bug, attempts: readonly AttemptReport[], twins: readonly TwinReport[]): VerifiedBug {
  const own = attempts.filter((each) => each.bug === bug.id);
  const found = own.flatMap((each) => (each.found === null ? [] : [{ ...each, found: each.found }]));
  const executions = found.map((each) => each.executions);
  const twin = twins.find((each) => twinKey(each) === twinKey(bug));
  return {
    id: bug.id,
    found: found.length,
    seeds: own.length,
    executionsMedian: quantile(executions, 0.5),
    executionsP95: quantile(executions, 0.95),
    secondsP95: quantile(
      found.map((each) => Number(each.seconds.toFixed(2))),
      0.95,
    ),
    switches: most(found.map((each) => each.found.switches)),
    scheduleChars: most(found.map((each) => each.found.chars)),
    replaysEqual: found.length === 0 ? null : found.every((each) => each.found.replaysEqual),
    cleanTwinSilent: twin === undefined ? null : twin.finding === null,
    problems: [...own.flatMap(({ problem }) => problem ?? []), ...(twin === undefined ? [] : twinProblem(twin))],
  };
}

function beyondTargets(bug: VerifiedBug): string[] {
  const names = { secondsP95: 'seconds', switches: 'switches', scheduleChars: 'characters' } as const;
  const beyond = (Object.keys(TARGETS) as (keyof typeof TARGETS)[])
    .filter((key) => (bug[key] ?? 0) > TARGETS[key])
    .map((key) => `${bug[key]} ${names[key]}`);
  return beyond.length === 0 ? [] : [`${bug.id} has ${beyond.join(', ')}`];
}

function verdict(
  bugs: readonly Bug[],
  attempts: readonly AttemptReport[],
  twins: readonly TwinReport[],
  complete: boolean,
): Verified {
  const summaries = bugs.map((bug) => summary(bug, attempts, twins));
  const problems = [...twins.flatMap(twinProblem), ...attempts.flatMap(({ problem }) => problem ?? [])];
  return {
    bugs: summaries,
    problems,
    beyond: summaries.flatMap(beyondTargets),
    ok: complete && problems.length === 0,
  };
}

/** `say` hears of each part that has ended; `stop` makes it give up what is not done. */
export async function verifyBugs(
  bugs: readonly Bug[],
  settings: VerifySettings,
  watch: { readonly say: (done: string) => void; readonly stop: AbortSignal },
): Promise<Verified> {
  const orders = ordersOf(bugs, settings);
  const pool = new Piscina<AttemptOrder | TwinOrder, AttemptReport | TwinReport>({
    filename: new URL('./verify.worker.js', import.meta.url).href,
    minThreads: Math.min(settings.jobs, orders.length),
    maxThreads: settings.jobs,
    idleTimeout: Number.POSITIVE_INFINITY,
  });
  const attempts: AttemptReport[] = [];
  const twins: TwinReport[] = [];
  const note = (report: AttemptReport | TwinReport): void => {
    if ('bug' in report) attempts.push(report);
    else twins.push(report);
    const what = 'bug' in report ? `${report.bug}, seed ${report.seed}` : `${report.scenario} without a bug`;
    watch.say(`${attempts.length + twins.length} of ${orders.length}: ${what}`);
  };
  let ended: Promise<void> | null = null;
  const end = (): Promise<void> => {
    ended ??= pool.destroy();
    return ended;
  };
  watch.stop.addEventListener('abort', end, { once: true });
  const ends = await Promise.allSettled(orders.map(async (order) => note(await pool.run(order))));
  await end();
  const broken = ends.find(({ status }) => status === 'rejected');
  // What was under way when it was stopped has been rejected as well.
  if (broken?.status === 'rejected' && !watch.stop.aborted) throw broken.reason;
  attempts.sort((a, b) => a.seed - b.seed);
  return verdict(bugs, attempts, twins, broken === undefined);
}
