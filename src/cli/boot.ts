/**
 * What a machine boots: a scenario under a variant, with oracles or without. Loaded by every worker of the real machine, and
 * used for the model machine too.
 */
import type { Bootable } from '../actors/boot-module.ts';
import { checkQuiescence, checkStuck, installOracles, removeOracles } from '../check/index.ts';
import { findScenario } from '../scenarios/registry.ts';
import { bindSpinLocks, tasSpinLock, ticketSpinLock } from '../shared/spinlock.ts';
import { installVariant, type VariantChoice } from '../variants/variants.ts';

export interface BootOrder {
  readonly scenario: string;
  readonly cpus: number;
  readonly variant: VariantChoice;
  readonly lock: 'tas' | 'ticket';
  readonly oracles: boolean;
}

export function prepare(order: unknown): Bootable {
  const { scenario: name, cpus, variant, lock, oracles } = order as BootOrder;
  const scenario = findScenario(name, cpus);
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
  return {
    slots: scenario.slots ?? {},
    staticWords: scenario.staticWords,
    atQuiescence: oracles ? checkQuiescence : undefined,
    whenStuck: oracles ? checkStuck : undefined,
    build() {
      if (oracles) installOracles();
      else removeOracles();
      bindSpinLocks(lock === 'ticket' ? ticketSpinLock : tasSpinLock);
      installVariant(variant);
      return scenario.build();
    },
  };
}
