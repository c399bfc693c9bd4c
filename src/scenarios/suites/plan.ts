/**
 * The plan of a round: everything that a seed decides, as plain data, before anything runs.
 *
 * A plan is a pure function of suite, seed, round and number of CPUs, and small enough for the model machine. What is left to
 * the machine is the interleaving, the service times of disks and the choices of targets.
 */
import { REQ_READA, REQ_WRITE } from '../../block/bio.ts';
import { DISK_MODES, type DiskMode } from '../../block/disk.ts';
import { SUSPEND_PHASES } from '../../core/mapped-device.ts';
import { deriveSeed, Random } from '../../shared/random.ts';
import type { PathPlan } from '../path-target.ts';
import type { IoRequest } from '../user-io.ts';

export interface DiskPlan {
  readonly sectors: number;
  readonly mode: DiskMode;
  readonly latencyUs: readonly [number, number];
  readonly anyCpu: boolean;
  /** So many I/Os fail. */
  readonly failNext: number;
  /** Nothing comes back until the operator releases it. */
  readonly hangs: boolean;
}

/** A range of the device, the same in all tables: where its sectors lie. */
export interface SegmentPlan {
  readonly from: number;
  readonly sectors: number;
  /** −1: a zero target, which keeps nothing. */
  readonly disk: number;
  readonly start: number;
}

export interface IoPlan extends IoRequest {
  readonly pauseUs: number;
}

export interface SubmitterPlan {
  readonly cpu: number;
  /** I/Os in flight at a time. */
  readonly depth: number;
  readonly ios: readonly IoPlan[];
}

export interface CyclePlan {
  readonly pauseUs: number;
  readonly noflush: boolean;
  /** The table that is loaded before, −1: none. */
  readonly table: number;
  /** How long the device stays suspended. */
  readonly lingerUs: number;
  /** After an interrupted suspend queueing is switched on again, as by a message. */
  readonly requeueing: boolean;
}

export interface SuspenderPlan {
  readonly cpu: number;
  readonly cycles: readonly CyclePlan[];
}

export interface SignalPlan {
  readonly pauseUs: number;
  /** The signal is sent when a suspend has come to this phase (an index of SUSPEND_PHASES), or after so many looks. */
  readonly phase: number;
  readonly looks: number;
}

export interface SignallerPlan {
  readonly cpu: number;
  readonly signals: readonly SignalPlan[];
}

export interface OperatorAction {
  readonly pauseUs: number;
  readonly what: 'path-up' | 'path-down' | 'hang-disk' | 'release-disk' | 'load-table';
  /** Number of the script, disk or table. */
  readonly which: number;
  /** Looks for a suspend that waits for I/O before it acts. */
  readonly looks: number;
}

export interface OperatorPlan {
  readonly cpu: number;
  readonly actions: readonly OperatorAction[];
}

export interface RoundPlan {
  readonly disks: readonly DiskPlan[];
  readonly segments: readonly SegmentPlan[];
  readonly sectors: number;
  readonly paths: readonly PathPlan[];
  readonly tables: readonly string[];
  /** Reserve of the device's pools, and how many records the slabs have beside it. */
  readonly reserve: number;
  readonly kdmflushCpu: number;
  readonly submitters: readonly SubmitterPlan[];
  readonly suspenders: readonly SuspenderPlan[];
  readonly signaller: SignallerPlan | null;
  readonly operator: OperatorPlan | null;
  /** Who closes the device last removes it. */
  readonly removeAtLastClose: boolean;
  /** Nothing in the round allows an error. */
  readonly lossless: boolean;
}

/**
 * What a round is about, beside what its knobs say:
 *   lossless   no fault, no error target, no read-ahead, no shrinking, no flush: no bio may fail
 *   colliding  bios over four targets, of which three see nothing but errors and one hands all back in a noflush suspend; all
 *              clones come back at once, on all CPUs
 */
export type Shape = 'plain' | 'lossless' | 'colliding';

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
  /** Shapes of the rounds, all equally frequent; default plain. */
  readonly shapes?: readonly Shape[];
}

const PATHS = 2;
/** The phases at which a signaller aims. */
const AIMED_PHASES = ['presuspend', 'block', 'flush', 'wait'] as const;

