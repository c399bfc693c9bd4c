/**
 * I1 COMPLETE_ONCE, I3 CONSERVATION, I13 OWNERSHIP: where each bio is.
 *
 * bio.loc is moved by compare-and-swap along this graph; a step that is not in it is a finding on the spot.
 *
 *   NEW ── submit ──► SUBMITTING ── map ──► INFLIGHT ── io_count 0 ──► FINISHING ── end ──► DONE
 *                     │    ▲  ▲ │           ▲     │ split               │ park
 *             private │    │  │ │ park   map│     ▼                     ▼
 *                list ▼    │  │ ▼           │  REMAINDER ─► SUBMITTING  PUSHBACK
 *                   BIOLIST   │ DEFERRED ─► DISPATCHED                  │ merge
 *                             │    ▲                                    │
 *                             │    └────────────────────────────────────┘
 *   clone:   NEW ── map ──► TARGET ── submit ──┘   ... ── end ──► DONE ── clone_endio ──► TARGET ── free ──► FREED
 *
 * TARGET is "the target's": it is being asked, or has said SUBMITTED or INCOMPLETE. A clone for another mapped device goes
 * through the upper part there, like any bio. SUBMITTING ends at a disk or, for a bio that fails on its way, at once.
 *
 * FINISHING and REMAINDER have no name in spec D: the first is "all clones have ended", the second is the rest of a split
 * bio before it is submitted again. The mapped part of a split is INFLIGHT from its making.
 */
import { BIO_PART, BIO_RW_BARRIER } from '../block/bio.ts';
import { type FindingKind, report } from '../machine/finding.ts';
import type { Site } from '../machine/site.ts';
import { memory } from '../shared/memory.ts';
import { addressOf, BIO_FLAGS, BIO_LOC, BIO_NEXT, bioName, IO_BIO, TIO_CLONE } from './words.ts';

const NAMES = [
  'new',
  'submitting',
  'on a private list',
  'deferred',
  'dispatched',
  'in flight',
  'finishing',
  'pushed back',
  'a remainder',
  "the target's",
  'ended',
  'freed',
] as const;
const NEW = 0;
const SUBMITTING = 1;
const BIOLIST = 2;
export const DEFERRED = 3;
export const DISPATCHED = 4;
const INFLIGHT = 5;
const FINISHING = 6;
export const PUSHBACK = 7;
const REMAINDER = 8;
export const TARGET = 9;
const DONE = 10;
const FREED = 11;

const FROM_NEW = 1 << NEW;
const FROM_SUBMITTING = 1 << SUBMITTING;
const FROM_TARGET = 1 << TARGET;

export function locationOf(bio: number): number {
  return memory.words[bio + BIO_LOC] as number;
}

export function locationName(bio: number): string {
  return NAMES[locationOf(bio)] ?? 'nowhere: its memory was freed';
}

/** Moves a bio; gives where it was. `from` has a bit for each place that it may come from. */
function move(bio: number, from: number, to: number, kind: FindingKind, invariant: string, site: Site): number {
  const w = memory.words;
  const place = w[bio + BIO_LOC] as number;
  const legal = place >= 0 && place <= FREED && ((from >> place) & 1) === 1;
  if (!legal || Atomics.compareExchange(w, bio + BIO_LOC, place, to) !== place) astray(bio, to, kind, invariant, site);
  return place;
}

function astray(bio: number, to: number, kind: FindingKind, invariant: string, site: Site): never {
  report(kind, invariant, `${bioName(bio)} cannot become ${NAMES[to]}: it is ${locationName(bio)}`, site);
}

export function bioSubmitted(bio: number, site: Site): void {
  move(bio, FROM_NEW | FROM_TARGET | (1 << REMAINDER) | (1 << DISPATCHED), SUBMITTING, 'assertion', 'I3', site);
}

export function bioQueued(bio: number, site: Site): void {
  move(bio, FROM_SUBMITTING, BIOLIST, 'assertion', 'I3', site);
}

export function bioUnqueued(bio: number, site: Site): void {
  move(bio, 1 << BIOLIST, SUBMITTING, 'assertion', 'I3', site);
}

export function bioDeferred(bio: number, site: Site): void {
  move(bio, FROM_SUBMITTING, DEFERRED, 'assertion', 'I3', site);
}

