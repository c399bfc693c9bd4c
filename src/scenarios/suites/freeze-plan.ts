/**
 * The plan of a round about freezing: everything that a seed decides, as plain data (see plan.ts).
 *
 * Each sector has one writer. Every table maps sector n of the device to sector n of the only disk, so what a successful fsync
 * promises can be looked up there.
 */
import { DISK_MODES, type DiskMode } from '../../block/disk.ts';
import { deriveSeed, Random } from '../../shared/random.ts';
import type { PathPlan } from '../path-target.ts';
import { dealCpus } from './deal-cpus.ts';
import type { SignallerPlan } from './round-plan.ts';
import type { Odds } from './suspend-plan.ts';
import { planSignaller } from './suspend-signals.ts';

/** Writes a sector again and again: through the file system, with an fsync after each, or by bios. */
export interface FreezeWriter {
  readonly cpu: number;
  readonly sector: number;
  readonly pausesUs: readonly number[];
}

export interface FreezeCycle {
  readonly pauseUs: number;
  readonly noflush: boolean;
  readonly skipLockfs: boolean;
  /** The table that is loaded before, −1: none. */
  readonly table: number;
  readonly lingerUs: number;
}

export interface FreezePlan {
  readonly sectors: number;
  readonly mode: DiskMode;
  readonly latencyUs: readonly [number, number];
  readonly anyCpu: boolean;
  /** So many I/Os fail; so many allocations of the inode, where there is one; so many freezes of the file system. */
  readonly failNext: number;
  readonly failBdget: number;
  readonly failFreeze: number;
  /** Whether a file system is mounted; without one there are only writers of bios. */
  readonly mounted: boolean;
  readonly path: PathPlan;
  readonly tables: readonly string[];
  readonly kdmflushCpu: number;
  readonly fsWriters: readonly FreezeWriter[];
  readonly bioWriters: readonly FreezeWriter[];
  /** Writes the inode back, as pdflush does, after each of these pauses. */
  readonly flusher: { readonly cpu: number; readonly pausesUs: readonly number[] } | null;
  /** Freezes and thaws the device for a user; how long each lasts. */
  readonly freezer: { readonly cpu: number; readonly lingersUs: readonly number[] } | null;
  readonly suspenders: readonly { readonly cpu: number; readonly cycles: readonly FreezeCycle[] }[];
  /** Interrupts the first suspender. */
  readonly signaller: SignallerPlan | null;
  /** Brings the path up, and perhaps down and up again, after these pauses. */
  readonly operator: { readonly cpu: number; readonly pausesUs: readonly number[] } | null;
}

/** Sectors of the file system's writers; those of bios come after. */
const FS_SECTORS = 2;
const SMALLEST = 3;
const FIRST = 4;

const pauses = (random: Random, count: number, mostUs: number): number[] =>
  Array.from({ length: count }, () => (random.chance(1, 2) ? 0 : random.below(mostUs)));

/** The plan of a round; `mounts`: how often there is a file system. */
export function planFreezeRound(mounts: Odds, seed: number, round: number, cpus: number): FreezePlan {
  const random = new Random(deriveSeed(seed, round));
  const takeCpu = dealCpus(round, cpus);
  const mounted = random.chance(...mounts);
  const sectors = FIRST + 1 + random.below(2);
  const path = planPath(random);
  const tables = planTables(random, sectors);
  const writers = (count: number, first: number): FreezeWriter[] =>
    Array.from({ length: count }, (_, i) => ({
      cpu: takeCpu(),
      sector: first + i,
      pausesUs: pauses(random, 1 + random.below(3), 100),
    }));
  const suspender = (): FreezePlan['suspenders'][number] => ({
    cpu: takeCpu(),
    cycles: planCycles(random, tables.length),
  });
  return {
    sectors,
    mode: DISK_MODES[random.below(DISK_MODES.length)] as DiskMode,
    latencyUs: random.chance(1, 4) ? [100, 200] : [5, 1 + random.below(80)],
    anyCpu: random.chance(2, 3),
    failNext: random.chance(1, 8) ? 1 : 0,
    // Only what is not in memory is allocated.
    failBdget: mounted ? 0 : random.below(3),
    failFreeze: random.chance(1, 4) ? 1 : 0,
    mounted,
    path,
    tables,
    kdmflushCpu: random.below(cpus),
    fsWriters: mounted ? writers(1 + random.below(2), 0) : [],
    bioWriters: writers(mounted ? random.below(2) : 1 + random.below(2), FS_SECTORS),
    flusher: mounted && random.chance(1, 2) ? { cpu: takeCpu(), pausesUs: pauses(random, 1, 150) } : null,
    freezer:
      mounted && random.chance(1, 2) ? { cpu: takeCpu(), lingersUs: pauses(random, 1 + random.below(2), 80) } : null,
    suspenders: random.chance(1, 5) ? [suspender(), suspender()] : [suspender()],
    signaller:
      mounted && random.chance(3, 4) ? planSignaller(random, takeCpu(), 3, ['freeze', 'freeze', 'wait']) : null,
    operator: path.pathUp ? null : { cpu: takeCpu(), pausesUs: pauses(random, random.chance(1, 3) ? 3 : 1, 400) },
  };
}

function planPath(random: Random): PathPlan {
  const slow = random.chance(1, 4);
  return {
    pathUp: random.chance(1, 2),
    queueIfNoPath: random.chance(5, 6),
    requeueInMap: random.chance(1, 4) ? 2 : 0,
    requeueInEndIo: random.chance(1, 3) ? 1 + random.below(2) : 0,
    slowMap: slow ? 2 : 0,
    slowMapUs: 20 + random.below(100),
    slowPresuspendUs: slow ? random.below(100) : 0,
  };
}

/** The first table has the path target; the others, of any size, have it or do not. */
function planTables(random: Random, sectors: number): string[] {
  const line = (size: number, scripted: boolean): string =>
    `0 ${size} ${scripted ? 'scripted disk0 0 0' : 'linear disk0 0'}`;
  const tables = [line(FIRST, random.chance(3, 4))];
  for (let more = random.below(3); more > 0; more--)
    tables.push(line(SMALLEST + random.below(sectors - SMALLEST + 1), random.chance(1, 2)));
  return tables;
}

function planCycles(random: Random, tables: number): FreezeCycle[] {
  return Array.from({ length: 1 + random.below(3) }, (_, i) => ({
    pauseUs: random.chance(1, 2) ? 0 : random.below(150),
    noflush: random.chance(1, 2),
    skipLockfs: random.chance(1, 4),
    table: i + 1 < tables ? i + 1 : -1,
    lingerUs: random.chance(1, 3) ? random.below(80) : 0,
  }));
}
