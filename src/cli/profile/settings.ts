/**
 * What a profile is asked to do, checked before anything is started.
 */
import { InvalidArgumentError } from 'commander';
import type { ProfileSettings } from '../../profile/layout.ts';
import { findScenario, scenarios, suites } from '../../scenarios/registry.ts';
import { CPUS_MAX, UsageError } from '../usage.ts';

export const BY = ['class', 'instance', 'site', 'owner'] as const;

export interface ProfileRunSettings {
  /** A scenario, a suite, or a round of one. */
  readonly name: string;
  readonly cpus: number;
  readonly seconds: number;
  readonly seed: number;
  readonly preset: string;
  readonly bug: string | null;
  readonly lock: 'tas' | 'ticket';
  readonly by: ProfileSettings['by'];
  readonly exact: boolean;
  /** `100us@io_lock` */
  readonly inject: string | null;
  readonly trace: string | null;
  readonly speedscope: string | null;
  readonly html: string | null;
  readonly out: string;
  readonly logLevel: string;
}

const UNITS_NS: Readonly<Record<string, number>> = { ns: 1, us: 1000, ms: 1_000_000 };
/** A holder that takes longer makes rounds look like hangs. */
const DELAY_NS_MAX = 100_000_000;

/** A parser for `100us@io_lock`. */
export function injection(text: string): string {
  const { ns } = parseInjection(text) ?? {};
  if (ns === undefined)
    throw new InvalidArgumentError('It must be a time and a lock, such as 100us@io_lock; units are ns, us and ms.');
  if (ns < 1 || ns > DELAY_NS_MAX) throw new InvalidArgumentError('The delay must be 1ns to 100ms.');
  return text;
}

export function parseInjection(text: string): { readonly ns: number; readonly lock: string } | null {
  const match = /^(\d+)(ns|us|ms)@(\S+)$/.exec(text);
  if (match === null) return null;
  return { ns: Number(match[1]) * (UNITS_NS[match[2] as string] as number), lock: match[3] as string };
}

/** The name of round `round`: a scenario is always the same. */
export function roundName({ name, seed }: ProfileRunSettings, round: number): string {
  return suites.some((suite) => suite.name === name) ? `${name}@${seed}.${round}` : name;
}

/** CPUs that a name needs at least; throws UsageError where there is nothing of that name. */
export function cpusNeeded(name: string): number {
  if (suites.some((suite) => suite.name === name)) return 1;
  const isRound = name.includes('@');
  const scenario = findScenario(name, CPUS_MAX);
  if (scenario !== undefined) return isRound ? 1 : scenario.cpus;
  const all = [...suites, ...scenarios].map((each) => each.name).join(', ');
  throw new UsageError(`There is no scenario or suite '${name}'; there are ${all}.`);
}
