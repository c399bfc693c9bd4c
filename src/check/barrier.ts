/**
 * Barriers of a bio-based device: I40 BARRIER_ORDER as far as the device itself keeps it, I42 FLUSH_FANOUT, I43
 * BARRIER_ERROR_RANK. That the disk below makes durable what it says, and in which order, is request.ts.
 *
 * Words of MappedDevice.oracle (words.ts), from MD_BARRIER on; all of kdmflush but the third:
 *
 *   0   the barrier that kdmflush serves, 0: none
 *   1   parts of it that are over: 1 a flush, 2 its data, 4 a flush after that
 *   2   the first error that any part said        one part at a time
 *   3   clones of the flush under way that targets were asked to map
 *
 * The empty bio of a flush is used again and again. It is made new for each, and its causes are those of its barrier.
 */
import { DmTable } from '../core/dm-table.ts';
import { DM_ENDIO_REQUEUE } from '../core/dm-target.ts';
import { MappedDevice } from '../core/mapped-device.ts';
import { EOPNOTSUPP, errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import type { Site } from '../machine/site.ts';
import { memory } from '../shared/memory.ts';
import { flushBegun, flushOver } from './bio-location.ts';
import { bioFails, forgetAllCauses, forgetCauses } from './errors.ts';
import { flushAsked, flushesOf } from './flush-numbers.ts';
import { pushedBackWaits } from './order.ts';
import {
  addressOf,
  BIO_CAUSE,
  BIO_SIZE,
  bioName,
  IO_BIO,
  MD_BARRIER,
  MD_PENDING,
  MD_PUSHBACK,
  mdName,
  TIO_INFO,
  TIO_IO,
} from './words.ts';

const PARTS = MD_BARRIER + 1;
const FIRST_ERROR = MD_BARRIER + 2;
const ASKED = MD_BARRIER + 3;
const MD_BARRIER_BIO = MappedDevice.offsetOf('barrierBio');
const MD_MAP = MappedDevice.offsetOf('map');

const FLUSHED = 1;
const WRITTEN = 2;
const FLUSHED_AGAIN = 4;

const flushOf = (md: number): number => addressOf(memory.words[md + MD_BARRIER_BIO] as number);

export function barrierBegins(md: number, bio: number): void {
  const w = memory.words;
  w[md + MD_BARRIER] = bio;
  w[md + PARTS] = 0;
  w[md + FIRST_ERROR] = 0;
}

/** Between two parts of a barrier nothing is in flight. */
function nothingInFlight(md: number, what: string, site: Site): void {
  const pending = Atomics.load(memory.words, md + MD_PENDING);
  if (pending !== 0) report('reorder', 'I40', `a barrier of ${mdName(md)} ${what} while pending is ${pending}`, site);
}

/** A flush is about to be sent. The first one says that all older I/O has ended. */
export function barrierFlushes(md: number, flush: number, site: Site): void {
  const w = memory.words;
  nothingInFlight(md, 'sends a flush', site);
  if (w[md + PARTS] === 0 && (w[md + MD_PUSHBACK] !== 0 || pushedBackWaits(md)))
    report('reorder', 'I40', `a barrier of ${mdName(md)} overtakes a bio that was pushed back before it`, site);
  flushBegun(flush, site);
  forgetAllCauses(flush);
  w[md + ASKED] = 0;
}

/** A target is asked to map a clone: perhaps one of a flush. */
export function barrierCloneAsked(tio: number, md: number, ti: number, site: Site): void {
  const w = memory.words;
  if (w[md + MD_BARRIER] === 0 || addressOf(w[addressOf(w[tio + TIO_IO] as number) + IO_BIO] as number) !== flushOf(md))
    return;
  flushAsked(w[md + ASKED] as number, ti, w[tio + TIO_INFO] as number, site);
  (w[md + ASKED] as number)++;
}

/** Nobody swaps the table while kdmflush works. */
function flushesNeeded(md: number): number {
  const handle = memory.words[md + MD_MAP] as number;
  return handle === 0 ? 0 : flushesOf(DmTable.at(handle));
}

export function barrierFlushed(md: number, flush: number, site: Site): void {
  const w = memory.words;
  const needed = flushesNeeded(md);
  if (w[md + ASKED] !== needed)
    report('assertion', 'I42', `a flush of ${mdName(md)} asks for ${w[md + ASKED]} flushes, not ${needed}`, site);
  const barrier = w[md + MD_BARRIER] as number;
  w[md + PARTS] = (w[md + PARTS] as number) | ((w[md + PARTS] as number) & WRITTEN ? FLUSHED_AGAIN : FLUSHED);
  bioFails(barrier, w[flush + BIO_CAUSE] as number);
  flushOver(flush);
}

/** A bio is mapped: during a barrier only its parts are. */
export function barrierKeepsOut(bio: number, md: number, site: Site): void {
  const w = memory.words;
  const barrier = w[md + MD_BARRIER] as number;
  if (barrier === 0 || bio === flushOf(md)) return;
  if (bio !== barrier)
    report('reorder', 'I40', `${bioName(bio)} of ${mdName(md)} is mapped before the end of a barrier`, site);
  if ((w[md + PARTS] as number) !== FLUSHED)
    report('reorder', 'I40', `the data of a barrier of ${mdName(md)} is mapped before its flush is over`, site);
  w[md + PARTS] = (w[md + PARTS] as number) | WRITTEN;
}

export function barrierPartFails(md: number, error: number): void {
  const w = memory.words;
  if (w[md + FIRST_ERROR] === 0 && error !== -EOPNOTSUPP) w[md + FIRST_ERROR] = error;
}

const text = (error: number): string => (error === DM_ENDIO_REQUEUE ? 'REQUEUE' : errnoText(error));

/** It ends with `result`, or goes back. */
export function barrierEnds(md: number, result: number, site: Site): void {
  const w = memory.words;
  const barrier = w[md + MD_BARRIER] as number;
  w[md + MD_BARRIER] = 0;
  const parts = w[md + PARTS] as number;
  // Sent back before its first part.
  if (parts === 0 && result === DM_ENDIO_REQUEUE) return;
  nothingInFlight(md, 'ends', site);
  const whole = w[barrier + BIO_SIZE] === 0 ? FLUSHED : FLUSHED | WRITTEN | FLUSHED_AGAIN;
  const noTable = w[md + MD_MAP] === 0;
  if (parts !== whole && !noTable)
    report('reorder', 'I40', `a barrier of ${mdName(md)} ends without a flush that it needs`, site);
  const wanted = w[md + FIRST_ERROR] as number;
  if (result !== wanted)
    report('wrong-error', 'I43', `a barrier of ${mdName(md)} comes to ${text(result)}, not ${text(wanted)}`, site);
  // What failed was no error of the barrier: a device below cannot flush.
  if (result === 0) forgetCauses(barrier);
}

/** It goes back behind bios that were pushed back. */
export function barrierGoesBehind(md: number): void {
  memory.words[md + MD_BARRIER] = 0;
}
