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
import { atomic, defineStruct, embed, marked, plain, type Struct } from '../shared/struct.ts';
import type { Atomic, Marked } from '../shared/word.ts';
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

/** What a new device is called, and whose it is. */
export interface BlockDeviceOptions {
  readonly major: number;
  readonly minor: number;
  /** At most NAME_LENGTH_MAX ASCII characters. */
  readonly name: string;
  readonly makeRequest: number;
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
  private: owner,
  queue = 0,
}: BlockDeviceOptions): BlockDevice | number {
  if (lookupBlockDevice(`${major}:${minor}`) !== null || lookupBlockDevice(name) !== null) return -EBUSY;
  const bdev = BlockDevice.alloc();
  if (bdev === null) return -ENOMEM;
  bdev.major = major;
  bdev.minor = minor;
  bdev.makeRequest = makeRequest;
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
function lookupBlockDevice(text: string): BlockDevice | null {
  const name = text.replace(/^\/dev\/(mapper\/)?/, '');
  return BlockDevice.live().find((bdev) => devNumber(bdev) === name || nameOf(bdev) === name) ?? null;
}
