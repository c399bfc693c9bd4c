/**
 * The suites `path-failover` and, for a request-based device, `rq-mpath-flush`: paths fail and return at random while submitters write and read through multipath targets, and an
 * administrator loads tables, suspends with noflush and resumes.
 *
 * Whatever happens, no I/O fails: with queue_if_no_path it waits for a path, and a noflush suspend takes it back. A checker
 * waits for events of the device and tells its targets of paths that are fine, for as long as there is I/O, as multipathd does.
 */
import { BlockDevice } from '../../block/block-device.ts';
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
import { BIO_DISKS, type DiskKind, REQUEST_DISKS } from '../any-disk.ts';
import { IoLog, RECORD_WORDS } from '../io-log.ts';
import { PathFaults, pathFaultsWords } from '../path-faults.ts';
import { NO_REQUESTS } from '../request-device.ts';
import type { Scenario, Suite } from '../scenario.ts';
import { checkSector } from '../sector-check.ts';
import { SIGNAL_TARGET_WORDS, SignalTarget } from '../signal-target.ts';
import { submitLoggedIo, type UserIo, waitIo } from '../user-io.ts';
import {
  type FailoverPlan,
  type FailoverPlanner,
  PATHS,
  type PathFault,
  planFailoverRound,
  planRqFailoverRound,
  SECTORS,
} from './failover-plan.ts';
import { HOME_WORDS, Home } from './home.ts';
import { leaveOut, partsOf, roundName } from './leave-out.ts';
import { checkPaths, type PathWatch } from './path-checker.ts';
import { requestBased, requestSlots } from './requests.ts';

/** What the actors of a round share. */
interface Parts extends PathWatch {
  readonly plan: FailoverPlan;
  readonly paths: PathFaults;
  /** Words of the device's handle, and of the bios that it had pushed back when it was removed. */
  readonly device: number;
  readonly pushedBack: number;
  /** First word of the administrator's and of the fault actor's counters. */
  readonly suspends: number;
  readonly faults: number;
  readonly logs: readonly IoLog[];
  readonly home: Home;
}

const mdOf = ({ device }: Parts): MappedDevice => MappedDevice.at(memory.words[device] as number);

function count(word: number): void {
  (memory.words[word] as number)++;
}

function declare(plan: FailoverPlan): Parts {
  const paths = new PathFaults(PATHS, SECTORS, kindOf(plan));
  const clocks = staticWords(SECTORS);
  return {
    plan,
    paths,
    device: staticWords(1),
    pushedBack: staticWords(1),
    busy: new Atomic(staticWords(1)),
    checker: new SignalTarget(),
    suspends: staticWords(LINE_WORDS),
    faults: staticWords(LINE_WORDS),
    logs: plan.submitters.map(({ ios }) => new IoLog(ios.length, clocks)),
    home: new Home(),
  };
}

const kindOf = ({ requests }: FailoverPlan): DiskKind => (requests === undefined ? BIO_DISKS : REQUEST_DISKS);

function wordsOf(plan: FailoverPlan): number {
  const records = plan.submitters.reduce((sum, { ios }) => sum + ios.length * RECORD_WORDS, 0);
  const faults = pathFaultsWords(PATHS, SECTORS, kindOf(plan));
  return faults + SECTORS + 3 + SIGNAL_TARGET_WORDS + 2 * LINE_WORDS + HOME_WORDS + records;
}

function must(result: number, what: string): void {
  if (result !== 0) report('assertion', '', `${what} gives ${errnoText(result)}`);
}

function* setUp(parts: Parts): Kernel<void> {
  const { mode, latencyUs, reserve, kdmflushCpu, tables, submitters, requests, saysBusy = false } = parts.plan;
  yield* parts.paths.plugIn({ sectors: SECTORS, mode, latencyUs, anyCpu: true, saysBusy });
  parts.home.note();
  const md = yield* dmCreate({ name: 'dm0', minor: 0, reserve, cpu: kdmflushCpu, ...requestBased(requests) });
  if (typeof md === 'number') report('assertion', '', `create gives ${errnoText(md)}`);
  memory.words[parts.device] = md.handle;
  must(yield* dmTableLoad(md, tables[0] as string), 'the first load');
  must(yield* doResume(md, 0), 'the first resume');
  yield* parts.busy.set(submitters.length, HERE);
}

function* submit(parts: Parts, plan: FailoverPlan['submitters'][number], log: IoLog): Kernel<void> {
  const bdev = BlockDevice.at(mdOf(parts).bdev);
  const underWay: UserIo[] = [];
  for (const [entry, io] of plan.ios.entries()) {
    if (io.pauseUs > 0) yield* usleep(io.pauseUs, HERE);
    underWay.push(yield* submitLoggedIo(bdev, io, log, entry));
    if (underWay.length >= plan.depth) yield* waitIo(underWay.shift() as UserIo);
  }
  for (const io of underWay) yield* waitIo(io);
  if ((yield* parts.busy.add(-1, HERE)) === 1) yield* parts.checker.send();
}

function* administrate(parts: Parts): Kernel<void> {
  const { plan, suspends } = parts;
  const md = mdOf(parts);
  for (const { pauseUs, table, implicit, lingerUs } of plan.administrator.cycles) {
    if (pauseUs > 0) yield* usleep(pauseUs, HERE);
    if (table >= 0) must(yield* dmTableLoad(md, plan.tables[table] as string), `the load of table ${table}`);
    if (!implicit) {
      must(yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG), 'a noflush suspend');
      if (lingerUs > 0) yield* usleep(lingerUs, HERE);
    }
    must(yield* doResume(md, DM_SUSPEND_NOFLUSH_FLAG), 'a resume');
    count(suspends);
  }
}

