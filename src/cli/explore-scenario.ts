/**
 * Explores one scenario on the model machine, slice by slice, in this thread or in several, so that the process can hear signals
 * in between.
 */
import { setImmediate } from 'node:timers/promises';
import { NO_BUDGET } from '../explore/choices.ts';
import { type SearchResult, SlicedSearch } from '../explore/search.ts';
import { SliceMaker } from '../explore/slices.ts';
import { isSystematic, type StrategyName, SYSTEMATIC, type SystematicName } from '../explore/strategies/all.ts';
import { estimateRuns } from '../explore/strategies/dpor.ts';
import type { FindingKind } from '../machine/finding.ts';
import { budgetText } from './budget.ts';
import { type MachineOrder, machineOrderOf, modelMachine } from './explore-machine.ts';
import { inTurns, LOOK_MS } from './in-turns.ts';
import { modelState } from './model-state.ts';
import { retell } from './retell.ts';
import { SliceThreads } from './slice-threads.ts';

export interface ExploreRequest extends MachineOrder {
  readonly seed: number;
  /** Default: the portfolio. */
  readonly strategy?: StrategyName;
  /** Preemptions of a run at most, for the strategies that go through all there is; default: as many as they get to. */
  readonly bound?: number | null;
  /** What is looked for; other findings are passed over. Default: any. */
  readonly kind?: FindingKind | null;
  /** Threads that make slices, default 1; the result does not depend on it. */
  readonly jobs?: number;
  /** How many executions, or null: until the seconds are over. */
  readonly executions: number | null;
  readonly seconds: number | null;
}

export interface ExploreAnswer extends SearchResult {
  readonly seconds: number;
  /** What has been seen in full; null: nothing can be said. */
  readonly exhaustive: string | null;
}

/** So many slices are made in this thread before others are started, which takes some time. */
const ALONE = 3;

const powerOfTen = (power: number): string =>
  power < 6 ? Math.round(10 ** power).toLocaleString('en') : `10^${Math.round(power)}`;

/** Says whether to stop; called between slices, and now and then in a long one. */
type Pause = (executions: number) => boolean;

/** When a search ends before it has made all its runs. */
class Limits {
  readonly #start = performance.now();
  readonly #milliseconds: number;
  readonly #search: SlicedSearch;
  readonly #pause: Pause;
  #asked = 0;
  #interrupted = false;

  /** `seconds`: null: without end. */
  constructor(seconds: number | null, search: SlicedSearch, pause: Pause) {
    this.#milliseconds = seconds === null ? Number.POSITIVE_INFINITY : 1000 * seconds;
    this.#search = search;
    this.#pause = pause;
  }

  /** Since the search began. */
  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  /** Whether to stop; asked between slices. */
  stops(): boolean {
    return this.askPause() || this.#search.over || this.#isOver(performance.now());
  }

  /** Asks `pause`, which may show how far it is. Gives whether it says stop, or has said so. */
  askPause(): boolean {
    this.#asked = performance.now();
    this.#interrupted ||= this.#pause(this.#search.executions);
    return this.#interrupted;
  }

  /** Whether this run was the last one; asked between runs. */
  readonly isLast = (): boolean => {
    const now = performance.now();
    return this.#isOver(now) || (now - this.#asked >= LOOK_MS && this.askPause());
  };

  #isOver(now: number): boolean {
    return now - this.#start >= this.#milliseconds;
  }
}

let last: Promise<unknown> = Promise.resolve();

/**
 * Runs until a finding, the end, or until `pause` says stop. `say` gets what is known before it begins. A thread has one memory and one
 * machine at a time: searches that are asked for at once, as test runners do, come one after the other.
 */
export function exploreScenario(
  request: ExploreRequest,
  pause: Pause,
  say: (line: string) => void = () => {},
): Promise<ExploreAnswer> {
  const search = last.then(() => exploreAlone(request, pause, say));
  last = search.catch(() => {});
  return search;
}

async function exploreAlone(
  request: ExploreRequest,
  pause: Pause,
  say: (line: string) => void,
): Promise<ExploreAnswer> {
  const { strategy = 'portfolio', seed } = request;
  const search = new SlicedSearch(strategy, seed, request.executions ?? Number.MAX_SAFE_INTEGER, request.kind);
  const limits = new Limits(request.seconds, search, pause);
  const exhaustive = isSystematic(strategy)
    ? await systematic(request, strategy, search, limits, say)
    : await sliced(request, search, limits);
  search.end();
  const result = search.result();
  return { ...result, finding: retell(request, result.finding), seconds: limits.seconds, exhaustive };
}

/** One strategy that knows where it is, in this thread. */
async function systematic(
  request: ExploreRequest,
  name: SystematicName,
  search: SlicedSearch,
  limits: Limits,
  say: (line: string) => void,
): Promise<string | null> {
  const { seed, bound = null, budget = NO_BUDGET } = request;
  const machine = modelMachine(request);
  const runs = name === 'dpor' ? await inTurns(estimateRuns(machine, seed, bound ?? undefined), limits.isLast) : null;
  if (runs !== null) say(`about ${powerOfTen(runs)} executions until all has been seen`);
  // It hears the machine from now on: what an estimate has seen is not what the search has seen.
  const maker = new SliceMaker(machine, modelState);
  const strategy = SYSTEMATIC[name](bound);
  do {
    const order = search.order();
    if (order === null) break;
    search.report(await inTurns(maker.begin(order, limits.isLast, strategy)));
    await setImmediate();
  } while (!strategy.finished() && !limits.stops());
  if (search.result().finding !== null) return null;
  const seen = strategy.exhausted();
  if (seen === null && strategy.finished()) say('not exhaustive: a run was too long to be seen in every order');
  const within = budgetText(budget);
  return seen === null || within === null ? seen : `${seen}, within the budget ${within}`;
}

async function sliced(request: ExploreRequest, search: SlicedSearch, limits: Limits): Promise<null> {
  const maker = new SliceMaker(modelMachine(request), modelState);
  // However short the time is, there is a run: nothing found in none would say nothing.
  let made = 0;
  do await makeNext(search, maker, limits);
  while (!limits.stops() && ((request.jobs ?? 1) === 1 || ++made < ALONE));
  if (!limits.stops()) await withThreads(request, search, maker, limits);
  return null;
}

/** Makes a slice in this thread, if one can be made. When time is over in it, it is the last one of all: others are handed out before. */
async function makeNext(search: SlicedSearch, maker: SliceMaker, { isLast }: Limits): Promise<boolean> {
  const order = search.order();
  if (order === null) return false;
  search.report(await inTurns(maker.begin(order, isLast)));
  await setImmediate();
  return true;
}

async function withThreads(
  request: ExploreRequest,
  search: SlicedSearch,
  maker: SliceMaker,
  limits: Limits,
): Promise<void> {
  const { jobs = 1 } = request;
  const threads = new SliceThreads(machineOrderOf(request), jobs - 1, (report) => search.report(report));
  try {
    while (!limits.stops()) {
      while (threads.isFree) {
        const order = search.order();
        if (order === null) break;
        threads.make(order);
      }
      threads.check();
      if (!(await makeNext(search, maker, limits)) && !(await threads.next())) break;
    }
    // When time is over, what has been made here counts only with what others make before it. A finding has all before it.
    while (!search.over && threads.isBusy && !limits.askPause()) await threads.next();
  } finally {
    await threads.end();
  }
}
