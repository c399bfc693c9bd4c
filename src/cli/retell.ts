/**
 * A finding that is made again from what its run chose.
 *
 * What the lock validator finds when it puts the runs of several threads together has no places: the runs are made again for them. A finding in a user's own code is made again from what its run chose, and this time every operation notes its place (`here` in
 * src/machine/site.ts), so that it can say where everybody stood.
 */
import type { FoundInRun } from '../explore/slices.ts';
import { Replay } from '../explore/strategies/replay.ts';
import { deriveSites } from '../machine/site.ts';
import { findOwn } from '../scenarios/own/define.ts';
import { type MachineOrder, modelMachine } from './explore-machine.ts';

/** Runs `telling` so that operations in a user's own code note their places; in others they have them already. */
export function withPlaces<T>(scenario: string, telling: () => T): T {
  if (findOwn(scenario) === undefined) return telling();
  deriveSites(true);
  try {
    return telling();
  } finally {
    deriveSites(false);
  }
}

/** The finding, with its places. Those in the project's own scenarios have them already. */
export function retell(order: MachineOrder, finding: FoundInRun | null): FoundInRun | null {
  if (finding === null || (findOwn(order.scenario) === undefined && finding.places.length > 0)) return finding;
  const machine = modelMachine(order);
  const again = withPlaces(order.scenario, () => {
    for (const [i, choices] of finding.earlier.entries()) {
      machine.follow(new Replay(choices));
      machine.run(-1 - i);
    }
    machine.follow(new Replay(finding.choices));
    return machine.run(0).finding;
  });
  return again === null ? finding : { ...finding, ...again };
}
