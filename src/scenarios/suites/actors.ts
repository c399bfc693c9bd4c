/**
 * The actors of a round about suspending: submitters, suspenders, a signaller and an operator.
 *
 * Each has the device open while it runs, and counts in words of its own.
 */
import { BlockDevice } from '../../block/block-device.ts';
import { hangDisk, releaseDisk } from '../../block/disk-faults.ts';
import { heldForLife } from '../../core/bdev-policy.ts';
import { dmClose, dmRemove, dmTableLoad, doResume } from '../../core/ioctl.ts';
import { MappedDevice, SUSPEND_PHASES } from '../../core/mapped-device.ts';
import { seams } from '../../core/seams.ts';
import { DM_SUSPEND_NOFLUSH_FLAG, dmSuspended } from '../../core/suspend.ts';
import { dmTargetMessage } from '../../core/target-message.ts';
import { usleep } from '../../irq/timer.ts';
import { EINTR, EINVAL, errnoText } from '../../machine/errno.ts';
import { report } from '../../machine/finding.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { memory } from '../../shared/memory.ts';
import { type AnyDisk, BIO_DISKS, type DiskKind, REQUEST_DISKS } from '../any-disk.ts';
import type { IoLog } from '../io-log.ts';
import type { PathTarget } from '../path-target.ts';
import { submitLoggedIo, type UserIo, waitIo } from '../user-io.ts';
import type { CyclePlan, OperatorPlan, RoundPlan, SignallerPlan, SubmitterPlan, SuspenderPlan } from './round-plan.ts';
import type { SuspendCounts, SuspendSignals } from './suspend-signals.ts';

/** What the actors of a round share. */
export interface RoundParts {
  readonly plan: RoundPlan;
  readonly cpus: number;
  /** Word of the device's handle, 0 once it is removed; and of the number of bios it pushed back, then. */
  readonly device: number;
  readonly pushedBack: number;
  /** Words of the disks' handles. */
  readonly disks: number;
  readonly paths: readonly PathTarget[];
  /** To the first suspender. */
  readonly signals: SuspendSignals;
}

export const mdOf = (parts: RoundParts): MappedDevice => MappedDevice.at(memory.words[parts.device] as number);

/** The kind of a round's disks. */
export const kindOf = ({ requests }: RoundPlan): DiskKind => (requests === undefined ? BIO_DISKS : REQUEST_DISKS);

export const diskOf = ({ plan, disks }: RoundParts, which: number): AnyDisk =>
  kindOf(plan).at(memory.words[disks + which] as number);

function* pause(us: number): Kernel<void> {
  if (us > 0) yield* usleep(us, HERE);
}

/** Closes the device; who closes it last may have to remove it. */
function* leave(parts: RoundParts): Kernel<void> {
  const left = yield* dmClose(mdOf(parts));
  if (left === 0 && parts.plan.removeAtLastClose) yield* removeDevice(parts);
}

/** Removes the device, which nobody has open. */
export function* removeDevice(parts: RoundParts): Kernel<void> {
  const w = memory.words;
  const md = mdOf(parts);
  w[parts.device] = 0;
  w[parts.pushedBack] = md.pushedBack.value;
  const result = yield* dmRemove(md);
  if (result !== 0) report('assertion', '', `the last closer's remove gives ${errnoText(result)}`);
}

/** Submits its I/Os, at most `depth` at a time. */
export function* runSubmitter(parts: RoundParts, plan: SubmitterPlan, log: IoLog): Kernel<void> {
  const bdev = BlockDevice.at(mdOf(parts).bdev);
  const underWay: UserIo[] = [];
  for (let i = 0; i < plan.ios.length; i++) {
    const io = plan.ios[i] as SubmitterPlan['ios'][number];
    yield* pause(io.pauseUs);
    underWay.push(yield* submitLoggedIo(bdev, io, log, i));
    if (underWay.length >= plan.depth) yield* waitIo(underWay.shift() as UserIo);
  }
  for (const io of underWay) yield* waitIo(io);
  yield* leave(parts);
}

