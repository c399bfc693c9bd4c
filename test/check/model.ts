/** Programs on the model machine with all oracles, for tests. */

import { bindSubmitEngine } from '../../src/block/submit.ts';
import { checkQuiescence, checkStuck, type ErrorRule, errorRules, installOracles } from '../../src/check/index.ts';
import { bindSeams, type Seams } from '../../src/core/seams.ts';
import { type ExploreResult, explore } from '../../src/explore/explore.ts';
import { Walk } from '../../src/explore/walk.ts';
import type { Scenario } from '../../src/scenarios/scenario.ts';
import { presets } from '../../src/variants/presets.ts';
import '../../src/targets/all.ts';

export const SEED = 1;

export interface CheckedResult extends ExploreResult {
  /** By which rule of spec C2 the bios of all executions have ended. */
  readonly rules: Readonly<Record<ErrorRule, number>>;
}

/** Explores a scenario under the unified preset, with some seams swapped. */
export function exploreChecked(scenario: Scenario, swaps: Partial<Seams>, executions: number): CheckedResult {
  const preset = presets.find(({ name }) => name === 'unified');
  if (preset === undefined) throw new Error('there is no preset unified');
  bindSeams({ ...preset.seams, ...swaps });
  bindSubmitEngine(preset.seams.engine);
  installOracles();
  let rules: Record<ErrorRule, number> | undefined;
  const result = explore(scenario.build, new Walk(SEED), executions, {
    settings: { cpus: scenario.cpus, lock: 'tas', oracles: true },
    slots: scenario.slots ?? {},
    staticWords: scenario.staticWords,
    stepLimit: 20_000,
    atQuiescence: checkQuiescence,
    whenStuck: checkStuck,
    afterRun() {
      const run = errorRules();
      const before = rules;
      if (before !== undefined) for (const rule of Object.keys(run) as ErrorRule[]) run[rule] += before[rule];
      rules = run;
      return false;
    },
  });
  return { ...result, rules: rules ?? errorRules() };
}
