/**
 * The name in a schedule: `BUG`, which implies its scenario and preset, or `SCENARIO`; `+BUG` where a bug runs in another scenario than its
 * own, `:PRESET` where the preset is another than that of the bug, or than unified.
 */
import { NO_BUDGET } from '../explore/choices.ts';
import { BadSchedule, parseSchedule, type Schedule } from '../explore/schedule.ts';
import { findScenario } from '../scenarios/registry.ts';
import { presets } from '../variants/presets.ts';
import { findBug, whyImpossible } from '../variants/variants.ts';
import type { MachineOrder } from './explore-machine.ts';
import { CPUS_MAX, UsageError } from './usage.ts';

/** CPUs of a round unless said otherwise. */
export const DEFAULT_CPUS = 4;
export const DEFAULT_PRESET = 'unified';

export function scheduleName({ scenario, bug, preset }: MachineOrder): string {
  const known = bug === null ? undefined : findBug(bug);
  const base = known?.scenario === scenario ? known.id : `${scenario}${bug === null ? '' : `+${bug}`}`;
  return preset === (known?.preset ?? DEFAULT_PRESET) ? base : `${base}:${preset}`;
}

/** What a schedule says of its machine beside its name. */
export function machineSettings(order: MachineOrder): Pick<Schedule, 'lock' | 'cpus' | 'budget' | 'races' | 'lockdep'> {
  const isRound = order.scenario.includes('@');
  return {
    lock: order.lock,
    cpus: isRound && order.cpus !== DEFAULT_CPUS ? order.cpus : null,
    budget: order.budget ?? NO_BUDGET,
    races: order.races ?? true,
    lockdep: order.lockdep ?? true,
  };
}

function refuse(text: string, why: string): never {
  const shown = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  throw new UsageError(`'${shown}' is not a schedule that can be replayed: ${why}.`);
}

/** The machine and the run that a string stands for. */
export function readSchedule(text: string): { readonly order: MachineOrder; readonly schedule: Schedule } {
  try {
    const { name, schedule } = parseSchedule(text);
    const [, base, otherBug, otherPreset] =
      /^([^+:]+)(?:\+([^:]+))?(?::(.+))?$/.exec(name) ?? refuse(text, 'its name is broken');
    const own = findBug(base as string);
    const bug = own ?? (otherBug === undefined ? undefined : findBug(otherBug));
    if (otherBug !== undefined && bug === undefined) refuse(text, `there is no bug '${otherBug}'`);
    const preset = otherPreset ?? bug?.preset ?? DEFAULT_PRESET;
    if (!presets.some((each) => each.name === preset)) refuse(text, `there is no preset '${preset}'`);
    const impossible = whyImpossible({ preset, bug: bug?.id ?? null });
    if (impossible !== null) refuse(text, `the bug '${bug?.id}' cannot be in preset '${preset}', ${impossible}`);

    const cpus = schedule.cpus ?? DEFAULT_CPUS;
    if (cpus < 1 || cpus > CPUS_MAX) refuse(text, `it is for ${cpus} CPUs, and there can be 1 to ${CPUS_MAX}`);
    const scenario = own?.scenario ?? (base as string);
    if (findScenario(scenario, cpus) === undefined)
      refuse(text, `there is no scenario or bug '${scenario}'; for one of your own name its file with --own`);
    const { lock, budget, races, lockdep } = schedule;
    return { order: { scenario, cpus, preset, bug: bug?.id ?? null, lock, budget, races, lockdep }, schedule };
  } catch (error) {
    if (error instanceof BadSchedule) refuse(text, error.message);
    throw error;
  }
}
