/**
 * I35 PUSHBACK_FIRST, I36 PUSHBACK_ORDER, I37 DEFERRED_FIFO, I38 REISSUE_ONCE: in which order bios are mapped, and what of
 * each.
 *
 * Each bio on the deferred list has a number, in the order in which it shall be mapped: arrivals count upwards at the tail,
 * pushed-back bios downwards at the head. kdmflush must take the lowest, or whoever maps deferred bios without it.
 */
import { MappedDevice } from '../core/mapped-device.ts';
import { seams } from '../core/seams.ts';
import { report } from '../machine/finding.ts';
import type { Site } from '../machine/site.ts';
import { memory } from '../shared/memory.ts';
import { cpu } from '../shared/per-cpu.ts';
import { spinLockOwner } from '../shared/spinlock.ts';
import { DISPATCHED, locationOf } from './bio-location.ts';
import { noflushIsSet } from './pushback.ts';
import { holdsIoLock } from './suspend.ts';
import {
  addressOf,
  BIO_NEXT,
  BIO_ORDER,
  BIO_SECTOR,
  BIO_SIZE,
  bioName,
  IO_BIO,
  IO_CAUSE,
  IO_MAPPED,
  MD_DEFERRED,
  MD_FIRST_DEFERRED,
  MD_IN_HAND,
  MD_IN_HAND_GENERATION,
  MD_NEXT_DEFERRED,
  MD_NEXT_PUSHED,
  MD_PUSHBACK,
  MD_PUSHED_BELOW,
  mdName,
  TIO_CLONE,
  TIO_IO,
} from './words.ts';

/** I3: who is on the deferred list is clear only while its lock is held. */
function deferredLockHeld(bio: number, md: number, site: Site): void {
  const held =
    seams.deferredGuard === 'io_lock'
      ? holdsIoLock(md)
      : spinLockOwner(MappedDevice.atAddress(md).deferredLock) === cpu + 1;
  if (held) return;
  report(
    'assertion',
    'I3',
    `the deferred list of ${mdName(md)} changes without ${seams.deferredGuard}: ${bioName(bio)}`,
    site,
  );
}

/** Under deferred_lock. */
export function numberDeferred(bio: number, md: number, site: Site): void {
  deferredLockHeld(bio, md, site);
  const w = memory.words;
  const next = w[md + MD_NEXT_DEFERRED] as number;
  w[bio + BIO_ORDER] = next;
  w[md + MD_NEXT_DEFERRED] = (next + 1) | 0;
}

/** Under pushback_lock. */
export function numberPushedBack(bio: number, md: number): void {
  const w = memory.words;
  const next = w[md + MD_NEXT_PUSHED] as number;
  w[bio + BIO_ORDER] = next;
  w[md + MD_NEXT_PUSHED] = (next + 1) | 0;
}

/** Under pushback_lock and deferred_lock, before the lists are joined: what was pushed back gets the numbers in front. */
export function numberMerged(md: number, site: Site): void {
  const w = memory.words;
  let count = 0;
  let before = 0;
  for (let handle = w[md + MD_PUSHBACK] as number; handle !== 0; handle = w[addressOf(handle) + BIO_NEXT] as number) {
    const order = w[addressOf(handle) + BIO_ORDER] as number;
    if (count > 0 && ((order - before) | 0) < 0)
      report('reorder', 'I36', `${bioName(addressOf(handle))} stands behind one that was pushed back later`, site);
    before = order;
    count++;
  }
  if (count === 0) return;
  const first = w[md + MD_FIRST_DEFERRED] as number;
  if ((((w[md + MD_PUSHED_BELOW] as number) - first) | 0) < 0) w[md + MD_PUSHED_BELOW] = first;
  deferredLockHeld(addressOf(w[md + MD_PUSHBACK] as number), md, site);
  let order = (first - count) | 0;
  w[md + MD_FIRST_DEFERRED] = order;
  for (let handle = w[md + MD_PUSHBACK] as number; handle !== 0; handle = w[addressOf(handle) + BIO_NEXT] as number) {
    w[addressOf(handle) + BIO_ORDER] = order;
    order = (order + 1) | 0;
  }
}

/** Under deferred_lock: a bio is put in front of all others, also of those that were pushed back before it (I36 allows that there). */
export function numberPushedToHead(bio: number, md: number, site: Site): void {
  deferredLockHeld(bio, md, site);
  const w = memory.words;
  const first = w[md + MD_FIRST_DEFERRED] as number;
  if ((((w[md + MD_PUSHED_BELOW] as number) - first) | 0) < 0) w[md + MD_PUSHED_BELOW] = first;
  w[bio + BIO_ORDER] = (first - 1) | 0;
  w[md + MD_FIRST_DEFERRED] = (first - 1) | 0;
}

const wasPushedBack = (md: number, order: number): boolean =>
  ((order - (memory.words[md + MD_PUSHED_BELOW] as number)) | 0) < 0;

/** Whether a bio that was pushed back is the first of those that are deferred. */
export const pushedBackWaits = (md: number): boolean =>
  memory.words[md + MD_DEFERRED] !== 0 && wasPushedBack(md, memory.words[md + MD_FIRST_DEFERRED] as number);

