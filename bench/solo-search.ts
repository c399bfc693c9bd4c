/**
 * How fast a search is that hears races and counts what it covers: the noflush scenario, one thread, oracles on.
 */
import { modelMachine } from '../src/cli/explore-machine.ts';
import { modelState } from '../src/cli/model-state.ts';
import { SLICE_RUNS } from '../src/explore/portfolio.ts';
import { SliceMaker } from '../src/explore/slices.ts';
import type { StrategyName } from '../src/explore/strategies/all.ts';
import { medianOf, nanoseconds } from './measure.ts';
import type { Row } from './row.ts';

const ORDER = { scenario: 'interrupted-noflush', cpus: 4, preset: 'unified', bug: null, lock: 'tas' } as const;
const SEED = 1;
/** Slices that are not counted: V8 optimises meanwhile. */
const WARM_UP = 40;
const SLICES = 300;

export interface SearchKind {
  readonly strategy: StrategyName;
  readonly races: boolean;
}

export function soloSearch({ strategy, races }: SearchKind): Row[] {
  const maker = new SliceMaker(modelMachine({ ...ORDER, races }), modelState);
  const rates: number[] = [];
  for (let number = 0; number < WARM_UP + SLICES; number++) {
    const start = nanoseconds();
    const order = { number, strategy, seed: SEED, first: number * SLICE_RUNS, runs: SLICE_RUNS };
    const { finding, steps } = maker.make(order);
    if (finding !== null) throw new Error(`the search finds something in ${ORDER.scenario}: ${finding.message}`);
    if (number >= WARM_UP) rates.push(steps / ((nanoseconds() - start) / 1e9));
  }
  const what = `${ORDER.scenario}, ${strategy}, coverage${races ? ' and races' : ', --no-races'}`;
  const row: Row = { what, measured: Math.max(...rates), median: medianOf(rates), unit: 'steps/s' };
  return [races && strategy === 'walk' ? { ...row, target: { atLeast: 1_200_000 } } : row];
}
