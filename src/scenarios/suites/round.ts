/**
 * A round about suspending, as a program: builds what the plan says, runs the actors, and checks what they left behind.
 */
import { Bio } from '../../block/bio.ts';
import { addDisk, declareMedia, hangDisk } from '../../block/disk.ts';
import { DmIo, DmTargetIo } from '../../core/dm-io.ts';
import { DmTable } from '../../core/dm-table.ts';
import { DmTarget } from '../../core/dm-target.ts';
import { dmCreate, dmOpen, dmTableClear, dmTableLoad, doResume } from '../../core/ioctl.ts';
import { MappedDevice } from '../../core/mapped-device.ts';
import { dmSuspended } from '../../core/suspend.ts';
import { Alarm } from '../../irq/alarm.ts';
import { Timer } from '../../irq/timer.ts';
import { Work, Workqueue } from '../../irq/workqueue.ts';
import { errnoText } from '../../machine/errno.ts';
import { report } from '../../machine/finding.ts';
import type { Kernel } from '../../machine/kernel.ts';
import type { Actor, Program } from '../../machine/machine.ts';
import { LINE_WORDS, memory, staticWords } from '../../shared/memory.ts';
import { Mempool } from '../../shared/mempool.ts';
import type { Struct, StructType } from '../../shared/struct.ts';
import { bindScripts } from '../../targets/scripted.ts';
import { failedAlthough } from '../failed-although.ts';
import { IoLog, RECORD_WORDS } from '../io-log.ts';
import { PATH_TARGET_WORDS, PathTarget } from '../path-target.ts';
import type { Scenario } from '../scenario.ts';
import { checkSector, checkZeroSector } from '../sector-check.ts';
import { UserIo } from '../user-io.ts';
import {
  mdOf,
  type RoundParts,
  removeDevice,
  runOperator,
  runSignaller,
  runSubmitter,
  runSuspender,
} from './actors.ts';
import type { RoundPlan } from './round-plan.ts';
import { SUSPEND_SIGNALS_WORDS, SuspendCounts, SuspendSignals } from './suspend-signals.ts';

/** The words of a round that its actors share, and what each of them counts in. */
interface Built {
  readonly parts: RoundParts;
  /** First word of each disk's media. */
  readonly media: readonly number[];
  readonly logs: readonly IoLog[];
  readonly counts: readonly SuspendCounts[];
}

const SHARED_WORDS = 2;

function wordsOf(plan: RoundPlan): number {
  const media = plan.disks.reduce((sum, disk) => sum + disk.sectors + 1, 0);
  const records = plan.submitters.reduce((sum, each) => sum + each.ios.length * RECORD_WORDS, 0);
  const counts = plan.suspenders.length * LINE_WORDS;
  return (
    media +
    records +
    counts +
    plan.sectors +
    plan.paths.length * PATH_TARGET_WORDS +
    SUSPEND_SIGNALS_WORDS +
    SHARED_WORDS
  );
}

function declare(plan: RoundPlan, cpus: number): Built {
  const media = plan.disks.map((disk) => declareMedia(disk.sectors));
  const clocks = staticWords(plan.sectors);
  const paths = plan.paths.map((path) => new PathTarget(path));
  bindScripts(paths);
  return {
    parts: {
      plan,
      cpus,
      device: staticWords(1),
      pushedBack: staticWords(1),
      disks: staticWords(plan.disks.length),
      paths,
      signals: new SuspendSignals(),
    },
    media,
    logs: plan.submitters.map((submitter) => new IoLog(submitter.ios.length, clocks)),
    counts: plan.suspenders.map(() => new SuspendCounts()),
  };
}

/** The round of this name. */
export function suspendRound(name: string, plan: RoundPlan, cpus: number): Scenario {
  return {
    name,
    title: `${plan.submitters.length} submitters, ${plan.suspenders.length} suspenders${plan.signaller === null ? '' : ', signals'}`,
    cpus,
    slots: { bio: 96, alarm: 64, 'dm-target': 40, 'dm-target-io': 48, 'dm-table': 12 },
    staticWords: wordsOf(plan),
    build: () => program(declare(plan, cpus)),
  };
}

function program(built: Built): Program {
  const actors = actorsOf(built);
  return {
    setup: () => setUp(built, actors.length),
    actors,
    verify: () => verify(built),
    outcome: () => outcomeOf(built),
    counts: () => countsOf(built),
  };
}

const isSignalled = ({ signaller, operator }: RoundPlan): boolean =>
  signaller !== null || operator?.actions.some(({ what }) => what === 'signal') === true;

