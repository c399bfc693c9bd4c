/**
 * The plan of a round of `barrier` and `barrier-powercut`: everything that a seed decides, as plain data, before anything runs.
 */
import { BIO_RW_UNPLUG } from '../../block/bio.ts';
import type { RequestDiskMode } from '../../block/request-disk.ts';
import { deriveSeed, Random } from '../../shared/random.ts';
import type { LoggedWrite } from '../durability.ts';
import { BARRIER } from '../request-device.ts';
import { dealCpus } from './deal-cpus.ts';

/** Sectors of the device. */
export const BARRIER_SECTORS = 8;
export const BARRIER_DISKS = 2;

/**
 *   linear     one disk
 *   joined     two linear targets, each on a disk of its own; bio-based only
 *   striped    two disks, chunks of two sectors
 *   multipath  two paths to one disk, which fail and return
 */
export type BarrierLayout = 'linear' | 'joined' | 'striped' | 'multipath';

export interface BarrierIo extends LoggedWrite {
  readonly pauseUs: number;
}

export interface BarrierCycle {
  readonly pauseUs: number;
  readonly noflush: boolean;
  readonly lingerUs: number;
}

export interface BarrierFault {
  readonly pauseUs: number;
  readonly what: 'break' | 'blackout' | 'heal';
  readonly which: number;
}

export interface BarrierPlan {
  readonly requestBased: boolean;
  readonly layout: BarrierLayout;
  readonly table: string;
  readonly mode: RequestDiskMode;
  readonly latencyUs: readonly [number, number];
  /** Requests that a disk serves at a time, and in the pool of each queue. */
  readonly depth: number;
  readonly nrRequests: number;
  /** Reserve of the device's pools. */
  readonly reserve: number;
  readonly kdmflushCpu: number;
  /** The disks refuse flushes, and so barriers of a request-based device end with −EOPNOTSUPP. */
  readonly refuses: boolean;
  /** So many writes, and flushes, of the first disk fail. */
  readonly failNext: number;
  readonly failFlush: number;
  readonly submitters: readonly { readonly cpu: number; readonly depth: number; readonly ios: readonly BarrierIo[] }[];
  readonly administrator: { readonly cpu: number; readonly cycles: readonly BarrierCycle[] };
  /** Paths that fail and return. */
  readonly faults: { readonly cpu: number; readonly list: readonly BarrierFault[] };
  /** Who tells the target that a path is fine again. */
  readonly checker: { readonly cpu: number };
  /** Power is cut when so many tickets of the log are drawn; null: never. */
  readonly cutter: { readonly cpu: number; readonly tickets: number } | null;
}

/** By how often each comes. */
const LAYOUTS: readonly BarrierLayout[] = ['linear', 'multipath', 'striped', 'multipath', 'joined'];
/** Two disks lose their power in one moment only where the interrupt actor serves both, and only it may write to a disk with two paths. */
const MODES_OF_ONE: readonly RequestDiskMode[] = ['hardirqDirect', 'softirq', 'thread', 'inline'];
const MODES_OF_TWO: readonly RequestDiskMode[] = ['hardirqDirect', 'softirq'];

/** Each I/O draws three tickets. */
const TICKETS = 3;

