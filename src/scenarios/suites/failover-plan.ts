/**
 * The plan of a round of `path-failover` or `rq-mpath-flush`: everything that a seed decides, as plain data, before anything runs.
 */
import { REQ_WRITE } from '../../block/bio.ts';
import { deriveSeed, Random } from '../../shared/random.ts';
import type { AnyDiskMode } from '../any-disk.ts';
import { dealCpus } from './deal-cpus.ts';
import { planRequests, withBarriers } from './request-plan.ts';
import type { IoPlan, RequestsPlan } from './round-plan.ts';

/** Paths to the one storage, and its sectors. */
export const PATHS = 3;
export const SECTORS = 8;

export interface FailoverCycle {
  readonly pauseUs: number;
  /** Number of the table that is loaded before, −1: none. */
  readonly table: number;
  /** The suspend is the one that a resume with a new table begins with, not one of its own. */
  readonly implicit: boolean;
  readonly lingerUs: number;
}

export interface PathFault {
  readonly pauseUs: number;
  /** A blackout breaks all paths at once; the others are about one. */
  readonly what: 'break' | 'blackout' | 'heal' | 'message';
  readonly which: number;
  /** Of a message: its text, and the sector of its target. */
  readonly text: string;
  readonly sector: number;
}

export interface FailoverPlan {
  /** Missing: the device takes bios, and so do the paths. */
  readonly requests?: RequestsPlan;
  readonly mode: AnyDiskMode;
  /** Paths say when they can take no more. */
  readonly saysBusy?: boolean;
  readonly latencyUs: readonly [number, number];
  readonly tables: readonly string[];
  readonly reserve: number;
  readonly kdmflushCpu: number;
  readonly submitters: readonly { readonly cpu: number; readonly depth: number; readonly ios: readonly IoPlan[] }[];
  readonly administrator: { readonly cpu: number; readonly cycles: readonly FailoverCycle[] };
  readonly faults: { readonly cpu: number; readonly list: readonly PathFault[] };
  /** Who tells the targets that a path is fine again. */
  readonly checker: { readonly cpu: number };
}

const MODES: readonly AnyDiskMode[] = ['hardirq', 'softirq', 'hardirq', 'inline'];
/** Paths to one storage: its data must be moved by one actor. */
const REQUEST_MODES: readonly AnyDiskMode[] = ['hardirqDirect', 'softirq'];
const HANDLERS = ['0', '0', '2 simulated 20', '4 simulated 5 fail-path retry', '4 simulated 40 bypass-pg fail-path'];
const MESSAGES = ['switch_group 1', 'switch_group 2', 'disable_group 1', 'enable_group 1', 'fail_path disk0'];

/** By how often each comes. */
const FAULTS: readonly PathFault['what'][] = ['break', 'break', 'blackout', 'blackout', 'heal', 'message'];

export type FailoverPlanner = (seed: number, round: number, cpus: number) => FailoverPlan;

export const planFailoverRound: FailoverPlanner = (seed, round, cpus) =>
  draw(new Random(deriveSeed(seed, round)), round, cpus, planTable, MODES);

/** The same with a request-based device, which has one target, and with barriers. */
export const planRqFailoverRound: FailoverPlanner = (seed, round, cpus) => {
  const random = new Random(deriveSeed(seed, round));
  const requests = planRequests(random);
  const plan = draw(random, round, cpus, () => `0 ${SECTORS} ${planTarget(random)}`, REQUEST_MODES);
  const submitters = plan.submitters.map(({ ios, ...each }) => ({
    ...each,
    ios: ios.map((io) => withBarriers(random, io)),
  }));
  return { ...plan, requests, submitters, saysBusy: random.chance(1, 2) };
};

function draw(
  random: Random,
  round: number,
  cpus: number,
  table: (random: Random) => string,
  modes: readonly AnyDiskMode[],
): FailoverPlan {
  const takeCpu = dealCpus(round, cpus);
  const tables = Array.from({ length: 1 + random.below(3) }, () => table(random));
  const submitters = Array.from({ length: 2 + random.below(2) }, (_, number) => ({
    cpu: takeCpu(),
    depth: 1 + random.below(3),
    ios: planIos(random, number),
  }));
  return {
    mode: modes[random.below(modes.length)] as AnyDiskMode,
    latencyUs: [5, 1 + random.below(60)],
    tables,
    reserve: 1 + random.below(2),
    kdmflushCpu: random.below(cpus),
    submitters,
    administrator: { cpu: takeCpu(), cycles: planCycles(random, tables.length) },
    faults: { cpu: takeCpu(), list: planFaults(random) },
    checker: { cpu: takeCpu() },
  };
}

/** One or two multipath targets, each over all paths, in one group or two. */
function planTable(random: Random): string {
  const cut = random.chance(1, 2) ? 1 + random.below(SECTORS - 1) : SECTORS;
  const lines = [`0 ${cut} ${planTarget(random)}`];
  if (cut < SECTORS) lines.push(`${cut} ${SECTORS - cut} ${planTarget(random)}`);
  return lines.join('\n');
}

function planTarget(random: Random): string {
  const group = (paths: readonly number[]): string =>
    `round-robin 0 ${paths.length} 1 ${paths.map((path) => `disk${path} ${1 + random.below(2)}`).join(' ')}`;
  const handler = HANDLERS[random.below(HANDLERS.length)] as string;
  const groups = random.chance(1, 2) ? [group([0, 1]), group([2])] : [group([2, 0, 1])];
  return `multipath 1 queue_if_no_path ${handler} ${groups.length} 1 ${groups.join(' ')}`;
}

function planIos(random: Random, number: number): IoPlan[] {
  return Array.from({ length: 3 + random.below(5) }, (_, i) => {
    const size = 1 + random.below(3);
    return {
      sector: random.below(SECTORS - size + 1),
      size,
      flags: random.chance(2, 3) ? REQ_WRITE : 0,
      stamp: ((number + 1) << 16) | ((i + 1) << 4),
      pauseUs: random.chance(1, 4) ? random.below(100) : 0,
    };
  });
}

function planCycles(random: Random, tables: number): FailoverCycle[] {
  return Array.from({ length: 1 + random.below(4) }, () => {
    const table = random.chance(2, 3) ? random.below(tables) : -1;
    return {
      pauseUs: random.chance(1, 2) ? 0 : random.below(100),
      table,
      implicit: table >= 0 && random.chance(1, 3),
      lingerUs: random.chance(1, 3) ? random.below(60) : 0,
    };
  });
}

function planFaults(random: Random): PathFault[] {
  return Array.from({ length: 2 + random.below(6) }, () => ({
    pauseUs: random.below(120),
    what: FAULTS[random.below(FAULTS.length)] as PathFault['what'],
    which: random.below(PATHS),
    text: MESSAGES[random.below(MESSAGES.length)] as string,
    sector: random.below(SECTORS),
  }));
}