function* causeFaults(parts: Parts): Kernel<void> {
  for (const fault of parts.plan.faults.list) {
    yield* usleep(fault.pauseUs, HERE);
    yield* causeFault(parts, fault);
  }
  for (let which = 0; which < PATHS; which++) yield* parts.paths.heal(which);
  yield* reinstate(parts);
}

const reinstate = (parts: Parts): Kernel<void> => parts.paths.reinstate(mdOf(parts), [0, SECTORS - 1]);

function* causeFault(parts: Parts, { what, which, text, sector }: PathFault): Kernel<void> {
  for (let path = 0; path < PATHS; path++) {
    if (what !== 'blackout' && (what !== 'break' || path !== which)) continue;
    count(parts.faults);
    yield* parts.paths.break(path);
  }
  if (what === 'heal') {
    yield* parts.paths.heal(which);
    yield* reinstate(parts);
  }
  // A table may have no second group.
  if (what === 'message') yield* dmTargetMessage(mdOf(parts), sector, text);
}

function actorsOf(parts: Parts): Actor[] {
  const { submitters, administrator, faults, checker } = parts.plan;
  const actors: Actor[] = submitters.map((each, i) => ({
    name: `submitter${i}`,
    cpu: each.cpu,
    run: () => submit(parts, each, parts.logs[i] as IoLog),
  }));
  actors.push({ name: 'administrator', cpu: administrator.cpu, run: () => administrate(parts) });
  actors.push({ name: 'faults', cpu: faults.cpu, run: () => causeFaults(parts) });
  actors.push({ name: 'checker', cpu: checker.cpu, run: () => checkPaths(mdOf(parts), parts, () => reinstate(parts)) });
  return actors;
}

/** All I/O has ended, and well; what the sectors hold can be; nothing stays behind. */
function* verify(parts: Parts): Kernel<void> {
  const { logs, paths } = parts;
  for (const [i, log] of logs.entries()) {
    if (log.underWay() > 0) report('lost-bio', 'I1', `${log.underWay()} I/Os of submitter${i} have not ended`);
    if (log.ended(true) > 0)
      report('wrong-error', 'I53', `${log.ended(true)} I/Os of submitter${i} failed, although paths return`);
  }
  for (let sector = 0; sector < SECTORS; sector++) {
    const ios = logs.flatMap((log) => [...log.ofSector(sector)]);
    checkSector(sector, ios, 0, paths.content(sector));
  }
  const md = mdOf(parts);
  memory.words[parts.pushedBack] = md.pushedBack.value;
  yield* dmTableClear(md);
  must(yield* dmRemove(md), 'remove');
  parts.home.check();
}

function countsOf({ plan, logs, pushedBack, suspends, faults }: Parts): Record<string, number> {
  const sum = (of: (log: IoLog) => number): number => logs.reduce((total, log) => total + of(log), 0);
  return {
    'bios.submitted': sum((log) => log.submitted()),
    'bios.completed': sum((log) => log.ended(false)),
    'bios.failed': sum((log) => log.ended(true)),
    'bios.pushedBack': memory.words[pushedBack] as number,
    'suspends.done': memory.words[suspends] as number,
    'suspends.interrupted': 0,
    'suspends.failed': 0,
    'paths.broken': memory.words[faults] as number,
    // Each has had all its flushes, on whichever paths.
    ...(plan.requests === undefined ? {} : { 'barriers.completed': sum((log) => log.barriers()) }),
  };
}

function program(parts: Parts): Program {
  return {
    setup: () => setUp(parts),
    actors: actorsOf(parts),
    verify: () => verify(parts),
    outcome: () => 'no I/O failed',
    counts: () => countsOf(parts),
  };
}

/** The round of this name. */
export function failoverRound(name: string, plan: FailoverPlan, cpus: number): Scenario {
  return {
    name,
    title: `${plan.submitters.length} submitters, ${plan.administrator.cycles.length} suspends, ${plan.faults.list.length} faults`,
    cpus,
    slots: {
      bio: 96,
      alarm: 64,
      'dm-target': 40,
      'dm-table': 12,
      multipath: 12,
      'priority-group': 24,
      pgpath: 36,
      ...requestSlots(plan.requests, PATHS, plan.reserve),
    },
    staticWords: wordsOf(plan),
    build: () => program(declare(plan)),
  };
}

function suiteOf(name: string, title: string, plan: FailoverPlanner): Suite {
  return {
    name,
    title,
    round: (seed, round, cpus, without = 0n) =>
      failoverRound(roundName(name, seed, round, without), leaveOut(plan(seed, round, cpus), without), cpus),
    parts: (seed, round, cpus) => partsOf(plan(seed, round, cpus)),
  };
}

export const pathFailover = suiteOf(
  'path-failover',
  'noflush suspends and table loads while paths fail and return: no I/O fails',
  planFailoverRound,
);

export const rqMpathFlush: Suite = {
  ...suiteOf(
    'rq-mpath-flush',
    'the same below a request-based device, with barriers: no I/O and no flush fails',
    planRqFailoverRound,
  ),
  notIn: NO_REQUESTS,
};
