/**
 * How fast the model machine walks through the noflush scenario.
 */
import { prepare } from '../src/cli/boot.ts';
import { Search } from '../src/explore/explore.ts';
import { Walk } from '../src/explore/strategies/walk.ts';
import { findScenario } from '../src/scenarios/registry.ts';
import { medianOf, nanoseconds } from './measure.ts';
import type { Row } from './row.ts';

const SCENARIO = 'interrupted-noflush';
const STEP_LIMIT = 200_000;
/** Executions in a turn, some 10 ms. */
const EXECUTIONS = 256;
const WARM_UP_TURNS = 20;
const TURNS = 150;

export function soloModel(oracles: boolean): Row[] {
  const scenario = findScenario(SCENARIO, 0);
  if (scenario === undefined) throw new Error(`there is no scenario ${SCENARIO}`);
  const { cpus } = scenario;
  const variant = { preset: 'unified', bug: null };
  const bootable = prepare({ scenario: SCENARIO, cpus, variant, lock: 'tas', oracles });
  const settings = { cpus, lock: 'tas', oracles } as const;
  const search = new Search(bootable.build, new Walk(1), { ...bootable, settings, stepLimit: STEP_LIMIT });
  const stepRates: number[] = [];
  const executionRates: number[] = [];
  let steps = 0;
  for (let turn = 0; turn < WARM_UP_TURNS + TURNS; turn++) {
    const start = nanoseconds();
    if (!search.run(EXECUTIONS)) throw new Error(`the model machine finds something in ${SCENARIO}`);
    const seconds = (nanoseconds() - start) / 1e9;
    const walked = search.result().steps - steps;
    steps += walked;
    if (turn < WARM_UP_TURNS) continue;
    stepRates.push(walked / seconds);
    executionRates.push(EXECUTIONS / seconds);
  }
  const rate = (what: string, rates: readonly number[]): Row => ({
    what: `${SCENARIO}, oracles ${oracles ? 'on' : 'off'}`,
    measured: Math.max(...rates),
    median: medianOf(rates),
    unit: `${what}/s`,
  });
  const stepRow = rate('steps', stepRates);
  const rows = [oracles ? { ...stepRow, target: { atLeast: 2_500_000 } } : stepRow, rate('executions', executionRates)];
  if (!oracles) return rows;
  const { executions } = search.result();
  return [...rows, { what: `${SCENARIO}, length`, measured: steps / executions, unit: 'steps/execution' }];
}