export function bioDispatched(bio: number, site: Site): void {
  move(bio, 1 << DEFERRED, DISPATCHED, 'assertion', 'I3', site);
}

export function bioMapped(bio: number, site: Site): void {
  move(bio, FROM_SUBMITTING | (1 << DISPATCHED), INFLIGHT, 'assertion', 'I3', site);
}

/** All clones of the I/O have ended. A second time means that io_count has reached 0 twice. */
export function ioLast(io: number, site: Site): void {
  move(addressOf(memory.words[io + IO_BIO] as number), 1 << INFLIGHT, FINISHING, 'assertion', 'I5', site);
}

export function bioPushedBack(bio: number, site: Site): void {
  move(bio, 1 << FINISHING, PUSHBACK, 'assertion', 'I3', site);
}

/** Without a pushback list: straight to the deferred one. A barrier may go back before any part of it was mapped. */
export function bioPushedToHead(bio: number, site: Site): void {
  const barrier = ((memory.words[bio + BIO_FLAGS] as number) & BIO_RW_BARRIER) !== 0;
  move(bio, (1 << FINISHING) | (barrier ? 1 << DISPATCHED : 0), DEFERRED, 'assertion', 'I3', site);
}

/** The empty bio of a flush, which kdmflush uses again and again. */
export function flushBegun(flush: number, site: Site): void {
  move(flush, FROM_NEW, DISPATCHED, 'assertion', 'I3', site);
}

export function flushOver(flush: number): void {
  memory.words[flush + BIO_LOC] = NEW;
}

/** Every bio on the pushback list, on its way to the deferred list. Under pushback_lock. */
export function pushbackMerged(list: number, site: Site): void {
  const w = memory.words;
  for (let handle = w[list] as number; handle !== 0; handle = w[addressOf(handle) + BIO_NEXT] as number)
    move(addressOf(handle), 1 << PUSHBACK, DEFERRED, 'assertion', 'I3', site);
}

export function bioSplit(bio: number, part: number, site: Site): void {
  move(part, FROM_NEW, INFLIGHT, 'assertion', 'I3', site);
  move(bio, 1 << INFLIGHT, REMAINDER, 'assertion', 'I3', site);
}

/** A bio ends from FINISHING; on its way it can only fail, and at a disk it ends where it was sent. Gives where it was. */
export function bioEnded(bio: number, site: Site): number {
  const from = (memory.words[bio + BIO_FLAGS] as number) & BIO_PART ? FROM_TARGET : 0;
  const ways = from | FROM_SUBMITTING | (1 << FINISHING) | (1 << DISPATCHED);
  return move(bio, ways, DONE, 'double-completion', 'I1', site);
}

export function cloneAsked(tio: number, site: Site): void {
  move(addressOf(memory.words[tio + TIO_CLONE] as number), FROM_NEW, TARGET, 'assertion', 'I3', site);
}

/** The core sends a clone on. If the target has submitted or ended it as well, it was not the core's to touch. */
export function cloneRemapped(clone: number, site: Site): void {
  if (locationOf(clone) !== TARGET)
    report(
      'assertion',
      'I13',
      `the core touches a clone that the target has given away: it is ${locationName(clone)}`,
      site,
    );
}

/** Its target hears of the end of a clone, and may keep it. Gives the clone. */
export function cloneEnded(tio: number, site: Site): number {
  const clone = addressOf(memory.words[tio + TIO_CLONE] as number);
  move(clone, 1 << DONE, TARGET, 'double-completion', 'I1', site);
  return clone;
}

export function cloneFreed(clone: number, site: Site): void {
  move(clone, FROM_TARGET, FREED, 'assertion', 'I13', site);
}

/**
 * A bio that nobody has: nothing moves, and it is neither on a list, nor at a disk, nor a target's, nor in flight below.
 * `atDisk` says whether a disk has it.
 */
export function isNowhere(bio: number, atDisk: (bio: number) => boolean): boolean {
  switch (locationOf(bio)) {
    case SUBMITTING:
      return !atDisk(bio);
    case BIOLIST:
    case DISPATCHED:
    case FINISHING:
    case REMAINDER:
      return true;
    default:
      return false;
  }
}

/** A bio that has ended and whose memory never came back. */
export function isLeaked(bio: number): boolean {
  const place = locationOf(bio);
  return place === DONE || place === FREED;
}
