import { BlockDevice } from '../../block/block-device.ts';
import { addRequestDisk, cacheOf, cutPower, RequestDisk, sharePower } from '../../block/request-disk.ts';
import { cachedMediaWords, declareCachedMedia } from '../../block/write-cache.ts';
import { dmCreate, dmRemove, dmTableClear, dmTableLoad, doResume, doSuspend } from '../../core/ioctl.ts';
import { MappedDevice } from '../../core/mapped-device.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../core/suspend.ts';
import { dmTargetMessage } from '../../core/target-message.ts';
import { usleep } from '../../irq/timer.ts';
import { errnoText } from '../../machine/errno.ts';
import { report } from '../../machine/finding.ts';
import type { Kernel } from '../../machine/kernel.ts';
import type { Actor, Program } from '../../machine/machine.ts';
import { LINE_WORDS, memory, staticWords } from '../../shared/memory.ts';
import { Atomic } from '../../shared/word.ts';
import { DurabilityLog, durabilityWords } from '../durability.ts';
import { failedAlthough } from '../failed-although.ts';
import { NO_REQUESTS } from '../request-device.ts';
import type { Scenario, Suite } from '../scenario.ts';
import { SIGNAL_TARGET_WORDS, SignalTarget } from '../signal-target.ts';
import type { UserIo } from '../user-io.ts';
import {
  BARRIER_DISKS,
  BARRIER_SECTORS,
  type BarrierFault,
  type BarrierPlan,
  placeOf,
  planBarrierRound,
} from './barrier-plan.ts';
import { HOME_WORDS, Home } from './home.ts';
import { leaveOut, partsOf, roundName } from './leave-out.ts';
import { checkPaths, type PathWatch } from './path-checker.ts';

/** More failures than there are I/Os. */
const FOR_EVER = 1 << 30;

/** Between two looks of the cutter. */
const LOOK_US = 20;

/** What the actors of a round share. */
interface Parts extends PathWatch {
  readonly plan: BarrierPlan;
  readonly log: DurabilityLog;
  /** First words of each disk's media; paths lead to one. */
  readonly media: readonly number[];
  /** Words of the disks' handles, of the device's, and of the bios that it had pushed back when it was removed. */
  readonly disks: number;
  readonly device: number;
  readonly pushedBack: number;
  /** 1: power is off, and no path returns. */
  readonly off: Atomic;
  /** First word of the administrator's and of the fault actor's counters. */
  readonly suspends: number;
  readonly faults: number;
  readonly home: Home;
}

const entriesOf = ({ submitters }: BarrierPlan): number => submitters.reduce((sum, { ios }) => sum + ios.length, 0);
const isMultipath = ({ plan }: Parts): boolean => plan.layout === 'multipath';
const mdOf = ({ device }: Parts): MappedDevice => MappedDevice.at(memory.words[device] as number);
const diskOf = ({ disks }: Parts, which: number): RequestDisk => RequestDisk.at(memory.words[disks + which] as number);
const disksOf = ({ layout }: BarrierPlan): number => (layout === 'linear' ? 1 : BARRIER_DISKS);

/** Whether the round lets an I/O end with an error while there is power. */
const mayFail = ({ failNext, failFlush, refuses }: BarrierPlan): boolean => failNext > 0 || failFlush > 0 || refuses;

function declare(plan: BarrierPlan): Parts {
  return {
    plan,
    log: new DurabilityLog(entriesOf(plan), mayFail(plan)),
    media: Array.from({ length: BARRIER_DISKS }, () => declareCachedMedia(BARRIER_SECTORS)),
    disks: staticWords(BARRIER_DISKS),
    device: staticWords(1),
    pushedBack: staticWords(1),
    busy: new Atomic(staticWords(1)),
    checker: new SignalTarget(),
    off: new Atomic(staticWords(1)),
    suspends: staticWords(LINE_WORDS),
    faults: staticWords(LINE_WORDS),
    home: new Home(),
  };
}

const wordsOf = (plan: BarrierPlan): number =>
  durabilityWords(entriesOf(plan)) +
  BARRIER_DISKS * (cachedMediaWords(BARRIER_SECTORS) + 1) +
  4 +
  SIGNAL_TARGET_WORDS +
  HOME_WORDS +
  2 * LINE_WORDS;

function must(result: number, what: string): void {
  if (result !== 0) report('assertion', '', `${what} gives ${errnoText(result)}`);
}

