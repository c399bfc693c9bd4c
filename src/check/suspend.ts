/**
 * What suspend and resume promise: I7 NOFLUSH_CLEARED, I8 PUSHBACK_EMPTY, I9 BLOCK_PENDING_MONOTONE, I10
 * NO_MAP_WHILE_SUSPENDED, I11 GATE_HELD, I34 EVENT_MONOTONE, I39 RESUME_BEFORE_MAP, I46 SUSPENDED_EMPTY, I50 ABORT_CLEAN.
 *
 * The gate of a device, changed by the task that has suspend_lock:
 *
 *   OPEN ── nobody maps any more ──► SHUT ── suspend gives 0 ──► SUSPENDED ── targets resumed ──► RESUMED ── BLOCK clear ──► OPEN
 *                                   └────────────── BLOCK clear (interrupted) ───────────────────────────────────────────► OPEN
 *
 * Freezing: sizes.ts.
 */

import { RequestQueue } from '../block/request-queue.ts';
import { DmTable } from '../core/dm-table.ts';
import { DmTarget } from '../core/dm-target.ts';
import {
  DMF_BLOCK_IO_FOR_SUSPEND,
  DMF_FROZEN,
  DMF_NOFLUSH_SUSPENDING,
  DMF_SUSPENDED,
  MappedDevice,
} from '../core/mapped-device.ts';
import { Work, Workqueue } from '../irq/workqueue.ts';
import { EINVAL } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import type { Site } from '../machine/site.ts';
import { memory } from '../shared/memory.ts';
import { cpuBase, inInterrupt } from '../shared/per-cpu.ts';
import { CPU_CURRENT } from '../shared/per-cpu-layout.ts';
import { assertHeldRead, RWSEM_OWNER } from '../shared/rw-semaphore.ts';
import { noflushEnds, noflushSucceeds } from './pushback.ts';
import { addressOf, MD_EVENT_NR, MD_FLAGS, MD_GATE, MD_PENDING, MD_PUSHBACK, mdName } from './words.ts';

const OPEN = 0;
const SHUT = 1;
const SUSPENDED = 2;
const RESUMED = 3;

const MD_WQ = MappedDevice.offsetOf('wq');
const MD_MAP = MappedDevice.offsetOf('map');
const MD_QUEUE = MappedDevice.offsetOf('queue');
const MD_BARRIER_WORK = MappedDevice.offsetOf('barrierWork');
const MD_FLUSH_REQUEST = MappedDevice.offsetOf('flushRequest');
const MD_IO_LOCK = MappedDevice.offsetOf('ioLock');
const MD_EVENT_COUNT = MappedDevice.offsetOf('eventNr');
const WQ_WORKER = Workqueue.offsetOf('worker');
const TABLE_UNBOUND = DmTable.offsetOf('unbound');
const TI_TABLE = DmTarget.offsetOf('table');
const Q_IN_FLIGHT = RequestQueue.offsetOf('inFlight');
const WORK_PENDING = Work.offsetOf('pending');

const flagsOf = (md: number): number => Atomics.load(memory.words, md + MD_FLAGS);
const pendingOf = (md: number): number => Atomics.load(memory.words, md + MD_PENDING);

export function gateShut(md: number): void {
  Atomics.store(memory.words, md + MD_GATE, SHUT);
}

export function targetsResumed(md: number): void {
  Atomics.store(memory.words, md + MD_GATE, RESUMED);
}

export function blockCleared(md: number, site: Site): void {
  const gate = Atomics.exchange(memory.words, md + MD_GATE, OPEN);
  if (gate === SUSPENDED)
    report('assertion', 'I39', `I/O of ${mdName(md)} may flow before its targets have been resumed`, site);
}

/** pending has risen. */
export function accountingStarted(md: number, site: Site): void {
  const gate = Atomics.load(memory.words, md + MD_GATE);
  if (gate === OPEN) return;
  if (gate === SUSPENDED) report('assertion', 'I10', `a bio is mapped while ${mdName(md)} is suspended`, site);
  report('assertion', 'I9', `pending of ${mdName(md)} rises to ${pendingOf(md)} while its I/O is blocked`, site);
}

/** A target is asked to map, or hears of an end. */
export function targetAsked(md: number, ti: number, site: Site): void {
  const w = memory.words;
  if (Atomics.load(w, md + MD_GATE) === SUSPENDED)
    report('assertion', 'I10', `a target of ${mdName(md)} is called while it is suspended`, site);
  // Nobody swaps the table while I/O is in flight, so the word stands still.
  if (w[ti + TI_TABLE] !== w[md + MD_MAP])
    report('assertion', 'I10', `a target is called whose table is not the live one of ${mdName(md)}`, site);
}

/** Whether the running task is the device's kdmflush. */
export function inKdmflush(md: number): boolean {
  const w = memory.words;
  return w[addressOf(w[md + MD_WQ] as number) + WQ_WORKER] === w[cpuBase + CPU_CURRENT];
}

/** Whether the running task holds io_lock for writing. Outside kdmflush it then maps what was deferred, without a thread. */
export function holdsIoLock(md: number): boolean {
  const w = memory.words;
  return w[md + MD_IO_LOCK + RWSEM_OWNER] === w[cpuBase + CPU_CURRENT];
}

