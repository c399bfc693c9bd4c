/**
 * What a bio is sent to: a name, a number, a size and a function that takes bios.
 *
 * Models struct block_device with its gendisk and queue as far as the bio path needs them. A device is found by name or by
 * MAJ:MIN, printed as MAJ:MIN.
 */
import { EBUSY, ENOMEM } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { atBoot } from '../shared/boot.ts';
import { FunctionTable } from '../shared/function-table.ts';
import { memory } from '../shared/memory.ts';
import { declareSpinLock, type SpinLock, spinLock, spinUnlock } from '../shared/spinlock.ts';
import { atomic, defineStruct, embed, flags, marked, plain, type Struct } from '../shared/struct.ts';
import type { Atomic, Flags, Marked } from '../shared/word.ts';
import type { Bio } from './bio.ts';

const NAME_WORDS = 8;
export const NAME_LENGTH_MAX = NAME_WORDS * 4 - 1;

export interface BlockDevice extends Struct {
  major: number;
  minor: number;
  /** Sectors; read by submitters while a resize may change it. 0: not checked. */
  readonly capacity: Marked;
  /** How often it is open; guarded by minorLock. */
  openCount: number;
  /** 1: it is going away and cannot be opened any more; guarded by minorLock. */
  deleting: number;
  /** An entry of `makeRequests`, and the handle of the driver's own object. */
  makeRequest: number;
  private: number;
  /** Handle of the request queue, 0 for a device that takes bios only. */
  queue: number;
  /** An entry of `congestedFns`, 0: its own `bdiState` says. */
  congestedFn: number;
  /** BDI_* bits that its driver sets and clears. Models bdi->state. */
  readonly bdiState: Flags;
  /** Handle of the inode of its block device file, 0 while none is in memory; guarded by inode_lock (inode.ts). */
  inode: number;
  /** So many allocations of that inode fail from now on. */
  readonly failBdget: Atomic;
  readonly name: { readonly word: number };
}

export const BlockDevice = defineStruct<BlockDevice>('block-device', 'bdev', 8, {
  major: plain,
  minor: plain,
  capacity: marked,
  openCount: plain,
  deleting: plain,
  makeRequest: plain,
  private: plain,
  queue: plain,
  congestedFn: plain,
  bdiState: flags,
  inode: plain,
  failBdget: atomic,
  name: embed(NAME_WORDS, (word) => ({ word })),
});

/** Guards open counts and deletion. Models _minor_lock; process context only. */
export let minorLock: SpinLock;
atBoot('minor-lock', () => {
  minorLock = declareSpinLock('&_minor_lock');
});

/** Opens the device that `text` names (name, path or MAJ:MIN); null when there is none or it is going away. */
export function* openBlockDevice(text: string): Kernel<BlockDevice | null> {
  yield* spinLock(minorLock, HERE);
  const found = lookupBlockDevice(text);
  const bdev = found === null || found.deleting !== 0 ? null : found;
  if (bdev !== null) bdev.openCount++;
  yield* spinUnlock(minorLock, HERE);
  return bdev;
}

/** Closes it again; gives how often it is still open. */
export function* closeBlockDevice(bdev: BlockDevice): Kernel<number> {
  yield* spinLock(minorLock, HERE);
  const left = --bdev.openCount;
  yield* spinUnlock(minorLock, HERE);
  return left;
}

/** Takes a bio that was sent to the device. Process context, may sleep. */
export type MakeRequest = (bdev: BlockDevice, bio: Bio) => Kernel<void>;
export const makeRequests = new FunctionTable<MakeRequest>('make_request');

/** The device has so many writes to do that background writers had better come later. */
export const BDI_WRITE_CONGESTED = 1 << 0;

/** Which of the BDI_* `bits` hold for a device over others. Any context that may take an irq-safe lock: must not sleep. */
type Congested = (bdev: BlockDevice, bits: number) => Kernel<number>;
export const congestedFns = new FunctionTable<Congested>('congested_fn');

/** Models bdi_congested. */
export function* bdiCongested(bdev: BlockDevice, bits: number): Kernel<number> {
  if (bdev.congestedFn !== 0) return yield* congestedFns.at(bdev.congestedFn)(bdev, bits);
  return (yield* bdev.bdiState.read(HERE)) & bits;
}

/** What a new device is called, and whose it is. */
export interface BlockDeviceOptions {
  readonly major: number;
  readonly minor: number;
  /** At most NAME_LENGTH_MAX ASCII characters. */
  readonly name: string;
  readonly makeRequest: number;
  readonly congestedFn?: number;
  readonly private: number;
  /** Handle of its request queue. */
  readonly queue?: number;
}

/** A device that others can find from now on; −EBUSY when its name or number is taken, −ENOMEM. */
export function* addBlockDevice(options: BlockDeviceOptions): Kernel<BlockDevice | number> {
  yield* spinLock(minorLock, HERE);
  const added = fillBlockDevice(options);
  yield* spinUnlock(minorLock, HERE);
  return added;
}

/** Under minorLock: who looks for a device finds all of it or none of it. */
function fillBlockDevice({
  major,
  minor,
  name,
  makeRequest,
  congestedFn = 0,
  private: owner,
  queue = 0,
}: BlockDeviceOptions): BlockDevice | number {
  if (lookupBlockDevice(`${major}:${minor}`) !== null || lookupBlockDevice(name) !== null) return -EBUSY;
  const bdev = BlockDevice.alloc();
  if (bdev === null) return -ENOMEM;
  bdev.major = major;
  bdev.minor = minor;
  bdev.makeRequest = makeRequest;
  bdev.congestedFn = congestedFn;
  bdev.private = owner;
  bdev.queue = queue;
  writeName(bdev, name);
  return bdev;
}

/** The device is gone; nobody has it open. */
export function* removeBlockDevice(bdev: BlockDevice): Kernel<void> {
  yield* spinLock(minorLock, HERE);
  BlockDevice.free(bdev);
  yield* spinUnlock(minorLock, HERE);
}

function writeName(bdev: BlockDevice, name: string): void {
  if (name.length > NAME_LENGTH_MAX) report('assertion', '', `the name ${name} is too long`);
  const w = memory.words;
  for (let i = 0; i < NAME_WORDS; i++) {
    let word = 0;
    for (let byte = 3; byte >= 0; byte--) word = (word << 8) | (name.charCodeAt(i * 4 + byte) || 0);
    w[bdev.name.word + i] = word;
  }
}

export function nameOf(bdev: BlockDevice): string {
  let name = '';
  for (let i = 0; i < NAME_WORDS * 4; i++) {
    const code = ((memory.words[bdev.name.word + (i >> 2)] as number) >> ((i & 3) * 8)) & 0xff;
    if (code === 0) break;
    name += String.fromCharCode(code);
  }
  return name;
}

/** `254:0` */
export function devNumber(bdev: BlockDevice): string {
  return `${bdev.major}:${bdev.minor}`;
}

/** The device with this name, path or MAJ:MIN, or null. Under minorLock. */
export function lookupBlockDevice(text: string): BlockDevice | null {
  const name = text.replace(/^\/dev\/(mapper\/)?/, '');
  return BlockDevice.live().find((bdev) => devNumber(bdev) === name || nameOf(bdev) === name) ?? null;
}
