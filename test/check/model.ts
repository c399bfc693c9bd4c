/** Programs on the model machine with all oracles, for tests. */

import { bindSubmitEngine } from '../../src/block/submit.ts';
import {
  checkClosed,
  checkQuiescence,
  checkStuck,
  type ErrorRule,
  errorRules,
  oracles,
  wakersOf,
} from '../../src/check/index.ts';
import { bindSeams, type Seams } from '../../src/core/seams.ts';
import { NO_BUDGET, UNLIMITED } from '../../src/explore/choices.ts';
import { type ExploreResult, Search } from '../../src/explore/explore.ts';
import { Walk } from '../../src/explore/strategies/walk.ts';
import type { Strategy } from '../../src/explore/strategy.ts';
import { bindListeners } from '../../src/machine/events.ts';
import type { Scenario } from '../../src/scenarios/scenario.ts';
import { Lockdep } from '../../src/shared/lockdep/lockdep.ts';
import { presets } from '../../src/variants/presets.ts';
import '../../src/targets/all.ts';

export const SEED = 1;

export interface CheckedResult extends ExploreResult {
  /** By which rule of spec C2 the bios of all executions have ended. */
  readonly rules: Readonly<Record<ErrorRule, number>>;
}

interface CheckedOptions {
  /** Whether the lock validator listens too; default: yes. */
  readonly validates?: boolean;
  /** Whether the oracles listen; default: yes. Deadlocks are found without them. */
  readonly asksOracles?: boolean;
  /** Default: a seeded walk. */
  readonly strategy?: Strategy;
  /** How often interrupts may enter although their CPU could go on; default: as often as they come. */
  readonly interrupts?: number;
}

/** Explores a scenario under the unified preset, with some seams swapped, until the strategy has seen all or so many executions are over. */
export function exploreChecked(
  scenario: Scenario,
  swaps: Partial<Seams>,
  executions: number,
  { validates = true, asksOracles = true, strategy = new Walk(SEED), interrupts = UNLIMITED }: CheckedOptions = {},
): CheckedResult {
  const preset = presets.find(({ name }) => name === 'unified');
  if (preset === undefined) throw new Error('there is no preset unified');
  bindSeams({ ...preset.seams, ...swaps });
  bindSubmitEngine(preset.seams.engine);
  const lockdep = validates ? new Lockdep({ throws: true }) : null;
  bindListeners([...(asksOracles ? oracles() : []), ...(lockdep === null ? [] : [lockdep.hear])]);
  const search = new Search(scenario.build, strategy, {
    settings: { cpus: scenario.cpus, lock: 'tas', oracles: true },
    slots: scenario.slots ?? {},
    staticWords: scenario.staticWords,
    stepLimit: 20_000,
    lockdep,
    atQuiescence: checkQuiescence,
    whenStuck: checkStuck,
    whenClosed: checkClosed,
    wakersOf,
    budget: { ...NO_BUDGET, interrupts },
  });
  // The counts lie in the machine's memory, which each execution begins anew.
  let rules: Record<ErrorRule, number> | undefined;
  for (let run = 0; run < executions && strategy.finished?.() !== true && search.run(1); run++) {
    const counted = errorRules();
    const before = rules;
    if (before !== undefined) for (const rule of Object.keys(counted) as ErrorRule[]) counted[rule] += before[rule];
    rules = counted;
  }
  return { ...search.result(), rules: rules ?? errorRules() };
}
