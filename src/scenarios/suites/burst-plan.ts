/**
 * Rounds in which a noflush suspend waits for a burst of I/O: the disk holds everything back until then, and lets all of it go
 * at once, on all CPUs.
 *
 *   colliding     bios over four targets, of which three have nothing but errors and one hands back what the suspend wants
 *                 back: the clones of one bio disagree at the same time
 *   interrupting  all is handed back, and a signal ends the suspend at the same time
 */
import { REQ_WRITE } from '../../block/bio.ts';
import type { Random } from '../../shared/random.ts';
import type { IoPlan, OperatorAction, RoundPlan } from './round-plan.ts';

const SECTORS = 4;
/** In a colliding round: the target that hands back. */
const HANDING_BACK = 2;
const SUBMITTERS = 2;
const BIOS = 3;
/** Suspends of a round, each with a burst of its own. */
const BURSTS = 3;

const path = {
  pathUp: true,
  queueIfNoPath: true,
  requeueInMap: 0,
  requeueInEndIo: 1,
  slowMap: 0,
  slowMapUs: 0,
  slowPresuspendUs: 0,
};

const below = (sector: number): string => `disk0 ${sector + 1}`;
const collidingTable = Array.from({ length: SECTORS }, (_, from) =>
  from === HANDING_BACK ? `${from} 1 scripted ${below(from)} 0` : `${from} 1 linear ${below(from)}`,
).join('\n');
const interruptingTable = `0 ${SECTORS} scripted ${below(0)} 0`;

export function planCollidingRound(random: Random, round: number, cpus: number): RoundPlan {
  const actions: OperatorAction[] = [];
  for (let burst = 0; burst < BURSTS; burst++) {
    if (burst > 0) actions.push({ pauseUs: random.below(60), what: 'hang-disk', which: 0, looks: 0 });
    actions.push({ pauseUs: random.below(60), what: 'release-disk', which: 0, looks: 40 });
  }
  const bio = (i: number): IoPlan => ({ ...anyIo(random, i), sector: 0, size: SECTORS });
  return { ...burstRound(random, round, cpus, bio, actions), tables: [collidingTable] };
}

export function planInterruptingRound(random: Random, round: number, cpus: number): RoundPlan {
  const actions: OperatorAction[] = [];
  for (let burst = 0; burst < BURSTS; burst++) {
    if (burst > 0) actions.push({ pauseUs: random.below(60), what: 'hang-disk', which: 0, looks: 0 });
    const both = random.chance(1, 2) ? (['release-disk', 'signal'] as const) : (['signal', 'release-disk'] as const);
    both.forEach((what, second) => {
      const pauseUs = second === 0 ? random.below(60) : random.chance(1, 2) ? 0 : random.below(30);
      actions.push({ pauseUs, what, which: 0, looks: second === 0 ? 40 : 0 });
    });
  }
  const bio = (i: number): IoPlan => ({ ...anyIo(random, i), sector: i % SECTORS, size: 1 });
  const plan = burstRound(random, round, cpus, bio, actions);
  const disks = plan.disks.map((disk) => ({ ...disk, failNext: 0 }));
  return { ...plan, disks, tables: [interruptingTable] };
}

function anyIo(random: Random, i: number): Omit<IoPlan, 'sector' | 'size'> {
  return { flags: random.chance(2, 3) ? REQ_WRITE : 0, stamp: (i + 1) << 4, pauseUs: 0 };
}

/** Each actor on a CPU of its own, beginning elsewhere in each round. */
function burstRound(
  random: Random,
  round: number,
  cpus: number,
  bio: (i: number) => IoPlan,
  actions: readonly OperatorAction[],
): Omit<RoundPlan, 'tables'> {
  const cpu = (actor: number): number => (round + actor) % cpus;
  return {
    disks: [{ sectors: SECTORS + 1, mode: 'hardirq', latencyUs: [5, 0], anyCpu: true, failNext: ALL, hangs: true }],
    segments: Array.from({ length: SECTORS }, (_, from) => ({ from, sectors: 1, disk: 0, start: from + 1 })),
    sectors: SECTORS,
    paths: [path],
    reserve: 1 + random.below(2),
    kdmflushCpu: random.below(cpus),
    submitters: Array.from({ length: SUBMITTERS }, (_, i) => ({
      cpu: cpu(i),
      depth: BIOS,
      ios: Array.from({ length: BIOS }, (_, k) => bio(i * BIOS + k)),
    })),
    suspenders: [
      {
        cpu: cpu(SUBMITTERS),
        cycles: Array.from({ length: BURSTS }, (_, i) => ({
          pauseUs: (i === 0 ? 80 : 0) + random.below(60),
          noflush: true,
          table: -1,
          // Time for the operator to let the disk hang again, before what was pushed back comes.
          lingerUs: 60,
          requeueing: true,
        })),
      },
    ],
    signaller: null,
    operator: { cpu: cpu(SUBMITTERS + 1), actions },
    removeAtLastClose: false,
    lossless: false,
  };
}

const ALL = 0x7fffffff;
