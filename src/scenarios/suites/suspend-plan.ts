/**
 * Rounds about suspending, drawn from the odds of a suite.
 */
import { REQ_READA, REQ_WRITE } from '../../block/bio.ts';
import { DISK_MODES, type DiskMode } from '../../block/disk.ts';
import type { Random } from '../../shared/random.ts';
import type { PathPlan } from '../path-target.ts';
import { dealCpus } from './deal-cpus.ts';
import type {
  CyclePlan,
  DiskPlan,
  IoPlan,
  OperatorAction,
  OperatorPlan,
  RoundPlan,
  SegmentPlan,
  SubmitterPlan,
} from './round-plan.ts';
import { planSignaller } from './suspend-signals.ts';

/** A probability: so many of so many. */
export type Odds = readonly [number, number];

/** In what the suites about suspending differ. */
export interface SuspendKnobs {
  readonly noflush: Odds;
  /** A piece of a table is a scripted target and not linear. */
  readonly scripted: Odds;
  /** A path is down at first, and goes up and down. */
  readonly pathDown: Odds;
  readonly requeueInMap: Odds;
  readonly requeueInEndIo: Odds;
  readonly slow: Odds;
  readonly hang: Odds;
  readonly load: Odds;
  readonly remove: Odds;
  readonly secondSuspender: Odds;
  readonly signals: Odds;
  readonly cyclesMax: number;
  readonly modes: readonly DiskMode[];
  /** Each cycle loads a table. */
  readonly swapEvery?: boolean;
  /** No fault, no error target, no read-ahead, no shrinking, no flush: no bio may fail. Default never. */
  readonly lossless?: Odds;
}

const PATHS = 2;
/** Nobody does much in freeze, and only who waits for kdmflush long in flush. */
const AIMED_PHASES = ['presuspend', 'block', 'flush', 'flush', 'wait'] as const;

/** The plan of the round that `random` draws. */
export function planSuspendRound(knobs: SuspendKnobs, random: Random, round: number, cpus: number): RoundPlan {
  const odds = ([part, whole]: Odds): boolean => random.chance(part, whole);
  const lossless = knobs.lossless !== undefined && odds(knobs.lossless);
  const disks = planDisks(random, knobs, lossless);
  const { segments, sectors } = planSegments(random, disks);
  const paths: PathPlan[] = [];
  for (let i = 0; i < PATHS; i++) paths.push(planPath(random, knobs, lossless));
  const cyclesMost = 1 + random.below(knobs.cyclesMax);
  const table = (end: number): string => (lossless ? losslessTable(segments) : planTable(random, knobs, segments, end));
  const tables = [table(sectors)];
  const loads = !odds(knobs.load) ? 0 : knobs.swapEvery === true ? cyclesMost : 1 + random.below(2);
  for (let i = 0; i < loads; i++) tables.push(table(shorter(random, sectors)));
  const takeCpu = dealCpus(round, cpus);
  const submitters: SubmitterPlan[] = [];
  const count = 1 + random.below(3);
  for (let i = 0; i < count; i++) submitters.push(planSubmitter(random, takeCpu(), i, { sectors, knobs, lossless }));
  const suspenders = [{ cpu: takeCpu(), cycles: planCycles(random, knobs, cyclesMost, tables.length) }];
  if (odds(knobs.secondSuspender)) suspenders.push({ cpu: takeCpu(), cycles: planCycles(random, knobs, 1, 0) });
  const signaller = odds(knobs.signals) ? planSignaller(random, takeCpu(), cyclesMost, AIMED_PHASES) : null;
  const operator = planOperator(random, takeCpu(), { disks, paths, tables: tables.length });
  return {
    disks,
    segments,
    sectors,
    paths,
    tables,
    reserve: 1 + random.below(2),
    // Often beside a submitter: the last closer then takes the device apart without waiting for another CPU.
    kdmflushCpu: random.chance(1, 2) ? (submitters[0] as SubmitterPlan).cpu : random.below(cpus),
    submitters,
    suspenders,
    signaller,
    operator,
    removeAtLastClose: odds(knobs.remove),
    lossless,
  };
}

function planDisks(random: Random, knobs: SuspendKnobs, lossless: boolean): DiskPlan[] {
  const disks: DiskPlan[] = [];
  const count = 1 + random.below(2);
  for (let i = 0; i < count; i++) {
    const mode = knobs.modes[random.below(knobs.modes.length)] as DiskMode;
    disks.push({
      sectors: 4 + random.below(3),
      mode,
      latencyUs: random.chance(1, 4) ? [100, 200] : [5, 1 + random.below(80)],
      anyCpu: random.chance(2, 3),
      failNext: random.chance(1, 6) && !lossless ? 1 + random.below(2) : 0,
      hangs: mode !== DISK_MODES[0] && random.chance(...knobs.hang),
    });
  }
  return disks;
}

/** All of each disk but its first sector, one after the other, and now and then some sectors that keep nothing. */
function planSegments(random: Random, disks: readonly DiskPlan[]): { segments: SegmentPlan[]; sectors: number } {
  const segments: SegmentPlan[] = [];
  let from = 0;
  disks.forEach((disk, number) => {
    segments.push({ from, sectors: disk.sectors - 1, disk: number, start: 1 });
    from += disk.sectors - 1;
  });
  if (random.chance(1, 3)) {
    segments.push({ from, sectors: 2, disk: -1, start: 0 });
    from += 2;
  }
  return { segments, sectors: from };
}

