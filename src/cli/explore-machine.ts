/**
 * The model machine of a search, from what the user asked for; the same in each worker.
 */

import { ModelMachine } from '../explore/explore.ts';
import { Walk } from '../explore/strategies/walk.ts';
import type { Budget } from '../machine/machine.ts';
import { findScenario } from '../scenarios/registry.ts';
import { Lockdep } from '../shared/lockdep/lockdep.ts';
import { prepare } from './boot.ts';

export interface MachineOrder {
  readonly scenario: string;
  /** Where a user's own scenario is defined. */
  readonly file?: string | undefined;
  /** CPUs of a suite's round; a scenario has its own number. */
  readonly cpus: number;
  readonly preset: string;
  readonly bug: string | null;
  readonly lock: 'tas' | 'ticket';
  /** What may happen in an execution, of which each draws its share; default: nothing that seldom does. */
  readonly budget?: Budget | undefined;
  /** Whether accesses of plain words that nothing orders are findings; default: yes. */
  readonly races?: boolean | undefined;
  /** Whether the lock validator listens; default: yes. */
  readonly lockdep?: boolean | undefined;
}

/** What of a request is about the machine. */
export const machineOrderOf = (request: MachineOrder): Required<MachineOrder> => {
  const { scenario, file, cpus, preset, bug, lock, budget, races, lockdep } = request;
  return { scenario, file, cpus, preset, bug, lock, budget, races, lockdep };
};

/** Steps after which an execution counts as a livelock, unless its scenario says otherwise. */
const STEP_LIMIT = 200_000;

export function modelMachine(order: MachineOrder): ModelMachine {
  const { scenario: name, cpus, preset, bug, lock, budget, races = true, lockdep: validates = true } = order;
  const scenario = findScenario(name, cpus);
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
  const lockdep = validates ? new Lockdep({ throws: true }) : null;
  const boot = {
    scenario: name,
    cpus,
    variant: { preset, bug },
    lock,
    oracles: true,
    lockdep: validates,
  };
  const bootable = prepare(boot, lockdep);
  return new ModelMachine(bootable.build, new Walk(0), {
    ...bootable,
    settings: { cpus: scenario.cpus, lock, oracles: true },
    stepLimit: scenario.stepLimit ?? STEP_LIMIT,
    budget,
    swarm: true,
    races,
    lockdep,
  });
}
