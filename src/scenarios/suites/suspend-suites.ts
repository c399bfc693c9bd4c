/**
 * The suites about suspending: what each asks of the same kind of round.
 *
 *   suspend              suspends of both kinds and table loads; often the last closer removes the device
 *   noflush-pushback     noflush suspends while targets have no path or hand I/O back
 *   interrupted-suspend  suspends that a signal interrupts, with I/O that does not come back for a while
 *   table-swap           in each cycle another table, of other targets and of another size
 *   rq-suspend           all of it with a request-based device, and barriers
 */
import { DISK_MODES } from '../../block/disk.ts';
import { deriveSeed, Random } from '../../shared/random.ts';
import { NO_REQUESTS } from '../request-device.ts';
import type { Suite } from '../scenario.ts';
import { planCollidingRound, planInterruptingRound } from './burst-plan.ts';
import { leaveOut, partsOf, roundName } from './leave-out.ts';
import { planRequestRound } from './request-plan.ts';
import { suspendRound } from './round.ts';
import type { RoundPlan } from './round-plan.ts';
import { planSuspendRound, type SuspendKnobs } from './suspend-plan.ts';

/** A suite whose plans can be looked at. */
export interface SuspendSuite extends Suite {
  plan(seed: number, round: number, cpus: number): RoundPlan;
}

type Planner = (random: Random, round: number, cpus: number) => RoundPlan;

/** Every second round is a `burst`, if there is one. */
function suiteOf(name: string, title: string, knobs: SuspendKnobs, burst?: Planner): SuspendSuite {
  return suiteBy(name, title, (random, round, cpus) => {
    if (burst !== undefined && random.chance(1, 2)) return burst(random, round, cpus);
    return planSuspendRound(knobs, random, round, cpus);
  });
}

function suiteBy(name: string, title: string, planner: Planner): SuspendSuite {
  const plan = (seed: number, round: number, cpus: number): RoundPlan =>
    planner(new Random(deriveSeed(seed, round)), round, cpus);
  return {
    name,
    title,
    plan,
    round: (seed, round, cpus, without = 0n) =>
      suspendRound(roundName(name, seed, round, without), leaveOut(plan(seed, round, cpus), without), cpus),
    parts: (seed, round, cpus) => partsOf(plan(seed, round, cpus)),
  };
}

export const suspend = suiteOf('suspend', 'suspend, resume and table loads under I/O, and the last close', {
  noflush: [1, 3],
  scripted: [1, 3],
  pathDown: [1, 8],
  requeueInMap: [1, 4],
  requeueInEndIo: [1, 4],
  slow: [1, 4],
  hang: [1, 6],
  load: [1, 2],
  remove: [2, 3],
  secondSuspender: [1, 4],
  signals: [0, 1],
  cyclesMax: 2,
  modes: DISK_MODES,
});

export const noflushPushback = suiteOf(
  'noflush-pushback',
  'noflush suspends while targets hand their I/O back',
  {
    noflush: [1, 1],
    scripted: [3, 4],
    pathDown: [1, 2],
    requeueInMap: [1, 3],
    requeueInEndIo: [1, 2],
    slow: [1, 4],
    hang: [1, 8],
    load: [1, 2],
    remove: [1, 4],
    secondSuspender: [1, 8],
    signals: [0, 1],
    cyclesMax: 3,
    modes: DISK_MODES,
    lossless: [1, 2],
  },
  planCollidingRound,
);

export const interruptedSuspend = suiteOf(
  'interrupted-suspend',
  'suspends that a signal interrupts at any moment',
  {
    noflush: [3, 4],
    scripted: [3, 4],
    pathDown: [1, 6],
    requeueInMap: [1, 6],
    requeueInEndIo: [2, 3],
    slow: [1, 2],
    hang: [1, 3],
    load: [1, 4],
    remove: [1, 4],
    secondSuspender: [0, 1],
    signals: [7, 8],
    cyclesMax: 3,
    modes: ['hardirq', 'softirq', 'hardirq', 'inline'],
  },
  planInterruptingRound,
);

export const tableSwap = suiteOf('table-swap', 'load, suspend, swap and resume in a loop, with tables of other sizes', {
  noflush: [1, 2],
  scripted: [1, 2],
  pathDown: [1, 6],
  requeueInMap: [1, 4],
  requeueInEndIo: [1, 3],
  slow: [1, 6],
  hang: [1, 8],
  load: [1, 1],
  remove: [1, 3],
  secondSuspender: [1, 8],
  signals: [0, 1],
  cyclesMax: 4,
  modes: DISK_MODES,
  swapEvery: true,
});

export const rqSuspend: SuspendSuite = {
  ...suiteBy(
    'rq-suspend',
    'suspends, signals and table loads of a request-based device under I/O and barriers',
    planRequestRound,
  ),
  notIn: NO_REQUESTS,
};
