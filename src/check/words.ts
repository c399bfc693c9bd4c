/**
 * The words that the oracles keep, and how they reach those of the kernel.
 *
 * On the real machine several workers hear different events of the same bio, so an oracle's state lies in shared memory,
 * inside the object that it is about: Bio.loc, order and cause, DmIo.cause, mapped and requeue, DmTargetIo.noflush, and these words of
 * MappedDevice.oracle:
 *
 *   0   gate: may I/O flow (suspend.ts)                       written with suspend_lock held
 *   1   number of the first deferred bio                      deferred_lock
 *   2   number of the next bio to be deferred                 deferred_lock
 *   3   deferred bios with a lower number were pushed back    deferred_lock
 *   4   number of the next bio to be pushed back              pushback_lock
 *   5   the bio that kdmflush has in hand, and its slot's     kdmflush
 *   6   generation
 *   7   noflush suspends that have begun                      suspend_lock
 *   8   noflush suspends that have ended                      suspend_lock
 *   9   the last event_nr                                     _event_lock
 *   10  the last noflush suspend that gave 0                  suspend_lock
 *   11  the last noflush suspend by which a bio was covered that was refused after all
 *   12  three of rq-clone.ts, four of barrier.ts
 *
 * Oracles read kernel words as they lie, past the checks of the accessors: each read is at an event where its lock is held or
 * its object is owned.
 */
import { Bio } from '../block/bio.ts';
import { BlockDevice, nameOf } from '../block/block-device.ts';
import { DmIo, DmTargetIo } from '../core/dm-io.ts';
import { MappedDevice } from '../core/mapped-device.ts';
import { memory } from '../shared/memory.ts';
import { eachLiveSlot } from '../shared/slab.ts';
import type { Struct, StructType } from '../shared/struct.ts';

export const MD_GATE = MappedDevice.offsetOf('oracle');
export const MD_FIRST_DEFERRED = MD_GATE + 1;
export const MD_NEXT_DEFERRED = MD_GATE + 2;
export const MD_PUSHED_BELOW = MD_GATE + 3;
export const MD_NEXT_PUSHED = MD_GATE + 4;
export const MD_IN_HAND = MD_GATE + 5;
export const MD_IN_HAND_GENERATION = MD_GATE + 6;
export const MD_NOFLUSH_BEGUN = MD_GATE + 7;
export const MD_NOFLUSH_ENDED = MD_GATE + 8;
export const MD_EVENT_NR = MD_GATE + 9;
export const MD_NOFLUSH_DONE = MD_GATE + 10;
export const MD_REFUSED_COVER = MD_GATE + 11;
/** Three words; rq-clone.ts draws them. */
export const MD_FLUSHES = MD_GATE + 12;
/** Four words; barrier.ts draws them. */
export const MD_BARRIER = MD_GATE + 15;

export const MD_FLAGS = MappedDevice.offsetOf('flags');
export const MD_PENDING = MappedDevice.offsetOf('pending');
export const MD_DEFERRED = MappedDevice.offsetOf('deferred');
export const MD_PUSHBACK = MappedDevice.offsetOf('pushback');

export const BIO_LOC = Bio.offsetOf('loc');
export const BIO_ORDER = Bio.offsetOf('order');
export const BIO_CAUSE = Bio.offsetOf('cause');
export const BIO_FLAGS = Bio.offsetOf('bioFlags');
export const BIO_SECTOR = Bio.offsetOf('sector');
export const BIO_SIZE = Bio.offsetOf('size');
export const BIO_END_IO = Bio.offsetOf('endIo');
export const BIO_PRIVATE = Bio.offsetOf('private');
export const BIO_NEXT = Bio.offsetOf('next');

export const IO_MD = DmIo.offsetOf('md');
export const IO_BIO = DmIo.offsetOf('bio');
export const IO_COUNT = DmIo.offsetOf('ioCount');
export const IO_CAUSE = DmIo.offsetOf('cause');
export const IO_MAPPED = DmIo.offsetOf('mapped');
export const IO_REQUEUE = DmIo.offsetOf('requeue');
export const IO_ERROR = DmIo.offsetOf('error');

export const TIO_IO = DmTargetIo.offsetOf('io');
export const TIO_CLONE = DmTargetIo.offsetOf('clone');
export const TIO_INFO = DmTargetIo.offsetOf('info');
export const TIO_NOFLUSH = DmTargetIo.offsetOf('noflush');

/** The slot that a handle leads to. */
export function addressOf(handle: number): number {
  return (handle & 0x1ffff) << 3;
}

/** The mapped device of a clone. */
export function mdOfTio(tio: number): number {
  const w = memory.words;
  return addressOf(w[addressOf(w[tio + TIO_IO] as number) + IO_MD] as number);
}

/** Calls `visit` with the address of each live object of a kind. */
export function eachLive(type: StructType<Struct>, visit: (address: number) => void): void {
  const slab = memory.plan?.slabs.get(type.name);
  if (slab !== undefined) eachLiveSlot(slab, visit);
}

export function mdName(md: number): string {
  return nameOf(BlockDevice.at(MappedDevice.atAddress(md).bdev));
}

/** `the bio of sectors 4 to 7` */
export function bioName(bio: number): string {
  const w = memory.words;
  const first = w[bio + BIO_SECTOR] as number;
  const size = w[bio + BIO_SIZE] as number;
  return size === 1 ? `the bio of sector ${first}` : `the bio of sectors ${first} to ${first + size - 1}`;
}
