/**
 * Explores one scenario on the model machine, in slices, so that the process can hear signals in between.
 */
import { setImmediate } from 'node:timers/promises';
import { type ExploreResult, Search } from '../explore/explore.ts';
import { Walk } from '../explore/strategies/walk.ts';
import { findScenario } from '../scenarios/registry.ts';
import { prepare } from './boot.ts';

export interface ExploreRequest {
  readonly scenario: string;
  /** CPUs of a suite's round; a scenario has its own number. */
  readonly cpus: number;
  readonly seed: number;
  /** How many executions, or null: until the seconds are over. */
  readonly executions: number | null;
  readonly seconds: number | null;
  readonly preset: string;
  readonly bug: string | null;
  readonly lock: 'tas' | 'ticket';
}

/** Executions after which the process looks at what else there is. */
const SLICE = 256;
/** Steps after which an execution counts as a livelock. */
const STEP_LIMIT = 200_000;

/** Runs until a finding, the end, or until `pause`, which is called between slices, says stop. */
export async function exploreScenario(
  request: ExploreRequest,
  pause: (executions: number) => boolean,
): Promise<ExploreResult & { readonly seconds: number }> {
  const scenario = findScenario(request.scenario, request.cpus);
  if (scenario === undefined) throw new Error(`there is no scenario ${request.scenario}`);
  const variant = { preset: request.preset, bug: request.bug };
  const order = {
    scenario: request.scenario,
    cpus: request.cpus,
    variant,
    lock: request.lock,
    oracles: true,
    shuffle: null,
  };
  const bootable = prepare(order);
  const search = new Search(bootable.build, new Walk(request.seed), {
    ...bootable,
    settings: { cpus: scenario.cpus, lock: request.lock, oracles: true },
    stepLimit: STEP_LIMIT,
  });
  const start = performance.now();
  const elapsed = (): number => (performance.now() - start) / 1000;
  for (;;) {
    const left = request.executions === null ? SLICE : Math.min(SLICE, request.executions - search.executions);
    const clean = search.run(left);
    await setImmediate();
    const over = request.seconds !== null && elapsed() >= request.seconds;
    if (pause(search.executions) || !clean || over || search.executions === request.executions) break;
  }
  return { ...search.result(), seconds: elapsed() };
}
