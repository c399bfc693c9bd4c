/**
 * I6 PUSHBACK_ONLY_NOFLUSH, I8 PUSHBACK_EMPTY, I12 PRESUSPEND_VISIBLE: what may be pushed back, and when. Of I53: what must be.
 *
 * The pushback list of its own is meant here. Where bios go to the head of the deferred list (2.6.33), the flag may be cleared without the
 * list's lock, and what is put there is found all the same; of I36 nothing is asked.
 *
 * I12: a target that says REQUEUE has seen NOFLUSH set. When it looked is not known, but it looked while it had the clone. The
 * clone remembers how many noflush suspends had begun when it was mapped, or −1 when one was under way; if that number is
 * still the same at the REQUEUE, NOFLUSH was clear all the time. The count of begun ones rises before the flag is set, the
 * count of ended ones after it is clear.
 */
import { DM_ENDIO_REQUEUE } from '../core/dm-target.ts';
import { DMF_NOFLUSH_SUSPENDING, MappedDevice } from '../core/mapped-device.ts';
import { errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import type { Site } from '../machine/site.ts';
import { memory } from '../shared/memory.ts';
import { cpu } from '../shared/per-cpu.ts';
import { spinLockOwner } from '../shared/spinlock.ts';
import {
  addressOf,
  BIO_ORDER,
  bioName,
  IO_BIO,
  IO_ERROR,
  IO_MD,
  IO_REQUEUE,
  MD_FLAGS,
  MD_NOFLUSH_BEGUN,
  MD_NOFLUSH_DONE,
  MD_NOFLUSH_ENDED,
  MD_REFUSED_COVER,
  mdName,
  TIO_IO,
  TIO_NOFLUSH,
} from './words.ts';

export function noflushIsSet(md: number): boolean {
  return (Atomics.load(memory.words, md + MD_FLAGS) & DMF_NOFLUSH_SUSPENDING) !== 0;
}

/**
 * The noflush suspend that is under way, or −1. The flag alone does not say whose it is: the one that was counted last may have
 * ended and another begun. So the number is read on both sides of the flag.
 */
function noflushUnderWay(md: number): number {
  const w = memory.words;
  const begun = Atomics.load(w, md + MD_NOFLUSH_BEGUN);
  return noflushIsSet(md) && Atomics.load(w, md + MD_NOFLUSH_BEGUN) === begun ? begun : -1;
}

/** All clones of the I/O have ended: bio.order remembers the noflush suspend that covers it, −1 for none. */
export function rememberCover(io: number): void {
  const w = memory.words;
  w[addressOf(w[io + IO_BIO] as number) + BIO_ORDER] = noflushUnderWay(addressOf(w[io + IO_MD] as number));
}

/**
 * Whether a noflush suspend has covered the bio since its last clone ended. That the flag is set now is not enough: suspend
 * sets it without pushback_lock, so it may have been set since the core looked.
 */
export function isCovered(bio: number, md: number): boolean {
  const w = memory.words;
  return noflushIsSet(md) && w[bio + BIO_ORDER] === Atomics.load(w, md + MD_NOFLUSH_BEGUN);
}

const holdsPushbackLock = (md: number): boolean => spinLockOwner(MappedDevice.atAddress(md).pushbackLock) === cpu + 1;

/** A target wants the I/O back: DmIo.requeue remembers the noflush suspend that is under way, if there is one. */
export function rememberRequeue(tio: number, md: number): void {
  const w = memory.words;
  const begun = noflushUnderWay(md);
  if (begun !== -1) w[addressOf(w[tio + TIO_IO] as number) + IO_REQUEUE] = begun;
}

/** All clones have ended: REQUEUE has won, if the suspend in which a target said so has been under way ever since. */
export function requeueHasWon(io: number, site: Site): void {
  const w = memory.words;
  const bio = addressOf(w[io + IO_BIO] as number);
  const cover = w[bio + BIO_ORDER] as number;
  if (cover === -1 || w[io + IO_REQUEUE] !== cover || w[io + IO_ERROR] === DM_ENDIO_REQUEUE) return;
  report(
    'wrong-error',
    'I53',
    `${bioName(bio)} fails with ${errnoText(w[io + IO_ERROR] as number)} in a noflush suspend in which a target has handed it back`,
    site,
  );
}

/** A bio is refused, and no noflush suspend covers it any more. One that did must not have succeeded. */
export function refusedAfter(bio: number, md: number, site: Site): void {
  const w = memory.words;
  const cover = w[bio + BIO_ORDER] as number;
  if (cover === -1) return;
  // The suspender writes and reads these two in the other order, so one of the two sees both.
  Atomics.store(w, md + MD_REFUSED_COVER, cover);
  if (Atomics.load(w, md + MD_NOFLUSH_DONE) === cover)
    report(
      'wrong-error',
      'I53',
      `${bioName(bio)} fails with -EIO for a REQUEUE after the noflush suspend of ${mdName(md)} that covered it has succeeded`,
      site,
    );
}

/** A noflush suspend gives 0: no bio that it covered has been refused. Before noflushEnds. */
export function noflushSucceeds(md: number, site: Site): void {
  const w = memory.words;
  const begun = w[md + MD_NOFLUSH_BEGUN] as number;
  if (w[md + MD_NOFLUSH_ENDED] === begun) return;
  Atomics.store(w, md + MD_NOFLUSH_DONE, begun);
  if (Atomics.load(w, md + MD_REFUSED_COVER) === begun)
    report(
      'wrong-error',
      'I53',
      `a noflush suspend of ${mdName(md)} gives 0, but a bio that it covered has failed with -EIO for a REQUEUE`,
      site,
    );
}

/** Under the lock the flag cannot be cleared, so the test is exact. */
export function pushbackAllowed(bio: number, md: number, site: Site): void {
  if (!holdsPushbackLock(md))
    report(
      'assertion',
      'I6',
      `${bioName(bio)} is put on the pushback list of ${mdName(md)} without pushback_lock`,
      site,
    );
  if (!noflushIsSet(md))
    report(
      'lost-bio',
      'I8',
      `${bioName(bio)} is put on the pushback list of ${mdName(md)} while NOFLUSH is clear: nobody will look at the list`,
      site,
    );
}

/** Suspend takes all that is on the list. Without the lock somebody may have seen the flag and not appended yet. */
export function pushbackTaken(md: number, site: Site): void {
  if (!holdsPushbackLock(md))
    report('assertion', 'I8', `the pushback list of ${mdName(md)} is emptied without pushback_lock`, site);
}

/** Suspend is about to set NOFLUSH. */
export function noflushBegins(md: number): void {
  Atomics.add(memory.words, md + MD_NOFLUSH_BEGUN, 1);
}

/** Suspend returns, NOFLUSH is clear. */
export function noflushEnds(md: number): void {
  const w = memory.words;
  Atomics.store(w, md + MD_NOFLUSH_ENDED, w[md + MD_NOFLUSH_BEGUN] as number);
}

export function rememberNoflush(tio: number, md: number): void {
  const w = memory.words;
  const ended = Atomics.load(w, md + MD_NOFLUSH_ENDED);
  const begun = Atomics.load(w, md + MD_NOFLUSH_BEGUN);
  w[tio + TIO_NOFLUSH] = begun === ended ? begun : -1;
}

export function requeueAllowed(tio: number, md: number, site: Site): void {
  const w = memory.words;
  if (w[tio + TIO_NOFLUSH] === Atomics.load(w, md + MD_NOFLUSH_BEGUN))
    report(
      'wrong-error',
      'I12',
      `a target of ${mdName(md)} says REQUEUE, but no noflush suspend was under way since it was asked`,
      site,
    );
}
