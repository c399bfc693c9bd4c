/**
 * Rounds about suspending a request-based device: writes, reads and barriers, requests that targets want back, tables of one target.
 */
import { BIO_RW_BARRIER, BIO_RW_UNPLUG, REQ_WRITE } from '../../block/bio.ts';
import type { RequestDiskMode } from '../../block/request-disk.ts';
import type { Random } from '../../shared/random.ts';
import type { PathPlan } from '../path-target.ts';
import { dealCpus } from './deal-cpus.ts';
import type {
  CyclePlan,
  DiskPlan,
  IoPlan,
  OperatorAction,
  OperatorPlan,
  RequestsPlan,
  RoundPlan,
  SegmentPlan,
} from './round-plan.ts';
import { planSignaller } from './suspend-signals.ts';

const SECTORS = 8;
const SCRIPTS = 2;
const MODES: readonly RequestDiskMode[] = ['hardirqDirect', 'hardirqDirect', 'softirq', 'softirq', 'thread', 'inline'];
const AIMED_PHASES = ['presuspend', 'block', 'flush', 'flush', 'wait'] as const;
/** A path that the activation fails would stay failed. */
const HANDLERS = ['0', '2 simulated 20'];

/** Pools so small that requests wait, and clones too, which are then tried again later. */
export const planRequests = (random: Random): RequestsPlan => ({
  nrRequests: 2 + random.below(3),
  records: random.chance(1, 3) ? 1 : 6,
});

/** Some writes become barriers, of which some have no data; most I/Os do not wait for more to come. */
export function withBarriers(random: Random, io: IoPlan): IoPlan {
  const unplug = random.chance(3, 4) ? BIO_RW_UNPLUG : 0;
  if ((io.flags & REQ_WRITE) === 0 || !random.chance(1, 3)) return { ...io, flags: io.flags | unplug };
  return { ...io, size: random.chance(1, 3) ? 0 : io.size, flags: io.flags | BIO_RW_BARRIER | BIO_RW_UNPLUG };
}

export function planRequestRound(random: Random, round: number, cpus: number): RoundPlan {
  // Sectors from chunk to chunk on two disks, or all of them on one.
  const chunk = random.chance(1, 3) ? 1 + random.below(2) : 0;
  const faults = random.chance(1, 6);
  const disks = Array.from({ length: chunk === 0 ? 1 : 2 }, () =>
    planDisk(random, chunk === 0 ? SECTORS : SECTORS / 2),
  );
  if (faults) disks[0] = { ...(disks[0] as DiskPlan), failNext: 1 + random.below(2) };
  const tables = Array.from({ length: 1 + random.below(3) }, () => planTable(random, chunk, faults));
  const takeCpu = dealCpus(round, cpus);
  const submitters = Array.from({ length: 1 + random.below(3) }, (_, number) => ({
    cpu: takeCpu(),
    depth: 1 + random.below(4),
    ios: planIos(random, number, chunk),
  }));
  const cyclesMost = 1 + random.below(3);
  const noflushOnly = random.chance(1, 2);
  const suspenders = [{ cpu: takeCpu(), cycles: planCycles(random, cyclesMost, tables.length, noflushOnly) }];
  if (random.chance(1, 6)) suspenders.push({ cpu: takeCpu(), cycles: planCycles(random, 1, 0, noflushOnly) });
  const signals = random.chance(1, 3);
  const signaller = signals ? planSignaller(random, takeCpu(), cyclesMost, AIMED_PHASES) : null;
  const paths = Array.from({ length: SCRIPTS }, () => planPath(random));
  return {
    requests: planRequests(random),
    disks,
    segments: segmentsOf(chunk),
    sectors: SECTORS,
    paths,
    tables,
    reserve: 1 + random.below(2),
    kdmflushCpu: random.below(cpus),
    submitters,
    suspenders,
    signaller,
    operator: planOperator(random, takeCpu(), disks, paths),
    removeAtLastClose: random.chance(1, 3),
    lossless: noflushOnly && !signals && !faults && !tables.some((table) => table.endsWith('error')),
  };
}

