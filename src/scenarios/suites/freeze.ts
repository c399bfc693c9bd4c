/**
 * The suites `freeze` and `failed-suspend`: a file system is written, synced, written back, frozen by a user, and its device suspended with lockfs,
 * without, and with noflush, while tables of other sizes are loaded.
 */
import { Bio, REQ_WRITE } from '../../block/bio.ts';
import { BlockDevice } from '../../block/block-device.ts';
import { addDisk, declareMedia } from '../../block/disk.ts';
import { freezeBdev, fsFsync, fsWrite, mountBdev, SuperBlock, thawBdev, umountBdev } from '../../block/file-system.ts';
import { Inode } from '../../block/inode.ts';
import { writebackSingleInode } from '../../block/page-cache.ts';
import { DmIo, DmTargetIo } from '../../core/dm-io.ts';
import { DmTable } from '../../core/dm-table.ts';
import { DmTarget } from '../../core/dm-target.ts';
import { DM_SKIP_LOCKFS_FLAG, dmCreate, dmRemove, dmTableLoad, doResume } from '../../core/ioctl.ts';
import { MappedDevice } from '../../core/mapped-device.ts';
import { DM_SUSPEND_NOFLUSH_FLAG, dmSuspended } from '../../core/suspend.ts';
import { usleep } from '../../irq/timer.ts';
import { EINTR, EINVAL, EIO, ENOMEM, errnoText } from '../../machine/errno.ts';
import { report } from '../../machine/finding.ts';
import type { Kernel } from '../../machine/kernel.ts';
import type { Actor, Program } from '../../machine/machine.ts';
import { LINE_WORDS, memory, staticWords } from '../../shared/memory.ts';
import { bindScripts } from '../../targets/scripted.ts';
import { PATH_TARGET_WORDS, PathTarget } from '../path-target.ts';
import type { Scenario, Suite } from '../scenario.ts';
import { submitIo, waitIo } from '../user-io.ts';
import { type FreezeCycle, type FreezePlan, type FreezeWriter, planFreezeRound } from './freeze-plan.ts';
import { leaveOut, partsOf, roundName } from './leave-out.ts';
import type { Odds } from './suspend-plan.ts';
import { SUSPEND_SIGNALS_WORDS, SuspendCounts, SuspendSignals } from './suspend-signals.ts';

// What each actor counts, in a line of its own.
const DONE = 0;
const FAILED = 1;
const FSYNCS = 2;
const FREEZES = 3;

/** More than the tables that all suspenders load. */
const RESUMES_MAX = 8;

/** What the actors of a round share. */
interface Parts {
  readonly plan: FreezePlan;
  readonly path: PathTarget;
  readonly media: number;
  /** Words of the handles of the device and of its file system, and of the number of bios that were pushed back. */
  readonly device: number;
  readonly superBlock: number;
  readonly pushedBack: number;
  /** To the first suspender. */
  readonly signals: SuspendSignals;
  readonly cpus: number;
}

const mdOf = ({ device }: Parts): MappedDevice => MappedDevice.at(memory.words[device] as number);
const sbOf = ({ superBlock }: Parts): SuperBlock => SuperBlock.at(memory.words[superBlock] as number);

function* pause(us: number): Kernel<void> {
  if (us > 0) yield* usleep(us, HERE);
}

function add(counts: number, what: number): void {
  (memory.words[counts + what] as number)++;
}

/** A write has ended with 0: the medium must have it, since nobody else writes the sector. */
function expectStored(parts: Parts, sector: number, stamp: number): void {
  const stored = memory.words[parts.media + sector];
  if (stored !== stamp)
    report('torn', 'I41', `a write of ${stamp} to sector ${sector} has ended with 0, and the disk has ${stored}`);
}

const stampOf = (writer: FreezeWriter, i: number): number => ((writer.sector + 1) << 8) | (i + 1);

function* runFsWriter(parts: Parts, writer: FreezeWriter, counts: number): Kernel<void> {
  for (const [i, us] of writer.pausesUs.entries()) {
    yield* pause(us);
    yield* fsWrite(sbOf(parts), writer.sector, stampOf(writer, i));
    const error = yield* fsFsync(sbOf(parts));
    add(counts, FSYNCS);
    // An error of another writer's page may be told to this one, and this one's to that one.
    if (error !== 0 && error !== -EIO) report('wrong-error', 'I53', `fsync gives ${errnoText(error)}`);
    if (error === 0 && parts.plan.fsWriters.length === 1 && parts.plan.flusher === null && parts.plan.freezer === null)
      expectStored(parts, writer.sector, stampOf(writer, i));
  }
}

function* runBioWriter(parts: Parts, writer: FreezeWriter, counts: number): Kernel<void> {
  const bdev = BlockDevice.at(mdOf(parts).bdev);
  for (const [i, us] of writer.pausesUs.entries()) {
    yield* pause(us);
    const stamp = stampOf(writer, i);
    const io = yield* submitIo(bdev, { sector: writer.sector, size: 1, flags: REQ_WRITE, stamp });
    const { error } = yield* waitIo(io);
    add(counts, error === 0 ? DONE : FAILED);
    if (error === 0) expectStored(parts, writer.sector, stamp);
  }
}

