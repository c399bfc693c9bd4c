/**
 * The objects of a multipath target: the target itself, its priority groups, their paths, and one record for each I/O.
 *
 * Models struct multipath, priority_group, pgpath and mpath_io of dm-mpath.c (2.6.20, bio-based). m->lock is irq-safe and
 * guards everything below but what the constructor alone writes.
 *
 * invariant (I27): queueSize = clones on queuedIos + clones that the dispatcher has spliced off and not yet mapped again
 * invariant (I28): nrValidPaths = paths with isActive; currentPgpath is 0 or active
 */
import {
  type BioList,
  type BioRecord,
  bioListField,
  bioRecordField,
  DmTarget,
  defineStruct,
  EV_MPATH,
  embed,
  emit,
  type Kernel,
  listening,
  type Pooled,
  plain,
  queueWork,
  type SpinLock,
  type Struct,
  spinLockField,
  type WaitQueue,
  Work,
  waitQueueField,
} from '../../core/device-mapper.ts';
import { kmultipathd } from './kmultipathd.ts';

export interface Multipath extends Struct {
  readonly lock: SpinLock;
  /** Handle of its target. */
  ti: number;

  /** An entry of `hardwareHandlers`, 0: none; and the handle of the handler's own object. */
  hwHandler: number;
  hwContext: number;

  /** The first group; the others are linked through `next`. */
  priorityGroups: number;
  nrPriorityGroups: number;

  /** The current group must be activated before it takes I/O; one activation is under way; how often it was tried. */
  pgInitRequired: number;
  pgInitInProgress: number;
  pgInitCount: number;
  readonly pgInitWait: WaitQueue;

  /** Paths that are active. */
  nrValidPaths: number;
  /** Handles, 0: none. `nextPg` is tried first, once. */
  currentPgpath: number;
  currentPg: number;
  nextPg: number;
  /** I/Os that the current path still takes before another is chosen; 0: no limit. */
  repeatCount: number;

  /** I/O must be queued: the group is not activated. */
  queueIo: number;
  /** I/O is queued while no path is left; and what that was before presuspend. */
  queueIfNoPath: number;
  savedQueueIfNoPath: number;

  /** Features that are kept to be printed or used in activation; 0: not given. */
  pgInitRetries: number;
  /** Milliseconds + 1. */
  pgInitDelay: number;
  retainAttachedHwHandler: number;
  queueModeBio: number;

  /** Work items. */
  processQueuedIos: number;
  triggerEvent: number;
  readonly queuedIos: BioList;
  /** The same for requests, linked through `next`: handles of the first and the last. */
  queuedRqFirst: number;
  queuedRqLast: number;
  queueSize: number;
  mpioPool: number;
  /** The oracles' alone (check/multipath.ts): clones that were spliced off and not yet mapped again. */
  readonly spliced: { readonly word: number };
}

export const Multipath = defineStruct<Multipath>('multipath', 'm', 6, {
  lock: spinLockField,
  ti: plain,
  hwHandler: plain,
  hwContext: plain,
  priorityGroups: plain,
  nrPriorityGroups: plain,
  pgInitRequired: plain,
  pgInitInProgress: plain,
  pgInitCount: plain,
  pgInitWait: waitQueueField,
  nrValidPaths: plain,
  currentPgpath: plain,
  currentPg: plain,
  nextPg: plain,
  repeatCount: plain,
  queueIo: plain,
  queueIfNoPath: plain,
  savedQueueIfNoPath: plain,
  pgInitRetries: plain,
  pgInitDelay: plain,
  retainAttachedHwHandler: plain,
  queueModeBio: plain,
  processQueuedIos: plain,
  triggerEvent: plain,
  queuedIos: bioListField,
  queuedRqFirst: plain,
  queuedRqLast: plain,
  queueSize: plain,
  mpioPool: plain,
  spliced: embed(1, (word) => ({ word })),
});

export interface PriorityGroup extends Struct {
  m: number;
  /** Its number in the table, from 1. */
  pgNum: number;
  /** Used only when no other group has a path. */
  bypassed: number;
  /** An entry of `pathSelectors`. */
  ps: number;
  /** The first path; the others are linked through `next`. */
  pgpaths: number;
  nrPgpaths: number;
  /** The selector's list of usable paths, linked through `validNext`. */
  validPaths: number;
  next: number;
}

export const PriorityGroup = defineStruct<PriorityGroup>('priority-group', 'pg', 12, {
  m: plain,
  pgNum: plain,
  bypassed: plain,
  ps: plain,
  pgpaths: plain,
  nrPgpaths: plain,
  validPaths: plain,
  next: plain,
});

export interface Pgpath extends Struct {
  pg: number;
  /** Handle of the block device. */
  device: number;
  isActive: number;
  /** How often it has failed; a reinstated path keeps it. */
  failCount: number;
  /** I/Os that it takes in a row; the selector's. */
  repeatCount: number;
  validNext: number;
  next: number;
}

export const Pgpath = defineStruct<Pgpath>('pgpath', 'pgpath', 20, {
  pg: plain,
  device: plain,
  isActive: plain,
  failCount: plain,
  repeatCount: plain,
  validNext: plain,
  next: plain,
});

/** The record of an I/O, owned by whoever has the clone; its handle is in tio.info. */
export interface MpathIo extends Pooled {
  pool: number;
  /** The path that the clone was sent to, 0: none. */
  pgpath: number;
  readonly details: BioRecord;
}

export const MpathIo = defineStruct<MpathIo>('mpath-io', 'mpio', 24, {
  pool: plain,
  pgpath: plain,
  details: bioRecordField,
});

export const multipathOf = (ti: DmTarget): Multipath => Multipath.at(ti.private);
export const groupOf = (pgpath: Pgpath): PriorityGroup => PriorityGroup.at(pgpath.pg);
export const ownerOf = (pgpath: Pgpath): Multipath => Multipath.at(groupOf(pgpath).m);
export const targetOf = (m: Multipath): DmTarget => DmTarget.at(m.ti);

/** The groups in table order. */
export function* groupsOf(m: Multipath): Iterable<PriorityGroup> {
  for (let handle = m.priorityGroups; handle !== 0; ) {
    const pg = PriorityGroup.at(handle);
    handle = pg.next;
    yield pg;
  }
}

/** The paths of a group in table order. */
export function* pathsOf(pg: PriorityGroup): Iterable<Pgpath> {
  for (let handle = pg.pgpaths; handle !== 0; ) {
    const pgpath = Pgpath.at(handle);
    handle = pgpath.next;
    yield pgpath;
  }
}

/** With m->lock held: the queue or the paths have changed. `spliced`: see EV_MPATH. */
export function said(m: Multipath, spliced = 0): void {
  if (listening !== 0) emit(EV_MPATH, m.address, spliced, HERE);
}

/** Has the queue looked at, as soon as kmultipathd comes to it. Any context. */
export function* kickQueue(m: Multipath): Kernel<void> {
  yield* queueWork(kmultipathd(), Work.at(m.processQueuedIos), HERE);
}

/** Tells who waits for events of the device. Any context: an event is made in process context, so kmultipathd makes it. */
export function* kickEvent(m: Multipath): Kernel<void> {
  yield* queueWork(kmultipathd(), Work.at(m.triggerEvent), HERE);
}
