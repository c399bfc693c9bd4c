/**
 * All scenarios and suites by name.
 */
import '../targets/all.ts';
import { admins } from './admins.ts';
import { barrierCut } from './barrier-cut.ts';
import { bioBarrier } from './bio-barrier.ts';
import { canaryRounds } from './canary-rounds.ts';
import { drain } from './drain.ts';
import { endSubmits } from './end-submits.ts';
import { failedBdget } from './failed-bdget.ts';
import { flushFanOut } from './flush-fan-out.ts';
import { freezeDirty, frozenWriter } from './frozen-writer.ts';
import { interruptedAnyCpu } from './interrupted-any-cpu.ts';
import { interruptedNoflush } from './interrupted-noflush.ts';
import { lastClose } from './last-close.ts';
import { findLitmus } from './litmus/all.ts';
import { logAfterResume } from './log-after-resume.ts';
import { mpathJobs } from './mpath-jobs.ts';
import { mpathNoflush } from './mpath-noflush.ts';
import { noflushScenarios } from './noflush.ts';
import { noflushResize } from './noflush-resize.ts';
import { noflushSlowPresuspend } from './noflush-slow-presuspend.ts';
import { noflushWriteback } from './noflush-writeback.ts';
import { findOwn } from './own/define.ts';
import { removeRaces } from './remove-races.ts';
import { removeSuspended } from './remove-suspended.ts';
import { rqBarrier } from './rq-barrier.ts';
import { rqBarrierCutPaths } from './rq-barrier-cut-paths.ts';
import { rqFlushAnswers } from './rq-flush-answers.ts';
import { rqMeetings } from './rq-meetings.ts';
import { rqMpath } from './rq-mpath.ts';
import { rqSuspendOrder } from './rq-suspend-order.ts';
import type { Scenario, Suite } from './scenario.ts';
import { findSelftest } from './selftest/cases.ts';
import { barrier, barrierPowercut } from './suites/barrier.ts';
import { failedSuspend, freeze } from './suites/freeze.ts';
import { type RoundPart, roundName } from './suites/leave-out.ts';
import { locks } from './suites/locks.ts';
import { pathFailover, rqMpathFlush } from './suites/path-failover.ts';
import { shuffled } from './suites/shuffled.ts';
import { interruptedSuspend, noflushPushback, rqSuspend, suspend, tableSwap } from './suites/suspend-suites.ts';
import { suspendRaces } from './suspend-races.ts';
import { swapReaders } from './swap-readers.ts';

export const scenarios: readonly Scenario[] = [
  drain,
  ...noflushScenarios,
  ...suspendRaces,
  interruptedNoflush,
  ...interruptedAnyCpu,
  lastClose,
  removeSuspended,
  logAfterResume,
  endSubmits,
  noflushSlowPresuspend,
  frozenWriter,
  freezeDirty,
  noflushResize,
  noflushWriteback,
  failedBdget,
  mpathNoflush,
  ...mpathJobs,
  ...removeRaces,
  ...swapReaders,
  admins,
  ...barrierCut,
  rqBarrierCutPaths,
  ...rqBarrier,
  ...bioBarrier,
  flushFanOut,
  rqSuspendOrder,
  rqFlushAnswers,
  ...rqMeetings,
  ...rqMpath,
];
/** The scenarios that a clean preset passes. */
export const scenariosOf = (preset: string): Scenario[] =>
  scenarios.filter(({ notIn }) => notIn?.[preset] === undefined);

export const suites: readonly Suite[] = [
  locks,
  suspend,
  noflushPushback,
  interruptedSuspend,
  tableSwap,
  pathFailover,
  freeze,
  failedSuspend,
  rqSuspend,
  rqMpathFlush,
  barrier,
  barrierPowercut,
];
/** The suites that a preset has what it takes for. */
export const suitesOf = (preset: string): Suite[] => suites.filter(({ notIn }) => notIn?.[preset] === undefined);

/** A round's name: `SUITE@SEED.ROUND`, `SUITE@SEED.ROUNDs` with its actors on other CPUs, `SUITE@SEED.ROUND~PARTS` without some parts. */
const ROUND_NAME = /^([a-z-]+)@(\d+)\.(\d+)(s?)(?:~([0-9a-z]{1,40}))?$/;

/** Numbers of rounds and seeds are no larger; larger seeds would be those of others. */
export const SEED_MAX = 2 ** 31 - 1;

/** The number that a text of base 36 stands for. */
const bits = (text: string): bigint =>
  [...text].reduce((sum, digit) => sum * 36n + BigInt(Number.parseInt(digit, 36)), 0n);

interface NamedRound {
  readonly suite: Suite;
  readonly seed: number;
  readonly round: number;
  readonly isShuffled: boolean;
  /** The parts that are left out, one bit each; null: the name says nothing of parts. */
  readonly without: bigint | null;
}

/** The round of this name; null: there is no such suite, or it is no name of a round. */
function namedRound(name: string): NamedRound | null {
  const match = ROUND_NAME.exec(name);
  const suite = suites.find((each) => each.name === match?.[1]);
  if (match === null || suite === undefined) return null;
  const [seed, round] = [Number(match[2]), Number(match[3])];
  if (seed > SEED_MAX || round > SEED_MAX) return null;
  return { suite, seed, round, isShuffled: match[4] !== '', without: match[5] === undefined ? null : bits(match[5]) };
}

/** Whether it is the name of a round of a suite that there is. */
export const isRound = (name: string): boolean => namedRound(name) !== null;

/** The scenario of this name; for a round of a suite, as it is with so many CPUs. */
export function findScenario(name: string, cpus: number): Scenario | undefined {
  const named = namedRound(name);
  if (named === null)
    return (
      [...scenarios, ...canaryRounds].find((each) => each.name === name) ??
      findLitmus(name) ??
      findSelftest(name) ??
      findOwn(name)
    );
  const { suite, seed, round, isShuffled, without } = named;
  const scenario = suite.round(seed, round, cpus, without ?? 0n);
  return isShuffled ? shuffled(scenario, name, seed, round) : scenario;
}

/** What can be left out of a whole round, and what it is called then; null: nothing can. */
export function roundParts(
  name: string,
  cpus: number,
): { readonly parts: readonly RoundPart[]; nameWithout(without: bigint): string } | null {
  const named = namedRound(name);
  if (named === null || named.without !== null) return null;
  const { suite, seed, round, isShuffled } = named;
  const parts = suite.parts?.(seed, round, cpus);
  if (parts === undefined) return null;
  const number = `${round}${isShuffled ? 's' : ''}`;
  return { parts, nameWithout: (without) => roundName(suite.name, seed, number, without) };
}
