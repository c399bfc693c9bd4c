/**
 * `--budget signals=1,wakeups=2`: how often in an execution each kind of thing may happen.
 */
import { InvalidArgumentError } from 'commander';
import { BUDGET_KINDS, type BudgetKind, NO_BUDGET, UNLIMITED } from '../explore/choices.ts';
import { isSystematic, type StrategyName } from '../explore/strategies/all.ts';
import type { Budget } from '../machine/machine.ts';
import { findScenario } from '../scenarios/registry.ts';

/** The kinds that `--budget` names. */
export type GivenBudget = Partial<Budget>;

/** The parser of the option. */
export function budget(text: string): GivenBudget {
  const chosen: Partial<Record<BudgetKind, number>> = {};
  for (const part of text.split(',')) {
    const match = /^([a-z]+)=(\d)$/.exec(part);
    const kind = BUDGET_KINDS.find((each) => each === match?.[1]);
    if (kind === undefined)
      throw new InvalidArgumentError(
        `'${part}' is not one of ${BUDGET_KINDS.map((each) => `${each}=N`).join(', ')} with N from 0 to ${UNLIMITED}.`,
      );
    chosen[kind] = Number(match?.[2]);
  }
  return chosen;
}

/** What is wrong with a budget that no parser has seen; null: nothing. */
export function wrongBudget(given: GivenBudget): string | null {
  for (const [kind, count] of Object.entries(given)) {
    if (!BUDGET_KINDS.some((each) => each === kind)) return `no kind '${kind}'; there are ${BUDGET_KINDS.join(', ')}`;
    if (!Number.isInteger(count) || count < 0 || count > UNLIMITED)
      return `${kind}: ${count}; it must be a whole number from 0 to ${UNLIMITED}`;
  }
  return null;
}

/** Every sleeper has to look again at what it has waited for. */
const WAKEUPS = 2;

/**
 * What may happen in a search unless said otherwise: wake-ups without a cause, and what the scenario takes beside them. A search
 * through all there is would have no end with them, so there one says how many.
 */
export function usualBudget(scenario: string, cpus: number, strategy: StrategyName): Budget {
  if (isSystematic(strategy)) return NO_BUDGET;
  return { ...NO_BUDGET, wakeups: WAKEUPS, ...findScenario(scenario, cpus)?.budget };
}

/** Kinds that come as often as they like unless a budget says otherwise. */
export const LIMITED = ['interrupts', 'timers'] as const;

/** DPOR takes no limit for them: steps that it makes possible or impossible are not known to depend on each other. */
export const takesLimits = (strategy: StrategyName, given: GivenBudget = {}): boolean =>
  strategy !== 'dpor' || LIMITED.every((kind) => (given[kind] ?? UNLIMITED) === UNLIMITED);

/** What is not as usual; null: nothing. */
export function budgetText(chosen: Budget): string | null {
  const parts = BUDGET_KINDS.filter((kind) => chosen[kind] !== NO_BUDGET[kind]).map(
    (kind) => `${kind}=${chosen[kind]}`,
  );
  return parts.length === 0 ? null : parts.join(',');
}