/** The plan of a round. */
export function planSuspendRound(knobs: SuspendKnobs, seed: number, round: number, cpus: number): RoundPlan {
  const random = new Random(deriveSeed(seed, round));
  const odds = ([part, whole]: Odds): boolean => random.chance(part, whole);
  const shape = knobs.shapes?.[random.below(knobs.shapes.length)] ?? 'plain';
  const disks = planDisks(random, knobs, shape);
  const { segments, sectors } =
    shape === 'colliding' ? { segments: COLLIDING_SEGMENTS, sectors: 4 } : planSegments(random, disks);
  const paths: PathPlan[] = [];
  for (let i = 0; i < PATHS; i++) paths.push(planPath(random, knobs, shape));
  const cyclesMost = shape === 'colliding' ? COLLIDING_CYCLES : 1 + random.below(knobs.cyclesMax);
  const table = (end: number): string =>
    shape === 'plain' ? planTable(random, knobs, segments, end) : plainTable(segments, shape);
  const tables = [table(sectors)];
  const loads =
    shape === 'colliding' || !odds(knobs.load) ? 0 : knobs.swapEvery === true ? cyclesMost : 1 + random.below(2);
  for (let i = 0; i < loads; i++) tables.push(table(shorter(random, sectors)));
  // Each actor on the next CPU, beginning elsewhere in each round, so that all CPUs get their share.
  let nextCpu = round % cpus;
  const takeCpu = (): number => {
    const cpu = nextCpu;
    nextCpu = (nextCpu + 1) % cpus;
    return cpu;
  };
  const submitters: SubmitterPlan[] = [];
  const count = shape === 'colliding' ? 2 : 1 + random.below(3);
  for (let i = 0; i < count; i++) submitters.push(planSubmitter(random, takeCpu(), i, { sectors, knobs, shape }));
  const suspenders = [
    { cpu: takeCpu(), cycles: planCycles(random, knobs, cyclesMost, tables.length, shape === 'colliding' ? 80 : 0) },
  ];
  if (odds(knobs.secondSuspender)) suspenders.push({ cpu: takeCpu(), cycles: planCycles(random, knobs, 1, 0, 0) });
  const signaller = odds(knobs.signals) ? planSignaller(random, takeCpu(), cyclesMost) : null;
  const operator = planOperator(random, takeCpu(), { disks, paths, tables: tables.length, shape });
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
    lossless: shape === 'lossless',
  };
}

function planDisks(random: Random, knobs: SuspendKnobs, shape: Shape): DiskPlan[] {
  const disks: DiskPlan[] = [];
  if (shape === 'colliding') return [COLLIDING_DISK];
  const count = 1 + random.below(2);
  for (let i = 0; i < count; i++) {
    const mode = knobs.modes[random.below(knobs.modes.length)] as DiskMode;
    disks.push({
      sectors: 4 + random.below(3),
      mode,
      latencyUs: random.chance(1, 4) ? [100, 200] : [5, 1 + random.below(80)],
      anyCpu: random.chance(2, 3),
      failNext: random.chance(1, 6) && shape !== 'lossless' ? 1 + random.below(2) : 0,
      hangs: mode !== DISK_MODES[0] && random.chance(...knobs.hang),
    });
  }
  return disks;
}

/** Holds everything back, then fails all of it at once. */
const COLLIDING_DISK: DiskPlan = {
  sectors: 5,
  mode: 'hardirq',
  latencyUs: [5, 0],
  anyCpu: true,
  failNext: 0x7fffffff,
  hangs: true,
};
/** Four targets of one sector; a bio is over all of them. */
const COLLIDING_SEGMENTS: readonly SegmentPlan[] = [0, 1, 2, 3].map((from) => ({
  from,
  sectors: 1,
  disk: 0,
  start: from + 1,
}));
/** The target that hands back; the others have nothing but errors. */
const HANDING_BACK = 2;
/** Suspends of such a round, each with a burst of its own. */
const COLLIDING_CYCLES = 3;

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

function planPath(random: Random, knobs: SuspendKnobs, shape: Shape): PathPlan {
  if (shape === 'colliding') return { ...ALWAYS_UP, requeueInEndIo: 1 };
  const slow = random.chance(...knobs.slow);
  const often = (odds: Odds): number => (random.chance(...odds) ? 1 + random.below(2) : 0);
  return {
    pathUp: !random.chance(...knobs.pathDown),
    queueIfNoPath: random.chance(5, 6) || shape === 'lossless',
    requeueInMap: often(knobs.requeueInMap),
    requeueInEndIo: often(knobs.requeueInEndIo),
    slowMap: slow && random.chance(2, 3) ? 2 : 0,
    slowMapUs: 20 + random.below(150),
    slowPresuspendUs: slow && random.chance(1, 2) ? 20 + random.below(150) : 0,
  };
}