function actorsOf({ parts, logs, counts }: Built): Actor[] {
  const { submitters, suspenders, signaller, operator } = parts.plan;
  const actors: Actor[] = submitters.map((each, i) => ({
    name: `submitter${i}`,
    cpu: each.cpu,
    run: () => runSubmitter(parts, each, logs[i] as IoLog),
  }));
  suspenders.forEach((each, i) => {
    const run = (): Kernel<void> =>
      runSuspender(parts, each, counts[i] as SuspendCounts, i === 0 && isSignalled(parts.plan));
    actors.push({ name: `suspender${i}`, cpu: each.cpu, run });
  });
  if (signaller !== null)
    actors.push({ name: 'signaller', cpu: signaller.cpu, run: () => runSignaller(parts, signaller) });
  if (operator !== null) actors.push({ name: 'operator', cpu: operator.cpu, run: () => runOperator(parts, operator) });
  return actors;
}

/** Disks, the device with its first table, and an open for each actor. */
function* setUp({ parts, media }: Built, opens: number): Kernel<void> {
  const w = memory.words;
  const { plan } = parts;
  for (const path of parts.paths) path.init();
  for (let i = 0; i < plan.disks.length; i++) {
    const each = plan.disks[i] as RoundPlan['disks'][number];
    const disk = yield* addDisk({ ...each, name: `disk${i}`, minor: i }, media[i] as number);
    w[parts.disks + i] = disk.handle;
    disk.failNext.init(each.failNext);
    if (each.hangs) yield* hangDisk(disk);
  }
  const md = yield* dmCreate({ name: 'dm0', minor: 0, reserve: plan.reserve, cpu: plan.kdmflushCpu });
  if (typeof md === 'number') report('assertion', '', `create gives ${errnoText(md)}`);
  w[parts.device] = md.handle;
  const loaded = yield* dmTableLoad(md, plan.tables[0] as string);
  const resumed = yield* doResume(md, 0);
  if (loaded !== 0 || resumed !== 0)
    report('assertion', '', `load gives ${errnoText(loaded)}, the first resume ${errnoText(resumed)}`);
  for (let i = 0; i < opens; i++) yield* dmOpen(md);
}

/** Everything has ended: nothing is suspended, and nothing stays behind. */
function* verify(built: Built): Kernel<void> {
  const { parts, logs } = built;
  const removed = memory.words[parts.device] === 0;
  if (removed !== parts.plan.removeAtLastClose)
    report('assertion', '', `the device was ${removed ? '' : 'not '}removed at its last close`);
  for (const [i, log] of logs.entries()) {
    const left = log.underWay();
    if (left > 0) report('lost-bio', 'I1', `${left} I/Os of submitter${i} have not ended`);
    const failed = log.firstError();
    if (failed !== 0 && parts.plan.lossless) failedAlthough(failed, 'nothing in the round allows an error');
  }
  checkContents(built);
  if (!removed) {
    if (yield* dmSuspended(mdOf(parts)))
      report('assertion', '', 'every suspend was followed by a resume, but one lasts');
    yield* dmTableClear(mdOf(parts));
    yield* removeDevice(parts);
  }
  checkHome();
}

/** I44 for every sector of the device. */
function checkContents({ parts, logs, media }: Built): void {
  for (const { from, sectors, disk, start } of parts.plan.segments)
    for (let i = 0; i < sectors; i++) {
      const sector = from + i;
      const ios = logs.flatMap((log) => [...log.ofSector(sector)]);
      if (disk < 0) checkZeroSector(sector, ios);
      else checkSector(sector, ios, 0, memory.words[(media[disk] as number) + start + i] as number);
    }
}

const GONE: readonly StructType<Struct>[] = [
  MappedDevice,
  DmTable,
  DmTarget,
  DmIo,
  DmTargetIo,
  Bio,
  Mempool,
  Workqueue,
  Work,
  Timer,
  Alarm,
  UserIo,
];

/** I29: the device is gone and nothing of it is left. */
export function checkHome(more: readonly StructType<Struct>[] = []): void {
  checkGone([...GONE, ...more]);
}

export function checkGone(types: readonly StructType<Struct>[]): void {
  for (const type of types) {
    const left = type.live().length;
    if (left > 0) report('leak', 'I29', `${left} of the kind ${type.name} are left when the device is gone`);
  }
}

function total<T>(list: readonly T[], of: (each: T) => number): number {
  return list.reduce((sum, each) => sum + of(each), 0);
}

function outcomeOf({ logs, counts }: Built): string {
  const failed = total(logs, (log) => log.ended(true));
  return `bios failed ${failed}, suspends interrupted ${SuspendCounts.total(counts)['suspends.interrupted']}`;
}

function countsOf({ parts, logs, counts }: Built): Record<string, number> {
  return {
    'bios.submitted': total(logs, (log) => log.submitted()),
    'bios.completed': total(logs, (log) => log.ended(false)),
    'bios.failed': total(logs, (log) => log.ended(true)),
    'bios.pushedBack': memory.words[parts.pushedBack] as number,
    ...SuspendCounts.total(counts),
  };
}