function* setUp(parts: Parts): Kernel<void> {
  const { plan, media } = parts;
  const w = memory.words;
  const { mode, latencyUs, depth, nrRequests, refuses } = plan;
  const barriers = refuses ? 'refuse' : 'flush';
  const options = { sectors: BARRIER_SECTORS, mode, latencyUs, depth, nrRequests, barriers, anyCpu: true } as const;
  for (let minor = 0; minor < disksOf(plan); minor++) {
    const own = media[isMultipath(parts) ? 0 : minor] as number;
    w[parts.disks + minor] = (yield* addRequestDisk({ ...options, name: `disk${minor}`, minor }, own)).handle;
  }
  if (disksOf(plan) > 1) sharePower(diskOf(parts, 0), diskOf(parts, 1));
  yield* diskOf(parts, 0).failNext.set(plan.failNext, HERE);
  yield* diskOf(parts, 0).failFlush.set(plan.failFlush, HERE);
  parts.home.note();
  const { requestBased, reserve, kdmflushCpu } = plan;
  const md = yield* dmCreate({ name: 'dm0', minor: 0, requestBased, nrRequests, reserve, cpu: kdmflushCpu });
  if (typeof md === 'number') report('assertion', '', `create gives ${errnoText(md)}`);
  w[parts.device] = md.handle;
  must(yield* dmTableLoad(md, plan.table), 'the load');
  must(yield* doResume(md, 0), 'the first resume');
  yield* parts.busy.set(plan.submitters.length, HERE);
}

/** Submits its I/Os, at most `depth` at a time; `first` is the number of its first entry. */
function* submit(parts: Parts, plan: BarrierPlan['submitters'][number], first: number): Kernel<void> {
  const bdev = BlockDevice.at(mdOf(parts).bdev);
  const { log } = parts;
  const underWay: { readonly entry: number; readonly io: UserIo }[] = [];
  function* waitForOldest(): Kernel<void> {
    const oldest = underWay.shift();
    if (oldest !== undefined) yield* log.wait(oldest.entry, oldest.io);
  }
  for (const [i, io] of plan.ios.entries()) {
    if (io.pauseUs > 0) yield* usleep(io.pauseUs, HERE);
    underWay.push({ entry: first + i, io: yield* log.submit(bdev, first + i, io) });
    if (underWay.length >= plan.depth) yield* waitForOldest();
  }
  while (underWay.length > 0) yield* waitForOldest();
  if ((yield* parts.busy.add(-1, HERE)) === 1 && isMultipath(parts)) yield* parts.checker.send();
}

function* administrate(parts: Parts): Kernel<void> {
  const md = mdOf(parts);
  for (const { pauseUs, noflush, lingerUs } of parts.plan.administrator.cycles) {
    const flags = noflush ? DM_SUSPEND_NOFLUSH_FLAG : 0;
    if (pauseUs > 0) yield* usleep(pauseUs, HERE);
    must(yield* doSuspend(md, flags), 'a suspend');
    if (lingerUs > 0) yield* usleep(lingerUs, HERE);
    must(yield* doResume(md, flags), 'a resume');
    (memory.words[parts.suspends] as number)++;
  }
}

function* setFailing(parts: Parts, which: number, failures: number): Kernel<void> {
  yield* diskOf(parts, which).failNext.set(failures, HERE);
  yield* diskOf(parts, which).failFlush.set(failures, HERE);
}

function* causeFaults(parts: Parts): Kernel<void> {
  for (const fault of parts.plan.faults.list) {
    yield* usleep(fault.pauseUs, HERE);
    yield* causeFault(parts, fault);
  }
  for (let which = 0; which < BARRIER_DISKS; which++) yield* setFailing(parts, which, 0);
  yield* reinstate(parts);
}

function* causeFault(parts: Parts, { what, which }: BarrierFault): Kernel<void> {
  for (let path = 0; path < BARRIER_DISKS; path++) {
    if (what !== 'blackout' && path !== which) continue;
    yield* setFailing(parts, path, what === 'heal' ? 0 : FOR_EVER);
    if (what !== 'heal') (memory.words[parts.faults] as number)++;
  }
  if (what === 'heal') yield* reinstate(parts);
}

/** Tells the target of all paths that are fine, as multipathd does. What is told twice is fine too. */
function* reinstate(parts: Parts): Kernel<void> {
  for (let which = 0; which < BARRIER_DISKS; which++) {
    if ((yield* parts.off.read(HERE)) !== 0) return;
    if ((yield* diskOf(parts, which).failNext.read(HERE)) > 0) continue;
    yield* dmTargetMessage(mdOf(parts), 0, `reinstate_path disk${which}`);
  }
}

/** Afterwards everything fails; a multipath must not wait for paths. */
function* cut(parts: Parts, tickets: number): Kernel<void> {
  yield* parts.log.until(tickets, () => usleep(LOOK_US, HERE));
  yield* parts.log.cutting();
  yield* parts.off.set(1, HERE);
  yield* cutPower(diskOf(parts, 0));
  if (isMultipath(parts)) yield* dmTargetMessage(mdOf(parts), 0, 'fail_if_no_path');
}