function* runFlusher(parts: Parts, pausesUs: readonly number[]): Kernel<void> {
  for (const us of pausesUs) {
    yield* pause(us);
    yield* writebackSingleInode(Inode.at(sbOf(parts).inode));
  }
}

function* runFreezer(parts: Parts, lingersUs: readonly number[], counts: number): Kernel<void> {
  const inode = Inode.at(sbOf(parts).inode);
  for (const us of lingersUs) {
    const frozen = yield* freezeBdev(inode);
    if (frozen < 0) continue;
    add(counts, FREEZES);
    yield* pause(us);
    const thawed = yield* thawBdev(inode, frozen);
    if (thawed !== 0) report('assertion', 'I33', `thaw gives ${errnoText(thawed)}`);
  }
}

function* runOperator(parts: Parts, pausesUs: readonly number[]): Kernel<void> {
  for (const [i, us] of pausesUs.entries()) {
    yield* pause(us);
    yield* parts.path.setPath(i % 2 === 0);
  }
}

function* runSuspender(
  parts: Parts,
  cycles: readonly FreezeCycle[],
  counts: SuspendCounts,
  signalled: boolean,
): Kernel<void> {
  const md = mdOf(parts);
  for (const cycle of cycles) {
    yield* pause(cycle.pauseUs);
    if (cycle.table >= 0) {
      const loaded = yield* dmTableLoad(md, parts.plan.tables[cycle.table] as string);
      if (loaded !== 0) report('assertion', '', `load gives ${errnoText(loaded)}`);
    }
    const flags = (cycle.noflush ? DM_SUSPEND_NOFLUSH_FLAG : 0) | (cycle.skipLockfs ? DM_SKIP_LOCKFS_FLAG : 0);
    const result = yield* signalled ? parts.signals.suspend(md, flags, counts) : counts.suspend(md, flags);
    // A freeze can fail, and so can the allocation of the inode; another suspender may have been faster.
    const errors = [-EIO, -ENOMEM, -EINVAL, ...(signalled ? [-EINTR] : [])];
    if (result !== 0 && !errors.includes(result)) report('assertion', '', `suspend gives ${errnoText(result)}`);
    // presuspend of a suspend that failed is not undone (spec B8): as by a message.
    if (result !== 0) yield* parts.path.setQueueing();
    yield* pause(cycle.lingerUs);
    yield* resume(parts, md, flags);
  }
}

/** Resumes whatever table is there in the end: one that is refused is used up, and another suspender may load one more. */
function* resume(parts: Parts, md: MappedDevice, flags: number): Kernel<void> {
  for (let left = RESUMES_MAX; left > 0; left--) {
    const result = yield* doResume(md, flags);
    if (result === 0) return;
    if (result !== -EINVAL) report('assertion', '', `resume gives ${errnoText(result)}`);
    yield* parts.path.setQueueing();
  }
  report('assertion', '', `resume gives -EINVAL ${RESUMES_MAX} times`);
}

/** The disk, the device with its first table, the file system, and what is to fail. */
function* setUp(parts: Parts): Kernel<void> {
  const w = memory.words;
  const { plan } = parts;
  parts.path.init();
  const disk = yield* addDisk({ ...plan, name: 'disk0', minor: 0 }, parts.media);
  disk.failNext.init(plan.failNext);
  const md = yield* dmCreate({ name: 'dm0', minor: 0, cpu: plan.kdmflushCpu });
  if (typeof md === 'number') report('assertion', '', `create gives ${errnoText(md)}`);
  w[parts.device] = md.handle;
  const loaded = yield* dmTableLoad(md, plan.tables[0] as string);
  const resumed = yield* doResume(md, 0);
  if (loaded !== 0 || resumed !== 0)
    report('assertion', '', `load gives ${errnoText(loaded)}, the first resume ${errnoText(resumed)}`);
  if (plan.mounted) {
    const sb = yield* mountBdev('dm0');
    if (typeof sb === 'number') report('assertion', '', `mount gives ${errnoText(sb)}`);
    w[parts.superBlock] = sb.handle;
    sb.failFreeze.init(plan.failFreeze * -EIO);
  }
  BlockDevice.at(md.bdev).failBdget.init(plan.failBdget);
}

/** Everything has ended: the device is active, and goes away with all that it was made of. */
function* verify(parts: Parts): Kernel<void> {
  const md = mdOf(parts);
  if (yield* dmSuspended(md)) report('assertion', '', 'every suspend was followed by a resume, but one lasts');
  if (parts.plan.mounted) yield* umountBdev(sbOf(parts));
  memory.words[parts.pushedBack] = md.pushedBack.value;
  const removed = yield* dmRemove(md);
  if (removed !== 0) report('assertion', '', `remove gives ${errnoText(removed)}`);
  for (const type of [MappedDevice, DmTable, DmTarget, DmIo, DmTargetIo, Bio, Inode, SuperBlock])
    if (type.live().length > 0)
      report('leak', 'I29', `${type.live().length} of the kind ${type.name} are left when the device is gone`);
}