/** A submitter maps its bio with io_lock held for reading. */
export function gateHeld(md: number, site: Site): void {
  assertHeldRead(MappedDevice.atAddress(md).ioLock, site);
}

/** With suspend_lock held still. */
export function suspendReturns(md: number, result: number, site: Site): void {
  if (result > 0) report('wrong-error', 'I2', `suspend of ${mdName(md)} gives ${result}`, site);
  if (result === 0) noflushSucceeds(md, site);
  noflushEnds(md);
  const flags = flagsOf(md);
  if ((flags & DMF_NOFLUSH_SUSPENDING) !== 0)
    report('assertion', 'I7', `suspend of ${mdName(md)} returns and leaves NOFLUSH set`, site);
  if (memory.words[md + MD_PUSHBACK] !== 0)
    report('lost-bio', 'I8', `suspend of ${mdName(md)} returns and leaves bios on the pushback list`, site);
  if (result === 0) suspended(md, site);
  else if (result !== -EINVAL) aborted(md, flags, site);
}

function suspended(md: number, site: Site): void {
  const w = memory.words;
  Atomics.store(w, md + MD_GATE, SUSPENDED);
  const pending = pendingOf(md);
  if (pending !== 0) report('assertion', 'I46', `${mdName(md)} is suspended with ${pending} bios in flight`, site);
  const work = addressOf(MappedDevice.atAddress(md).work);
  if (Atomics.load(w, work + WORK_PENDING) !== 0)
    report('assertion', 'I46', `${mdName(md)} is suspended while kdmflush has work to do`, site);
  if (w[md + MD_QUEUE] !== 0) queueEmptied(md, site);
}

/** Its queue is stopped and pending is 0, so nobody changes these words. */
function queueEmptied(md: number, site: Site): void {
  const w = memory.words;
  const barrierWork = addressOf(w[md + MD_BARRIER_WORK] as number);
  if (w[md + MD_FLUSH_REQUEST] !== 0 || Atomics.load(w, barrierWork + WORK_PENDING) !== 0)
    report('assertion', 'I46', `${mdName(md)} is suspended while a flush is under way`, site);
  const inFlight = w[addressOf(w[md + MD_QUEUE] as number) + Q_IN_FLIGHT] as number;
  if (inFlight !== 0)
    report('assertion', 'I46', `${mdName(md)} is suspended with ${inFlight} requests in flight`, site);
}

function aborted(md: number, flags: number, site: Site): void {
  const left = [
    (flags & DMF_BLOCK_IO_FOR_SUSPEND) !== 0 ? 'its I/O blocked' : '',
    (flags & DMF_SUSPENDED) !== 0 ? 'it suspended' : '',
    (flags & DMF_FROZEN) !== 0 ? 'it frozen' : '',
  ].filter((each) => each !== '');
  if (left.length > 0)
    report('assertion', 'I50', `a failed suspend of ${mdName(md)} leaves ${left.join(' and ')}`, site);
}

export function resumeReturns(md: number, result: number, site: Site): void {
  if (result > 0) report('wrong-error', 'I2', `resume of ${mdName(md)} gives ${result}`, site);
  const flags = flagsOf(md);
  if ((flags & DMF_NOFLUSH_SUSPENDING) !== 0)
    report('assertion', 'I7', `resume of ${mdName(md)} returns and leaves NOFLUSH set`, site);
  if (result === 0 && (flags & (DMF_BLOCK_IO_FOR_SUSPEND | DMF_SUSPENDED)) !== 0)
    report('assertion', 'I45', `resume of ${mdName(md)} gives 0 and leaves its I/O blocked`, site);
}

/** A table's events are bound before it becomes the live one, and unbound before another does; suspend_lock is held all the while. */
function isOrBecomesLive(table: number, md: number): boolean {
  const w = memory.words;
  const isLive = (): boolean => addressOf(Atomics.load(w, md + MD_MAP)) === table;
  // Who swaps may be done between the two looks.
  return isLive() || Atomics.load(w, MappedDevice.atAddress(md).suspendLock.word) !== 0 || isLive();
}

/** Under _event_lock: from now on the table makes no event. */
export function eventsUnbound(table: number): void {
  memory.words[table + TABLE_UNBOUND] = 1;
}

/** Under _event_lock. */
export function eventCounted(table: number, md: number, site: Site): void {
  const w = memory.words;
  if (w[table + TABLE_UNBOUND] !== 0 || !isOrBecomesLive(table, md))
    report('assertion', 'I34', `an event of ${mdName(md)} comes from a table that is not its own any more`, site);
  const last = w[md + MD_EVENT_NR] as number;
  const now = w[md + MD_EVENT_COUNT] as number;
  w[md + MD_EVENT_NR] = now;
  if (now !== ((last + 1) | 0))
    report('assertion', 'I34', `event_nr of ${mdName(md)} goes from ${last} to ${now}`, site);
  if (inInterrupt()) report('sleep-in-atomic', 'I34', `an event of ${mdName(md)} is made in an interrupt`, site);
}