function planDisk(random: Random, sectors: number): DiskPlan {
  const mode = MODES[random.below(MODES.length)] as RequestDiskMode;
  const interrupts = mode === 'hardirqDirect' || mode === 'softirq';
  return {
    sectors,
    mode,
    latencyUs: random.chance(1, 4) ? [100, 200] : [5, 1 + random.below(80)],
    anyCpu: random.chance(2, 3),
    saysBusy: random.chance(1, 2),
    failNext: 0,
    hangs: interrupts && random.chance(1, 6),
  };
}

function segmentsOf(chunk: number): SegmentPlan[] {
  if (chunk === 0) return [{ from: 0, sectors: SECTORS, disk: 0, start: 0 }];
  return Array.from({ length: SECTORS / chunk }, (_, number) => ({
    from: number * chunk,
    sectors: chunk,
    disk: number % 2,
    start: Math.floor(number / 2) * chunk,
  }));
}

/** All tables lead each sector to the same place. A path that a fault has failed would stay failed, so there is no multipath then. */
function planTable(random: Random, chunk: number, faults: boolean): string {
  if (random.chance(1, 12)) return `0 ${SECTORS} error`;
  if (chunk > 0) return `0 ${SECTORS} striped 2 ${chunk} disk0 0 disk1 0`;
  const kind = random.below(faults ? 4 : 6);
  if (kind < 2) return `0 ${SECTORS} linear disk0 0`;
  if (kind < 4) return `0 ${SECTORS} scripted disk0 0 ${random.below(SCRIPTS)}`;
  const handler = HANDLERS[random.below(HANDLERS.length)] as string;
  return `0 ${SECTORS} multipath 1 queue_if_no_path ${handler} 1 1 round-robin 0 1 1 disk0 ${1 + random.below(2)}`;
}

function planPath(random: Random): PathPlan {
  const seldom = (): number => (random.chance(1, 4) ? 2 + random.below(3) : 0);
  return {
    pathUp: !random.chance(1, 4),
    queueIfNoPath: true,
    requeueInMap: seldom(),
    requeueInEndIo: seldom(),
    slowMap: 0,
    slowMapUs: 0,
    slowPresuspendUs: random.chance(1, 6) ? 20 + random.below(150) : 0,
  };
}

function planIos(random: Random, number: number, chunk: number): IoPlan[] {
  return Array.from({ length: 2 + random.below(3) }, (_, i) => {
    const most = chunk === 0 ? 3 : chunk;
    const size = 1 + random.below(most);
    // A request that crosses a chunk fails.
    const sector = chunk === 0 ? random.below(SECTORS - size + 1) : chunk * random.below(SECTORS / chunk);
    return withBarriers(random, {
      sector,
      size,
      flags: random.chance(2, 3) ? REQ_WRITE : 0,
      stamp: ((number + 1) << 16) | ((i + 1) << 4),
      pauseUs: random.chance(1, 6) ? random.below(100) : 0,
    });
  });
}

function planCycles(random: Random, count: number, tables: number, noflushOnly: boolean): CyclePlan[] {
  return Array.from({ length: count }, (_, i) => ({
    pauseUs: random.chance(1, 2) ? 0 : random.below(100),
    noflush: noflushOnly || random.chance(1, 2),
    table: i + 1 < tables ? i + 1 : -1,
    lingerUs: random.chance(1, 4) ? random.below(60) : 0,
    requeueing: random.chance(2, 3),
  }));
}

/** Disks are released and paths come; a multipath's path fails and is reinstated. */
function planOperator(
  random: Random,
  cpu: number,
  disks: readonly DiskPlan[],
  paths: readonly PathPlan[],
): OperatorPlan | null {
  const actions: OperatorAction[] = [];
  const act = (what: OperatorAction['what'], which: number, text = ''): void => {
    actions.push({ pauseUs: random.below(200), what, which, looks: 0, text });
  };
  for (const [number, { hangs }] of disks.entries()) if (hangs) act('release-disk', number);
  for (const [number, { pathUp }] of paths.entries()) {
    if (pathUp) continue;
    act('path-up', number);
    if (!random.chance(1, 3)) continue;
    act('path-down', number);
    act('path-up', number);
  }
  if (random.chance(1, 2)) {
    act('message', 0, 'fail_path disk0');
    act('message', 0, 'reinstate_path disk0');
  }
  return actions.length === 0 ? null : { cpu, actions };
}