const ALWAYS_UP: PathPlan = {
  pathUp: true,
  queueIfNoPath: true,
  requeueInMap: 0,
  requeueInEndIo: 0,
  slowMap: 0,
  slowMapUs: 0,
  slowPresuspendUs: 0,
};

/** The whole device, a line for each segment, which has its script for itself in all tables. */
function plainTable(segments: readonly SegmentPlan[], shape: Shape): string {
  const line = ({ from, sectors, disk, start }: SegmentPlan): string => {
    if (disk < 0) return `${from} ${sectors} zero`;
    const below = `disk${disk} ${start}`;
    if (shape === 'colliding' && from !== HANDING_BACK) return `${from} ${sectors} linear ${below}`;
    return `${from} ${sectors} scripted ${below} ${disk}`;
  };
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
  readonly shape: Shape;
}

function planSubmitter(random: Random, cpu: number, number: number, device: Addressed): SubmitterPlan {
  const { sectors, knobs, shape } = device;
  const ios: IoPlan[] = [];
  const count = shape === 'colliding' ? 3 : 2 + random.below(4);
  for (let i = 0; i < count; i++) {
    const size = shape === 'colliding' ? 4 : 1 + random.below(3);
    const kind = random.below(shape === 'lossless' ? 9 : 10);
    ios.push({
      sector: random.below(sectors - size + 1),
      size,
      flags: kind < 6 ? REQ_WRITE : kind < 9 ? 0 : REQ_READA,
      stamp: ((number + 1) << 16) | ((i + 1) << 4),
      pauseUs: random.chance(1, 6) && shape !== 'colliding' ? random.below(100) : 0,
    });
  }
  if (shape === 'colliding') return { cpu, depth: 3, ios };
  const depth = random.chance(...knobs.remove) && random.chance(1, 2) ? 1 : 1 + random.below(3);
  return { cpu, depth, ios };
}

function planCycles(
  random: Random,
  knobs: SuspendKnobs,
  count: number,
  tables: number,
  firstPauseUs: number,
): CyclePlan[] {
  const cycles: CyclePlan[] = [];
  for (let i = 0; i < count; i++)
    cycles.push({
      pauseUs: (i === 0 ? firstPauseUs : 0) + (random.chance(1, 2) ? 0 : random.below(100)),
      noflush: random.chance(...knobs.noflush),
      table: i + 1 < tables ? i + 1 : -1,
      lingerUs: random.chance(1, 4) ? random.below(60) : 0,
      requeueing: random.chance(2, 3),
    });
  return cycles;
}

function planSignaller(random: Random, cpu: number, cycles: number): SignallerPlan {
  const signals: SignalPlan[] = [];
  const count = 1 + random.below(cycles);
  for (let i = 0; i < count; i++) {
    const aimed = AIMED_PHASES[random.below(AIMED_PHASES.length)] as (typeof AIMED_PHASES)[number];
    signals.push({
      pauseUs: random.chance(1, 2) ? 0 : random.below(120),
      phase: SUSPEND_PHASES.indexOf(aimed),
      looks: random.chance(1, 4) ? 0 : 24,
    });
  }
  return { cpu, signals };
}

/** Paths flap and end up; disks are released; now and then a table is loaded beside the suspender. */
/** What an operator has to do with. */
interface Operated {
  readonly disks: readonly DiskPlan[];
  readonly paths: readonly PathPlan[];
  readonly tables: number;
  readonly shape: Shape;
}

function planOperator(random: Random, cpu: number, { disks, paths, tables, shape }: Operated): OperatorPlan | null {
  const actions: OperatorAction[] = [];
  const act = (what: OperatorAction['what'], which: number): void => {
    const looks = shape === 'colliding' && what === 'release-disk' ? 40 : 0;
    actions.push({ pauseUs: random.below(shape === 'colliding' ? 60 : 200), what, which, looks });
  };
  if (tables > 1 && random.chance(1, 3)) act('load-table', random.below(tables));
  disks.forEach((disk, number) => {
    if (disk.hangs) act('release-disk', number);
    for (let burst = 1; burst < COLLIDING_CYCLES && shape === 'colliding'; burst++) {
      act('hang-disk', number);
      act('release-disk', number);
    }
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
