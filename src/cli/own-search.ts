/**
 * A search from a program of one's own: `explore` says what it has seen, `check` throws what it has found.
 */
import { STRATEGY_NAMES, type StrategyName } from '../explore/strategies/all.ts';
import type { FindingReport } from '../machine/machine.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import { type GivenBudget, LIMITED, takesLimits, usualBudget, wrongBudget } from './budget.ts';
import { type ExploreRequest, exploreScenario } from './explore-scenario.ts';
import { findingText } from './finding-text.ts';
import { nameOfOther } from './own-file.ts';
import { variantOf } from './shared-options.ts';

export interface SearchOptions {
  /** How long; default 5, unless `executions` is given. */
  readonly seconds?: number;
  /** How many schedules instead: the same ones each time. */
  readonly executions?: number;
  /** Default 1: the same search each time, as far as it gets. */
  readonly seed?: number;
  /** Default: the portfolio. `dpor` and `bounded` end when they have seen all there is. */
  readonly strategy?: StrategyName;
  /** Preemptions in one schedule at most, for those two. */
  readonly bound?: number;
  /** What may happen how often in one schedule; default: what the scenario takes, and two wake-ups without a cause. */
  readonly budget?: GivenBudget;
  /** Whether the lock validator listens; default: yes. It reports what could go wrong with locks, whether or not it does. */
  readonly lockdep?: boolean;
  /** Device-mapper only: the era of the core, and a historic bug of it, which comes with its era. */
  readonly preset?: string;
  readonly bug?: string;
}

export interface Explored {
  readonly finding: FindingReport | null;
  /** The finding as people read it; '' when there is none. */
  readonly text: string;
  readonly executions: number;
  readonly steps: number;
  readonly seconds: number;
  readonly seed: number;
  /** How often each outcome was seen. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** What has been seen in full; null: nothing can be said. */
  readonly exhaustive: string | null;
}

/** Thrown by `check`: the message is the finding's text. */
export class FindingError extends Error {
  readonly finding: FindingReport;
  constructor(finding: FindingReport, text: string) {
    super(text);
    this.name = 'FindingError';
    this.finding = finding;
  }
}

const SECONDS = 5;

function requestOf(scenario: Scenario, options: SearchOptions): ExploreRequest {
  const { seconds, executions, seed = 1, strategy = 'portfolio', budget = {}, lockdep = true } = options;
  if (seconds !== undefined && executions !== undefined)
    throw new TypeError('seconds and executions exclude each other; give one of them.');
  for (const [name, value] of Object.entries({ seconds, executions }))
    if (value !== undefined && !(value > 0)) throw new RangeError(`${name} is ${value}; it must be above 0.`);
  if (executions !== undefined && !Number.isSafeInteger(executions))
    throw new RangeError(`executions is ${executions}; it must be a whole number.`);
  if (!STRATEGY_NAMES.includes(strategy))
    throw new RangeError(`There is no strategy '${strategy}'; there are ${STRATEGY_NAMES.join(', ')}.`);
  if (!takesLimits(strategy, budget))
    throw new RangeError(`The strategy 'dpor' has no limit for ${LIMITED.join(' and ')}; 'bounded' has.`);
  const other = nameOfOther(scenario.name);
  if (other !== null) throw new TypeError(`The scenario cannot be searched: ${other}.`);
  const wrong = wrongBudget(budget);
  if (wrong !== null) throw new RangeError(`The budget has ${wrong}.`);
  return {
    scenario: scenario.name,
    cpus: scenario.cpus,
    seed,
    strategy,
    bound: options.bound ?? null,
    executions: executions ?? null,
    seconds: executions === undefined ? (seconds ?? SECONDS) : null,
    ...variantOf(options),
    lock: 'tas',
    lockdep,
    budget: { ...usualBudget(scenario.name, scenario.cpus, strategy), ...budget },
  };
}

/** Searches the interleavings of a scenario up to the first finding. Throws on wrong options; a finding is an answer. */
export async function explore(scenario: Scenario, options: SearchOptions = {}): Promise<Explored> {
  const request = requestOf(scenario, options);
  const { finding: found, ...seen } = await exploreScenario(request, () => false);
  const { executions, steps, seconds, outcomes, exhaustive } = seen;
  const { seed } = request;
  const where = found === null ? '' : `\n\nfound in execution ${found.run + 1} of ${scenario.name}, seed ${seed}`;
  const text = found === null ? '' : `${findingText(found, null)}${where}`;
  return { finding: reportOf(found), text, executions, steps, seconds, seed, outcomes, exhaustive };
}

/** Without what the run chose: test runners print errors with all that they have. */
function reportOf(finding: FindingReport | null): FindingReport | null {
  if (finding === null) return null;
  const { kind, invariant, message, site, places, report } = finding;
  return { kind, invariant, message, site, places, ...(report === undefined ? {} : { report }) };
}

/** Searches as `explore` does, and throws a FindingError when it finds something. For tests. */
export async function check(scenario: Scenario, options: SearchOptions = {}): Promise<void> {
  const { finding, text } = await explore(scenario, options);
  if (finding !== null) throw new FindingError(finding, text);
}
