/**
 * Rounds in which the clones of a bio come back at the same time on all CPUs, some with an error and one with a push-back.
 *
 *   the device: four targets of one sector each, and bios over all four
 *   the disk:   holds back what three of them send, until a noflush suspend waits; then all of it fails at once
 *   the fourth: its end_io hands back what the suspend wants back
 */
import { REQ_WRITE } from '../../block/bio.ts';
import type { Random } from '../../shared/random.ts';
import type { IoPlan, OperatorAction, RoundPlan, SegmentPlan } from './round-plan.ts';

const TARGETS = 4;
const HANDING_BACK = 2;
const SUBMITTERS = 2;
const BIOS = 3;
/** Suspends of a round, each with a burst of completions of its own. */
const BURSTS = 3;

const segments: readonly SegmentPlan[] = Array.from({ length: TARGETS }, (_, from) => ({
  from,
  sectors: 1,
  disk: 0,
  start: from + 1,
}));

const table = segments
  .map(({ from, start }) =>
    from === HANDING_BACK ? `${from} 1 scripted disk0 ${start} 0` : `${from} 1 linear disk0 ${start}`,
  )
  .join('\n');

const path = {
  pathUp: true,
  queueIfNoPath: true,
  requeueInMap: 0,
  requeueInEndIo: 1,
  slowMap: 0,
  slowMapUs: 0,
  slowPresuspendUs: 0,
};

/** The plan of the round that `random` draws; each actor on a CPU of its own, beginning elsewhere in each round. */
export function planCollidingRound(random: Random, round: number, cpus: number): RoundPlan {
  const cpu = (actor: number): number => (round + actor) % cpus;
  const bios = (number: number): IoPlan[] =>
    Array.from({ length: BIOS }, (_, i) => ({
      sector: 0,
      size: TARGETS,
      flags: random.chance(2, 3) ? REQ_WRITE : 0,
      stamp: ((number + 1) << 16) | ((i + 1) << 4),
      pauseUs: 0,
    }));
  const actions: OperatorAction[] = [];
  const act = (what: OperatorAction['what'], looks: number): void => {
    actions.push({ pauseUs: random.below(60), what, which: 0, looks });
  };
  for (let burst = 0; burst < BURSTS; burst++) {
    if (burst > 0) act('hang-disk', 0);
    act('release-disk', 40);
  }
  return {
    disks: [
      { sectors: TARGETS + 1, mode: 'hardirq', latencyUs: [5, 0], anyCpu: true, failNext: 0x7fffffff, hangs: true },
    ],
    segments,
    sectors: TARGETS,
    paths: [path],
    tables: [table],
    reserve: 1 + random.below(2),
    kdmflushCpu: random.below(cpus),
    submitters: Array.from({ length: SUBMITTERS }, (_, i) => ({ cpu: cpu(i), depth: BIOS, ios: bios(i) })),
    suspenders: [
      {
        cpu: cpu(SUBMITTERS),
        cycles: Array.from({ length: BURSTS }, (_, i) => ({
          pauseUs: (i === 0 ? 80 : 0) + random.below(60),
          noflush: true,
          table: -1,
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
