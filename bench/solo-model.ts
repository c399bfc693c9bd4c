/**
 * How fast the model machine walks through the noflush scenario, or another one.
 */
import { prepare } from '../src/cli/boot.ts';
import { Search } from '../src/explore/explore.ts';
import { Walk } from '../src/explore/strategies/walk.ts';
import { findScenario } from '../src/scenarios/registry.ts';
import { medianOf, nanoseconds } from './measure.ts';
import type { Row } from './row.ts';

/** The scenario for which a rate is asked. */
const USUAL = 'interrupted-noflush';
const STEP_LIMIT = 200_000;
/** Executions in a turn, some 10 ms; those with requests are longer. */
const EXECUTIONS = 256;
const EXECUTIONS_OF_LONG = 32;
const WARM_UP_TURNS = 20;
const TURNS = 150;

export function soloModel(oracles: boolean, name = USUAL): Row[] {
  const scenario = findScenario(name, 0);
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
  const perTurn = name === USUAL ? EXECUTIONS : EXECUTIONS_OF_LONG;
  const { cpus } = scenario;
  const variant = { preset: 'unified', bug: null };
  const bootable = prepare({ scenario: name, cpus, variant, lock: 'tas', oracles });
  const settings = { cpus, lock: 'tas', oracles } as const;
  const search = new Search(bootable.build, new Walk(1), { ...bootable, settings, stepLimit: STEP_LIMIT });
  const stepRates: number[] = [];
  const executionRates: number[] = [];
  let steps = 0;
  for (let turn = 0; turn < WARM_UP_TURNS + TURNS; turn++) {
    const start = nanoseconds();
    if (!search.run(perTurn)) throw new Error(`the model machine finds something in ${name}`);
    const seconds = (nanoseconds() - start) / 1e9;
    const walked = search.result().steps - steps;
    steps += walked;
    if (turn < WARM_UP_TURNS) continue;
    stepRates.push(walked / seconds);
    executionRates.push(perTurn / seconds);
  }
  const rate = (what: string, rates: readonly number[]): Row => ({
    what: `${name}, oracles ${oracles ? 'on' : 'off'}`,
    measured: Math.max(...rates),
    median: medianOf(rates),
    unit: `${what}/s`,
  });
  const stepRow = rate('steps', stepRates);
  const rows = [
    oracles && name === USUAL ? { ...stepRow, target: { atLeast: 2_500_000 } } : stepRow,
    rate('executions', executionRates),
  ];
  if (!oracles) return rows;
  const { executions } = search.result();
  return [...rows, { what: `${name}, length`, measured: steps / executions, unit: 'steps/execution' }];
}