/** Suspends and resumes. */
export function* runSuspender(
  parts: RoundParts,
  plan: SuspenderPlan,
  counts: SuspendCounts,
  signalled: boolean,
): Kernel<void> {
  const md = mdOf(parts);
  for (const cycle of plan.cycles) {
    yield* pause(cycle.pauseUs);
    if (cycle.table >= 0) yield* load(parts, md, cycle.table);
    const flags = cycle.noflush ? DM_SUSPEND_NOFLUSH_FLAG : 0;
    const result = yield* signalled ? parts.signals.suspend(md, flags, counts) : counts.suspend(md, flags);
    yield* afterSuspend(parts, md, cycle, result);
  }
  yield* leave(parts);
}

function* afterSuspend(parts: RoundParts, md: MappedDevice, cycle: CyclePlan, result: number): Kernel<void> {
  if (result === -EINTR) {
    if (cycle.requeueing) yield* setQueueing(parts, md);
    return;
  }
  // Another suspender may have been faster: with −EINVAL, or with a resume that leaves none to us.
  if (result !== 0 && result !== -EINVAL) report('assertion', '', `suspend gives ${errnoText(result)}`);
  yield* pause(cycle.lingerUs);
  const flags = cycle.noflush ? DM_SUSPEND_NOFLUSH_FLAG : 0;
  const resumed = yield* resumeInTheEnd(parts, md, flags);
  if (resumed !== 0 && (resumed !== -EINVAL || parts.plan.suspenders.length === 1))
    report('assertion', '', `resume gives ${errnoText(resumed)}`);
}

function* setQueueing({ plan, paths }: RoundParts, md: MappedDevice): Kernel<void> {
  for (const path of paths) yield* path.setQueueing();
  if (plan.requests !== undefined) yield* dmTargetMessage(md, 0, 'queue_if_no_path');
}

/**
 * Resumes. Before 2.6.31 a noflush suspend does not let the size change: then a table may be refused, by our suspend or by
 * another's, and the device resumes with its old one when it is asked again.
 */
function* resumeInTheEnd(parts: RoundParts, md: MappedDevice, flags: number): Kernel<number> {
  let result = yield* doResume(md, flags);
  if (seams.bdevPolicy === heldForLife) return result;
  for (let tables = parts.plan.tables.length; tables > 0 && result === -EINVAL; tables--) {
    if (!(yield* dmSuspended(md))) break;
    result = yield* doResume(md, flags);
  }
  return result;
}

function* load(parts: RoundParts, md: MappedDevice, table: number): Kernel<void> {
  const result = yield* dmTableLoad(md, parts.plan.tables[table] as string);
  if (result !== 0) report('assertion', '', `load of table ${table} gives ${errnoText(result)}`);
}

/** Signals the first suspender when it has come to a phase, or at any moment. */
export function* runSignaller(parts: RoundParts, plan: SignallerPlan): Kernel<void> {
  yield* parts.signals.send(mdOf(parts), plan, parts.cpus);
  yield* leave(parts);
}

/** Loads tables, moves paths, releases disks. */
export function* runOperator(parts: RoundParts, plan: OperatorPlan): Kernel<void> {
  const md = mdOf(parts);
  for (const { pauseUs, what, which, looks, text } of plan.actions) {
    yield* pause(pauseUs);
    for (let look = 0; look < looks && SUSPEND_PHASES[md.phase.value] !== 'wait'; look++) yield* usleep(10, HERE);
    if (what === 'load-table') yield* load(parts, md, which);
    else if (what === 'signal') yield* parts.signals.signal(md);
    else if (what === 'hang-disk') yield* hangDisk(diskOf(parts, which));
    else if (what === 'release-disk') yield* releaseDisk(diskOf(parts, which));
    else if (what === 'message') yield* dmTargetMessage(md, 0, text ?? '');
    else yield* (parts.paths[which] as PathTarget).setPath(what === 'path-up');
  }
  yield* leave(parts);
}
