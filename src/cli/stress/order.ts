/**
 * What a stress run is asked to do, and how a round of it is ordered from the machine.
 */
import type { RoundOrder } from '../../actors/boot-module.ts';
import type { NoiseLevel, SeamDelay } from '../../actors/noise.ts';
import type { FindingKind } from '../../machine/finding.ts';
import { SHUFFLED } from '../../scenarios/suites/leave-out.ts';
import { deriveSeed } from '../../shared/random.ts';
import type { VariantChoice } from '../../variants/variants.ts';
import type { BootOrder } from '../boot.ts';

export interface StressSettings {
  readonly suites: readonly string[];
  readonly cpus: number;
  /** How long the suites run, or null: so many rounds of each. */
  readonly seconds: number | null;
  readonly rounds: number | null;
  readonly seed: number;
  readonly preset: string;
  readonly bug: string | null;
  readonly lock: 'tas' | 'ticket';
  readonly noise: NoiseLevel;
  /** The lock validator listens; default: no. */
  readonly lockdep?: boolean | undefined;
  readonly out: string;
  readonly logLevel: string;
}

/** How a round differs from an ordinary one; canaries use it. */
export interface RoundOptions {
  readonly variant: VariantChoice;
  readonly lock: BootOrder['lock'];
  readonly delay: SeamDelay | null;
}

export function ordinaryRound(settings: StressSettings): RoundOptions {
  return { variant: { preset: settings.preset, bug: settings.bug }, lock: settings.lock, delay: null };
}

/** What the round of a suite is called. Heavy noise also deals its actors out to other CPUs. */
export const roundOf = ({ seed, noise }: StressSettings, suite: string, round: number): string =>
  `${suite}@${seed}.${round}${noise === 'heavy' ? SHUFFLED : ''}`;

/** The order of the round of this name. */
export function roundOrder(
  settings: StressSettings,
  scenario: string,
  index: number,
  options: RoundOptions,
): RoundOrder {
  const seed = deriveSeed(settings.seed, index);
  const boot: BootOrder = {
    scenario,
    cpus: settings.cpus,
    variant: options.variant,
    lock: options.lock,
    oracles: true,
    lockdep: settings.lockdep === true,
  };
  return { boot, cpus: settings.cpus, noise: settings.noise, seed, delay: options.delay };
}

/** The command that searches the same round on the model machine for the same finding. Where threads hang, the model says why. */
export function exploreCommand(settings: StressSettings, scenario: string, kind: FindingKind): string {
  const words = [
    'dmrace',
    'explore',
    scenario,
    '--cpus',
    settings.cpus,
    '--preset',
    settings.preset,
    '--lock',
    settings.lock,
  ];
  if (settings.bug !== null) words.push('--bug', settings.bug);
  if (kind !== 'hang') words.push('--kind', kind);
  return words.join(' ');
}
