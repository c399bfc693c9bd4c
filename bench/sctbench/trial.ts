/**
 * One trial: schedules of one program under one strategy until its bug is found.
 */
import { ModelMachine } from '../../src/explore/explore.ts';
import { SlicedSearch } from '../../src/explore/search.ts';
import { SliceMaker } from '../../src/explore/slices.ts';
import { Pct } from '../../src/explore/strategies/pct.ts';
import { Pos } from '../../src/explore/strategies/pos.ts';
import { Surw } from '../../src/explore/strategies/surw.ts';
import { Uniform } from '../../src/explore/strategies/uniform.ts';
import type { Strategy } from '../../src/explore/strategy.ts';
import type { FindingReport } from '../../src/machine/machine.ts';
import { type Skeleton, scenarioOf } from './kit.ts';

export interface Trial {
  /** Schedules up to and with the one that showed the bug; null: none did. */
  readonly found: number | null;
  readonly schedules: number;
  readonly steps: number;
  /** Its steps were used up before its schedules. */
  readonly cut: boolean;
  /** What was found beside the bug, if anything: something is wrong with the program. */
  readonly other: string;
}

/** When a trial ends without a bug: the published ones after 10,000 schedules or 5 minutes. */
export interface Limits {
  readonly schedules: number;
  readonly steps: number;
}

/** No program makes so many steps; one that spins under an unfair strategy does. */
const STEP_LIMIT = 20_000;

/** The published algorithms by their names there. */
const ALGORITHMS = {
  SURW: (seed: number): Strategy => new Surw(seed, 0),
  'PCT-3': (seed: number): Strategy => new Pct(seed, [3]),
  'PCT-10': (seed: number): Strategy => new Pct(seed, [10]),
  POS: (seed: number): Strategy => new Pos(seed),
  RW: (seed: number): Strategy => new Uniform(seed),
} as const;
export type Algorithm = keyof typeof ALGORITHMS | 'portfolio';
export const ALGORITHM_NAMES = [...Object.keys(ALGORITHMS), 'portfolio'] as readonly Algorithm[];

/** A program on a machine of its own. The last one that was made is the one that can run. */
export class Bench {
  readonly #skeleton: Skeleton;
  readonly #machine: ModelMachine;

  constructor(skeleton: Skeleton, repaired = false) {
    this.#skeleton = skeleton;
    const scenario = scenarioOf(skeleton, repaired);
    this.#machine = new ModelMachine(scenario.build, new Uniform(0), {
      settings: { cpus: scenario.cpus, lock: 'tas', oracles: false },
      slots: scenario.slots ?? {},
      staticWords: scenario.staticWords,
      stepLimit: STEP_LIMIT,
    });
  }

  trial(algorithm: Algorithm, seed: number, limits: Limits): Trial {
    return algorithm === 'portfolio' ? this.#sliced(seed, limits) : this.#plain(ALGORITHMS[algorithm](seed), limits);
  }

  #isBug({ kind, message }: FindingReport): boolean {
    const { bug } = this.#skeleton;
    return kind === bug.kind && bug.message.test(message);
  }

  #plain(strategy: Strategy, limits: Limits): Trial {
    this.#machine.follow(strategy);
    let [steps, run, other] = [0, 0, ''];
    while (run < limits.schedules && steps < limits.steps) {
      const { finding, steps: made } = this.#machine.run(run++);
      steps += made;
      if (finding === null) continue;
      if (this.#isBug(finding)) return { found: run, schedules: run, steps, cut: false, other };
      other ||= `${finding.kind}: ${finding.message}`;
    }
    return { found: null, schedules: run, steps, cut: run < limits.schedules, other };
  }

  /** As `dmrace explore` does it: slices, and shares that move. */
  #sliced(seed: number, limits: Limits): Trial {
    const search = new SlicedSearch('portfolio', seed, limits.schedules);
    const maker = new SliceMaker(this.#machine, null);
    let steps = 0;
    for (let order = search.order(); order !== null && steps < limits.steps; order = search.order()) {
      const report = maker.make(order);
      steps += report.steps;
      search.report(report);
    }
    this.#machine.execution.listener = null;
    const { finding, executions: schedules } = search.result();
    const found = finding !== null && this.#isBug(finding) ? schedules : null;
    const other = finding === null || found !== null ? '' : `${finding.kind}: ${finding.message}`;
    return { found, schedules, steps, cut: finding === null && schedules < limits.schedules, other };
  }
}