/** Under deferred_lock: a barrier goes back to the place that it had, behind all that were pushed back since it was taken. */
export function numberPutBehind(bio: number, md: number, site: Site): void {
  deferredLockHeld(bio, md, site);
  const w = memory.words;
  const own = w[bio + BIO_ORDER] as number;
  for (let handle = w[md + MD_DEFERRED] as number; handle !== 0; handle = w[addressOf(handle) + BIO_NEXT] as number) {
    const order = w[addressOf(handle) + BIO_ORDER] as number;
    if (((order - own) | 0) > 0) break;
    w[addressOf(handle) + BIO_ORDER] = (order - 1) | 0;
  }
  w[md + MD_FIRST_DEFERRED] = ((w[md + MD_FIRST_DEFERRED] as number) - 1) | 0;
}

/** Under deferred_lock: kdmflush has taken a bio off the list. */
export function dispatchInOrder(bio: number, md: number, site: Site): void {
  deferredLockHeld(bio, md, site);
  const w = memory.words;
  const first = w[md + MD_FIRST_DEFERRED] as number;
  const order = w[bio + BIO_ORDER] as number;
  if (order !== first) overtaken(bio, md, wasPushedBack(md, order), site);
  w[md + MD_FIRST_DEFERRED] = (first + 1) | 0;
  w[md + MD_IN_HAND] = bio;
  w[md + MD_IN_HAND_GENERATION] = w[bio] as number;
}

function overtaken(bio: number, md: number, pushedBack: boolean, site: Site): never {
  const first = memory.words[md + MD_FIRST_DEFERRED] as number;
  if (!wasPushedBack(md, first))
    report('reorder', 'I37', `${bioName(bio)} of ${mdName(md)} overtakes one that was deferred before it`, site);
  if (pushedBack)
    report('reorder', 'I36', `${bioName(bio)} of ${mdName(md)} overtakes one that was pushed back before it`, site);
  report('reorder', 'I35', `${bioName(bio)} of ${mdName(md)} overtakes one that was pushed back`, site);
}

/**
 * A submitter maps its bio itself, with io_lock held: nothing may wait. A change of the list needs io_lock for writing, and
 * kdmflush lets submitters pass only when it has mapped everything.
 */
export function nothingWaits(bio: number, md: number, site: Site): void {
  // Taken off the list in its turn, under the lock, and mapped after that was let go.
  if (locationOf(bio) === DISPATCHED) return;
  const w = memory.words;
  const held = w[md + MD_IN_HAND] as number;
  const inHand = held !== 0 && w[held] === w[md + MD_IN_HAND_GENERATION] && locationOf(held) === DISPATCHED;
  // The list first: a completion on another CPU may put its bio there right now, and it numbers the bio before that. The flag is set before
  // anything is handed back, and stays set while io_lock is held here.
  //   submitter            | completion
  //   was one numbered? no
  //                        | numbers it, puts it at the head
  //   does one wait? yes: it would look like one that was there before the gate was opened
  const waiting = Atomics.load(w, md + MD_DEFERRED) !== 0;
  // Without a pushback list what is handed back lies here already before the suspend shuts the gate.
  const early = waiting && noflushIsSet(md) && wasPushedBack(md, w[md + MD_FIRST_DEFERRED] as number);
  if ((waiting && !early) || inHand) overtaken(bio, md, false, site);
}

/** A clone is made: it begins where the one before it ended. The splitter alone maps. */
export function rangeMapped(tio: number, site: Site): void {
  const w = memory.words;
  const io = addressOf(w[tio + TIO_IO] as number);
  const clone = addressOf(w[tio + TIO_CLONE] as number);
  const bio = addressOf(w[io + IO_BIO] as number);
  const mapped = w[io + IO_MAPPED] as number;
  const from = (w[clone + BIO_SECTOR] as number) - (w[bio + BIO_SECTOR] as number);
  if (from !== mapped)
    report('assertion', 'I38', `${bioName(bio)}: sector ${from} of it is mapped after ${mapped} sectors were`, site);
  w[io + IO_MAPPED] = mapped + (w[clone + BIO_SIZE] as number);
}

/** All clones have ended: they were the whole bio, unless there is an error. */
export function rangeComplete(io: number, site: Site): void {
  const w = memory.words;
  const bio = addressOf(w[io + IO_BIO] as number);
  const mapped = w[io + IO_MAPPED] as number;
  const size = w[bio + BIO_SIZE] as number;
  if (mapped === size || (mapped < size && w[io + IO_CAUSE] !== 0)) return;
  report('assertion', 'I38', `${bioName(bio)}: ${mapped} of its ${size} sectors were mapped`, site);
}

/** The mapped part of a split ends where the rest begins. */
export function splitInTwo(bio: number, part: number, site: Site): void {
  const w = memory.words;
  const end = (w[part + BIO_SECTOR] as number) + (w[part + BIO_SIZE] as number);
  if (end !== w[bio + BIO_SECTOR])
    report('assertion', 'I38', `the mapped part of a split is ${bioName(part)}, the rest is ${bioName(bio)}`, site);
}
