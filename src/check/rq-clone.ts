/**
 * Clones of requests and flushes of a request-based device: I9 and I10 for its targets, I21 ONE_FLUSH, I25
 * CLONE_COMPLETION_ONCE, I29 of clones, I42 FLUSH_FANOUT, I43 BARRIER_ERROR_RANK.
 *
 * DmRqTargetIo.oracle says where the clone is: new, mapped, done. Words of MappedDevice.oracle (words.ts), from MD_FLUSHES on:
 *
 *   0   clones of the flush that were mapped     kdmflush
 *   1   clones of it that have ended             compare-and-swap
 *   2   what they said: 1 an error, 2 REQUEUE, 4 −EOPNOTSUPP     or
 */
import { blkOrderedCurSeq, QUEUE_ORDSEQ_POSTFLUSH, QUEUE_ORDSEQ_PREFLUSH } from '../block/ordered-seq.ts';
import { REQ_HARDBARRIER, Request } from '../block/request.ts';
import { RequestQueue } from '../block/request-queue.ts';
import { DmRqTargetIo } from '../core/dm-rq-target-io.ts';
import { DmTable } from '../core/dm-table.ts';
import { DM_ENDIO_REQUEUE } from '../core/dm-target.ts';
import { MappedDevice } from '../core/mapped-device.ts';
import { EOPNOTSUPP, errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import type { Site } from '../machine/site.ts';
import { memory } from '../shared/memory.ts';
import { flushAsked, flushesOf } from './flush-numbers.ts';
import { targetAsked } from './suspend.ts';
import { addressOf, eachLive, MD_FLUSHES, mdName } from './words.ts';

const TIO_LOC = DmRqTargetIo.offsetOf('oracle');
const TIO_MD = DmRqTargetIo.offsetOf('md');
const TIO_ORIG = DmRqTargetIo.offsetOf('orig');
const ENDED = MD_FLUSHES + 1;
const SAID = MD_FLUSHES + 2;

const NEW = 0;
const MAPPED = 1;
const DONE = 2;
const FREED = 3;

const ERROR = 1;
const REQUEUE = 2;
const UNSUPPORTED = 4;

function move(tio: number, from: number, to: number, what: string, site: Site): void {
  const w = memory.words;
  const place = w[tio + TIO_LOC] as number;
  if (((from >> place) & 1) === 0 || Atomics.compareExchange(w, tio + TIO_LOC, place, to) !== place)
    report('double-completion', 'I25', `the clone of a request ${what} twice`, site);
}

/** Its target is asked. */
export function cloneMapped(tio: number, ti: number, site: Site): void {
  const md = addressOf(memory.words[tio + TIO_MD] as number);
  targetAsked(md, ti, site);
  move(tio, 1 << NEW, MAPPED, 'is mapped', site);
  const record = DmRqTargetIo.atAddress(tio);
  if ((Request.at(record.clone).cmdFlags & REQ_HARDBARRIER) === 0) return;
  flushAsked(memory.words[md + MD_FLUSHES] as number, ti, record.info, site);
  (memory.words[md + MD_FLUSHES] as number)++;
}

/** It comes back; `ti` 0: its target does not hear of it. */
export function cloneDone(tio: number, ti: number, site: Site): void {
  if (ti !== 0) targetAsked(addressOf(memory.words[tio + TIO_MD] as number), ti, site);
  move(tio, (1 << NEW) | (1 << MAPPED), DONE, 'comes back', site);
}

export function rqCloneFreed(tio: number, site: Site): void {
  move(tio, (1 << NEW) | (1 << MAPPED) | (1 << DONE), FREED, 'is freed', site);
}

/** I29: a request ends; a clone of it that no target has got would never be freed. */
export function originalEnds(rq: number, site: Site): void {
  const w = memory.words;
  eachLive(DmRqTargetIo, (tio) => {
    const orig = w[tio + TIO_ORIG] as number;
    if (orig === 0 || w[tio + TIO_LOC] !== NEW || addressOf(orig) !== rq) return;
    const md = mdName(addressOf(w[tio + TIO_MD] as number));
    report('leak', 'I29', `a request of ${md} ends, and nobody has the clone that was made of it`, site);
  });
}

/** All clones of the device, mapped or not. */
export function clonesOf(md: number): number {
  let count = 0;
  eachLive(DmRqTargetIo, (tio) => {
    if (memory.words[tio + TIO_MD] !== 0 && addressOf(memory.words[tio + TIO_MD] as number) === md) count++;
  });
  return count;
}

/** Clones that count in pending, and whether some are not back yet. */
export function clonesInFlight(md: number): { readonly count: number; readonly below: boolean } {
  let count = 0;
  let below = false;
  eachLive(DmRqTargetIo, (tio) => {
    const place = memory.words[tio + TIO_LOC] as number;
    if (addressOf(memory.words[tio + TIO_MD] as number) !== md || (place !== MAPPED && place !== DONE)) return;
    count++;
    if (place === MAPPED) below = true;
  });
  return { count, below };
}

const flushIsDue = (md: MappedDevice): boolean =>
  [QUEUE_ORDSEQ_PREFLUSH, QUEUE_ORDSEQ_POSTFLUSH].includes(blkOrderedCurSeq(RequestQueue.at(md.queue)));

/** request_fn hands a flush over; with queue_lock held. */
export function flushHandedOver(address: number, site: Site): void {
  const md = MappedDevice.atAddress(address);
  if (md.flushRequest !== 0)
    report('assertion', 'I21', `a flush of ${mdName(address)} comes while another is being served`, site);
  if (!flushIsDue(md))
    report('assertion', 'I21', `a flush of ${mdName(address)} comes although no barrier needs one`, site);
}

/** While nothing moves. */
export function checkFlushSlot(md: MappedDevice): void {
  if (md.flushRequest !== 0 && !flushIsDue(md))
    report('assertion', 'I21', `${mdName(md.address)} keeps a flush although no barrier needs one`);
}

export function flushBegins(md: number): void {
  memory.words.fill(0, md + MD_FLUSHES, md + MD_FLUSHES + 3);
}

/** Clones may end on several CPUs at once. */
export function flushCloneEnds(md: number, error: number): void {
  const w = memory.words;
  Atomics.add(w, md + ENDED, 1);
  if (error === 0) return;
  Atomics.or(w, md + SAID, error === -EOPNOTSUPP ? UNSUPPORTED : error === DM_ENDIO_REQUEUE ? REQUEUE : ERROR);
}

/** pending is 0: the flush has come to `error`. */
export function flushDone(address: number, error: number, site: Site): void {
  const w = memory.words;
  const md = MappedDevice.atAddress(address);
  if (md.map === 0) return;
  const needed = flushesOf(DmTable.at(md.map));
  const mapped = w[address + MD_FLUSHES] as number;
  const ended = w[address + ENDED] as number;
  if (mapped !== needed || ended !== needed)
    report(
      'assertion',
      'I42',
      `a flush of ${mdName(address)} needs ${needed} clones; ${mapped} were mapped, ${ended} have ended`,
      site,
    );
  const said = w[address + SAID] as number;
  const right =
    (said & UNSUPPORTED) !== 0
      ? error === -EOPNOTSUPP
      : (said & REQUEUE) !== 0
        ? error === DM_ENDIO_REQUEUE
        : (said & ERROR) !== 0
          ? error < 0 && error !== -EOPNOTSUPP
          : error === 0;
  if (!right)
    report(
      'wrong-error',
      'I43',
      `a flush of ${mdName(address)} comes to ${error > 0 ? 'REQUEUE' : errnoText(error)}, but its clones said ${saidText(said)}`,
      site,
    );
}

function saidText(said: number): string {
  const words = [
    [UNSUPPORTED, '-EOPNOTSUPP'],
    [REQUEUE, 'REQUEUE'],
    [ERROR, 'an error'],
  ] as const;
  return words.flatMap(([bit, word]) => ((said & bit) === 0 ? [] : [word])).join(', ') || 'nothing';
}