function actorsOf(parts: Parts): Actor[] {
  const { submitters, administrator, faults, checker, cutter } = parts.plan;
  let next = 0;
  const actors: Actor[] = submitters.map((each, i) => {
    const first = next;
    next += each.ios.length;
    return { name: `submitter${i}`, cpu: each.cpu, run: () => submit(parts, each, first) };
  });
  actors.push({ name: 'administrator', cpu: administrator.cpu, run: () => administrate(parts) });
  if (isMultipath(parts)) {
    actors.push({ name: 'faults', cpu: faults.cpu, run: () => causeFaults(parts) });
    actors.push({
      name: 'checker',
      cpu: checker.cpu,
      run: () => checkPaths(mdOf(parts), parts, () => reinstate(parts)),
    });
  }
  if (cutter !== null) actors.push({ name: 'cutter', cpu: cutter.cpu, run: () => cut(parts, cutter.tickets) });
  return actors;
}

/** What belongs to the device or to its users. The disks stay. */
function* verify(parts: Parts): Kernel<void> {
  const { plan, log } = parts;
  const { underWay, errorBeforeCut } = log.ends();
  if (underWay > 0) report('lost-bio', 'I1', `${underWay} I/Os have not ended`);
  if (errorBeforeCut !== 0 && !mayFail(plan))
    failedAlthough(errorBeforeCut, 'nothing in the round allows an error before power is cut');
  log.check((sector) => {
    const place = placeOf(plan.layout, sector);
    return cacheOf(diskOf(parts, place.disk)).stored(place.sector);
  });
  const md = mdOf(parts);
  memory.words[parts.pushedBack] = md.pushedBack.value;
  yield* dmTableClear(md);
  must(yield* dmRemove(md), 'remove');
  parts.home.check();
}

function countsOf(parts: Parts): Record<string, number> {
  const { submitted, completed, failed } = parts.log.ends();
  return {
    'bios.submitted': submitted,
    'bios.completed': completed,
    'bios.failed': failed,
    'bios.pushedBack': memory.words[parts.pushedBack] as number,
    'suspends.done': memory.words[parts.suspends] as number,
    'suspends.interrupted': 0,
    'suspends.failed': 0,
    'paths.broken': memory.words[parts.faults] as number,
    'barriers.completed': parts.log.completed(),
    'power.cuts': parts.plan.cutter === null ? 0 : 1,
    'sectors.checked': parts.log.checked(),
  };
}

function program(parts: Parts): Program {
  return {
    setup: () => setUp(parts),
    actors: actorsOf(parts),
    verify: () => verify(parts),
    outcome: () => `${parts.log.completed()} barriers completed`,
    counts: () => countsOf(parts),
  };
}

/** The round of this name. */
export function barrierRound(name: string, plan: BarrierPlan, cpus: number): Scenario {
  const type = plan.requestBased ? 'request-based' : 'bio-based';
  return {
    name,
    title: `${plan.submitters.length} submitters on a ${type} ${plan.layout} device${plan.cutter === null ? '' : ', a power cut'}`,
    cpus,
    slots: { ...SLOTS, request: 3 * 3 + 3 * plan.nrRequests + RQ_CLONES, 'dm-rq-target-io': RQ_CLONES },
    staticWords: wordsOf(plan),
    build: () => program(declare(plan)),
  };
}

/** Clones of requests, those in reserve included. */
const RQ_CLONES = 24;
const SLOTS = { bio: 96, alarm: 64, 'request-disk': BARRIER_DISKS, 'request-queue': BARRIER_DISKS + 1 };

/** A suite whose plans can be looked at. */
export interface BarrierSuite extends Suite {
  plan(seed: number, round: number, cpus: number): BarrierPlan;
}

function suiteOf(name: string, title: string, cuts: boolean): BarrierSuite {
  const plan = (seed: number, round: number, cpus: number): BarrierPlan => planBarrierRound(cuts, seed, round, cpus);
  return {
    name,
    title,
    notIn: NO_REQUESTS,
    plan,
    round: (seed, round, cpus, without = 0n) =>
      barrierRound(roundName(name, seed, round, without), leaveOut(plan(seed, round, cpus), without), cpus),
    parts: (seed, round, cpus) => partsOf(plan(seed, round, cpus)),
  };
}

export const barrier = suiteOf('barrier', 'writers and barriers while paths fail and devices are suspended', false);
export const barrierPowercut = suiteOf(
  'barrier-powercut',
  'the same, and a power cut at any moment: what completed barriers cover is on the media',
  true,
);