function actorsOf(parts: Parts, counters: () => number, counts: readonly SuspendCounts[]): Actor[] {
  const { fsWriters, bioWriters, flusher, freezer, suspenders, signaller, operator } = parts.plan;
  const actors: Actor[] = [];
  const actor = (name: string, cpu: number, run: (counts: number) => Kernel<void>): void => {
    const counts = counters();
    actors.push({ name, cpu, run: () => run(counts) });
  };
  for (const [i, each] of fsWriters.entries())
    actor(`fs-writer${i}`, each.cpu, (counts) => runFsWriter(parts, each, counts));
  for (const [i, each] of bioWriters.entries())
    actor(`bio-writer${i}`, each.cpu, (counts) => runBioWriter(parts, each, counts));
  if (flusher !== null) actor('pdflush', flusher.cpu, () => runFlusher(parts, flusher.pausesUs));
  if (freezer !== null) actor('freezer', freezer.cpu, (counts) => runFreezer(parts, freezer.lingersUs, counts));
  for (const [i, each] of suspenders.entries())
    actor(`suspender${i}`, each.cpu, () =>
      runSuspender(parts, each.cycles, counts[i] as SuspendCounts, i === 0 && signaller !== null),
    );
  if (signaller !== null)
    actor('signaller', signaller.cpu, () => parts.signals.send(mdOf(parts), signaller, parts.cpus));
  if (operator !== null) actor('operator', operator.cpu, () => runOperator(parts, operator.pausesUs));
  return actors;
}

const ACTORS_MAX = 11;
const SUSPENDERS_MAX = 2;

function build(plan: FreezePlan, cpus: number): Program {
  const path = new PathTarget(plan.path);
  bindScripts([path]);
  const parts: Parts = {
    plan,
    path,
    media: declareMedia(plan.sectors),
    device: staticWords(1),
    superBlock: staticWords(1),
    pushedBack: staticWords(1),
    signals: new SuspendSignals(),
    cpus,
  };
  const lines: number[] = [];
  const suspends = plan.suspenders.map(() => new SuspendCounts());
  const countersOfActor = (): number => {
    const line = staticWords(LINE_WORDS);
    lines.push(line);
    return line;
  };
  const actors = actorsOf(parts, countersOfActor, suspends);
  const total = (what: number): number => lines.reduce((sum, line) => sum + (memory.words[line + what] as number), 0);
  return {
    setup: () => setUp(parts),
    actors,
    verify: () => verify(parts),
    outcome: () => `bios failed ${total(FAILED)}, suspends refused ${SuspendCounts.total(suspends)['suspends.failed']}`,
    counts: () => ({
      'bios.submitted': total(DONE) + total(FAILED),
      'bios.completed': total(DONE),
      'bios.failed': total(FAILED),
      'bios.pushedBack': memory.words[parts.pushedBack] as number,
      ...SuspendCounts.total(suspends),
      'fs.fsyncs': total(FSYNCS),
      'fs.freezes': total(FREEZES),
    }),
  };
}

/** A suite whose plans can be looked at. */
interface FreezeSuite extends Suite {
  plan(seed: number, round: number, cpus: number): FreezePlan;
}

function suiteOf(name: string, title: string, mounts: Odds): FreezeSuite {
  const planned = (seed: number, round: number, cpus: number): FreezePlan => planFreezeRound(mounts, seed, round, cpus);
  return {
    name,
    title,
    plan: planned,
    parts: (seed, round, cpus) => partsOf(planned(seed, round, cpus)),
    round(seed, round, cpus, without = 0n): Scenario {
      const plan = leaveOut(planned(seed, round, cpus), without);
      return {
        name: roundName(name, seed, round, without),
        title: `${plan.mounted ? 'a file system' : 'no file system'}, ${plan.suspenders.length} suspenders`,
        cpus,
        slots: { bio: 64, alarm: 48 },
        staticWords:
          plan.sectors + 3 + PATH_TARGET_WORDS + SUSPEND_SIGNALS_WORDS + (ACTORS_MAX + SUSPENDERS_MAX) * LINE_WORDS,
        build: () => build(plan, cpus),
      };
    },
  };
}

export const freeze = suiteOf(
  'freeze',
  'a file system written, synced and frozen, its device suspended and resized',
  [4, 5],
);

/** Without a file system nobody keeps the inode in memory, so where a suspend wants it, it must be allocated, which may fail. */
export const failedSuspend = suiteOf(
  'failed-suspend',
  'suspends and resizes of a device whose inode is not in memory, and may not come',
  [0, 1],
);
