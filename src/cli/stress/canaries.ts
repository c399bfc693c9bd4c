/**
 * Canaries: machines that are broken on purpose. One that is not caught shows that the harness is blind.
 */
import type { RealMachine } from '../../actors/machine.ts';
import { sitesOf } from '../../machine/site.ts';
import { crosswiseCase } from '../../scenarios/selftest/cases.ts';
import type { Canary } from '../../variants/canary.ts';
import { presetOfCanary } from '../../variants/variants.ts';
import { JoinedLocks } from '../joined-locks.ts';
import { ordinaryRound, roundOrder, type StressSettings } from './order.ts';

export interface CanaryResult {
  readonly id: string;
  readonly caught: boolean;
  /** Rounds that it took. */
  readonly tries: number;
}

/** Runs rounds of a canary until one is caught in the way that it must be. */
export async function runCanary(
  machine: RealMachine,
  settings: StressSettings,
  canary: Canary,
  stopped: () => boolean,
): Promise<CanaryResult> {
  for (let round = 0; round < canary.rounds && !stopped(); round++) {
    const order = roundOrder({ ...settings, noise: 'light' }, canary.scenario, round, {
      variant: { preset: presetOfCanary(settings.preset, canary), bug: canary.id },
      lock: settings.lock,
      delay: canary.delay === null ? null : { ...sitesOf(canary.delay.file, canary.delay.func), us: canary.delay.us },
    });
    const { finding } = await machine.run(order);
    if (finding !== null && canary.kinds.includes(finding.kind))
      return { id: canary.id, caught: true, tries: round + 1 };
  }
  return { id: canary.id, caught: false, tries: canary.rounds };
}

/** Two locks that one task takes in both orders: what the lock validator must notice although nothing happens. */
export async function runLockCanary(machine: RealMachine, settings: StressSettings): Promise<CanaryResult> {
  const { scenario, expected } = crosswiseCase;
  const order = roundOrder(settings, scenario.name, 0, ordinaryRound(settings));
  const { notes } = await machine.run(order);
  const found = new JoinedLocks().add(notes);
  return { id: 'lock-order', caught: found.some(({ kind }) => kind === expected), tries: 1 };
}