function planPath(random: Random, knobs: SuspendKnobs, lossless: boolean): PathPlan {
  const slow = random.chance(...knobs.slow);
  const often = (odds: Odds): number => (random.chance(...odds) ? 1 + random.below(2) : 0);
  return {
    pathUp: !random.chance(...knobs.pathDown),
    queueIfNoPath: random.chance(5, 6) || lossless,
    requeueInMap: often(knobs.requeueInMap),
    requeueInEndIo: often(knobs.requeueInEndIo),
    slowMap: slow && random.chance(2, 3) ? 2 : 0,
    slowMapUs: 20 + random.below(150),
    slowPresuspendUs: slow && random.chance(1, 2) ? 20 + random.below(150) : 0,
  };
}

/** The whole device, a line for each segment, which has its script for itself in all tables. */
function losslessTable(segments: readonly SegmentPlan[]): string {
  const line = ({ from, sectors, disk, start }: SegmentPlan): string =>
    disk < 0 ? `${from} ${sectors} zero` : `${from} ${sectors} scripted disk${disk} ${start} ${disk}`;
  return segments.map(line).join('\n');
}

const shorter = (random: Random, sectors: number): number =>
  random.chance(1, 2) ? sectors : Math.max(1, sectors - 1 - random.below(3));

/** Lines that serve the first `end` sectors, each segment in one piece or two. */
function planTable(random: Random, knobs: SuspendKnobs, segments: readonly SegmentPlan[], end: number): string {
  const lines: string[] = [];
  const piece = (segment: SegmentPlan, offset: number, sectors: number): void => {
    const from = segment.from + offset;
    const below = `disk${segment.disk} ${segment.start + offset}`;
    if (random.chance(1, 16)) lines.push(`${from} ${sectors} error`);
    else if (segment.disk < 0) lines.push(`${from} ${sectors} zero`);
    else if (random.chance(...knobs.scripted))
      lines.push(`${from} ${sectors} scripted ${below} ${random.below(PATHS)}`);
    else lines.push(`${from} ${sectors} linear ${below}`);
  };
  for (const segment of segments) {
    const sectors = Math.min(segment.sectors, end - segment.from);
    if (sectors <= 0) break;
    const cut = sectors > 1 && random.chance(1, 2) ? 1 + random.below(sectors - 1) : sectors;
    piece(segment, 0, cut);
    if (cut < sectors) piece(segment, cut, sectors - cut);
  }
  return lines.join('\n');
}

/** What a submitter has to know of its device. */
interface Addressed {
  readonly sectors: number;
  readonly knobs: SuspendKnobs;
  readonly lossless: boolean;
}

function planSubmitter(random: Random, cpu: number, number: number, device: Addressed): SubmitterPlan {
  const { sectors, knobs, lossless } = device;
  const ios: IoPlan[] = [];
  const count = 2 + random.below(4);
  for (let i = 0; i < count; i++) {
    const size = 1 + random.below(3);
    const kind = random.below(lossless ? 9 : 10);
    ios.push({
      sector: random.below(sectors - size + 1),
      size,
      flags: kind < 6 ? REQ_WRITE : kind < 9 ? 0 : REQ_READA,
      stamp: ((number + 1) << 16) | ((i + 1) << 4),
      pauseUs: random.chance(1, 6) ? random.below(100) : 0,
    });
  }
  const depth = random.chance(...knobs.remove) && random.chance(1, 2) ? 1 : 1 + random.below(3);
  return { cpu, depth, ios };
}

function planCycles(random: Random, knobs: SuspendKnobs, count: number, tables: number): CyclePlan[] {
  const cycles: CyclePlan[] = [];
  for (let i = 0; i < count; i++)
    cycles.push({
      pauseUs: random.chance(1, 2) ? 0 : random.below(100),
      noflush: random.chance(...knobs.noflush),
      table: i + 1 < tables ? i + 1 : -1,
      lingerUs: random.chance(1, 4) ? random.below(60) : 0,
      requeueing: random.chance(2, 3),
    });
  return cycles;
}

/** What an operator has to do with. */
interface Operated {
  readonly disks: readonly DiskPlan[];
  readonly paths: readonly PathPlan[];
  readonly tables: number;
}

/** Paths flap and end up; disks are released; now and then a table is loaded beside the suspender. */
function planOperator(random: Random, cpu: number, { disks, paths, tables }: Operated): OperatorPlan | null {
  const actions: OperatorAction[] = [];
  const act = (what: OperatorAction['what'], which: number): void => {
    actions.push({ pauseUs: random.below(200), what, which, looks: 0 });
  };
  if (tables > 1 && random.chance(1, 3)) act('load-table', random.below(tables));
  disks.forEach((disk, number) => {
    if (disk.hangs) act('release-disk', number);
  });
  paths.forEach((path, number) => {
    if (path.pathUp) return;
    act('path-up', number);
    if (!random.chance(1, 3)) return;
    act('path-down', number);
    act('path-up', number);
  });
  return actions.length === 0 ? null : { cpu, actions };
}