export function planBarrierRound(cuts: boolean, seed: number, round: number, cpus: number): BarrierPlan {
  const random = new Random(deriveSeed(seed, round));
  const takeCpu = dealCpus(round, cpus);
  const layout = LAYOUTS[random.below(LAYOUTS.length)] as BarrierLayout;
  const modes = layout === 'linear' ? MODES_OF_ONE : MODES_OF_TWO;
  const submitters = Array.from({ length: 2 + random.below(2) }, (_, number) => ({
    cpu: takeCpu(),
    depth: 1 + random.below(3),
    ios: planIos(random, number),
  }));
  const ios = submitters.reduce((sum, submitter) => sum + submitter.ios.length, 0);
  // A flush that fails although power is on promises nothing, so what follows it is not told from what a cut may leave.
  const requestBased = layout !== 'joined' && random.chance(1, 2);
  const fails = !cuts && layout !== 'multipath' && random.chance(1, 2);
  return {
    requestBased,
    layout,
    table: planTable(layout, random),
    mode: modes[random.below(modes.length)] as RequestDiskMode,
    latencyUs: [5, 1 + random.below(40)],
    depth: 1 + random.below(3),
    nrRequests: 1 + random.below(4),
    reserve: 1 + random.below(2),
    kdmflushCpu: random.below(cpus),
    // What a bio-based device makes of it is no error, and nothing is promised by its barriers then.
    refuses: requestBased && layout !== 'multipath' && random.chance(1, 6),
    failNext: fails ? random.below(2) : 0,
    failFlush: fails ? random.below(4) : 0,
    submitters,
    administrator: { cpu: takeCpu(), cycles: planCycles(random, layout === 'multipath') },
    faults: { cpu: takeCpu(), list: layout === 'multipath' ? planFaults(random) : [] },
    checker: { cpu: takeCpu() },
    cutter: cuts ? { cpu: takeCpu(), tickets: random.below(TICKETS * ios + 1) } : null,
  };
}

function planTable(layout: BarrierLayout, random: Random): string {
  const half = BARRIER_SECTORS / 2;
  switch (layout) {
    case 'linear':
      return `0 ${BARRIER_SECTORS} linear disk0 0`;
    case 'joined':
      return `0 ${half} linear disk0 0\n${half} ${half} linear disk1 ${half}`;
    case 'striped':
      return `0 ${BARRIER_SECTORS} striped 2 2 disk0 0 disk1 0`;
    case 'multipath': {
      const paths = [0, 1].map((path) => `disk${path} ${1 + random.below(2)}`).join(' ');
      return `0 ${BARRIER_SECTORS} multipath 1 queue_if_no_path 0 1 1 round-robin 0 2 1 ${paths}`;
    }
  }
}

/** On which disk a sector of the device lies, and where. */
export function placeOf(layout: BarrierLayout, sector: number): { readonly disk: number; readonly sector: number } {
  if (layout === 'joined') return { disk: sector < BARRIER_SECTORS / 2 ? 0 : 1, sector };
  if (layout !== 'striped') return { disk: 0, sector };
  const chunk = sector >> 1;
  return { disk: chunk % 2, sector: ((chunk >> 1) << 1) + (sector % 2) };
}

/** One in three is a barrier, and some of those have no data. */
function planIos(random: Random, number: number): BarrierIo[] {
  return Array.from({ length: 3 + random.below(5) }, (_, i) => {
    const barrier = random.chance(1, 3);
    return {
      sector: random.below(BARRIER_SECTORS),
      size: barrier && random.chance(1, 4) ? 0 : 1,
      // What is not unplugged by its submitter waits for the queue's timer, or for somebody else's I/O.
      flags: barrier ? BARRIER : random.chance(3, 4) ? BIO_RW_UNPLUG : 0,
      stamp: ((number + 1) << 16) | (i + 1),
      pauseUs: random.chance(1, 4) ? random.below(60) : 0,
    };
  });
}

/** A flushing suspend fails what a multipath without paths has queued. */
function planCycles(random: Random, noflush: boolean): BarrierCycle[] {
  return Array.from({ length: (noflush ? 1 : 0) + random.below(4) }, () => ({
    pauseUs: random.chance(1, 2) ? 0 : random.below(100),
    noflush: noflush || random.chance(1, 2),
    lingerUs: random.chance(1, 3) ? random.below(60) : 0,
  }));
}

function planFaults(random: Random): BarrierFault[] {
  const whats = ['break', 'blackout', 'blackout', 'heal'] as const;
  return Array.from({ length: 2 + random.below(5) }, () => ({
    pauseUs: random.below(60),
    what: whats[random.below(whats.length)] as BarrierFault['what'],
    which: random.below(BARRIER_DISKS),
  }));
}
