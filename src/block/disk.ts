/**
 * Disks: media in shared memory, a service time, and a completion in the context that the mode says.
 *
 *   inline    the bio ends inside the driver, on the submitter's stack
 *   hardirq   the interrupt actor lets the service time pass and interrupts a CPU; the bio ends in the hard interrupt
 *   softirq   the same, but the hard interrupt leaves the end to the BLOCK softirq
 *
 * Faults: the next n I/Os fail; all I/O hangs until it is released (not inline: there the driver has no later).
 */

import { Alarm, devices } from '../irq/alarm.ts';
import { LINE_DEVICE } from '../irq/interrupt.ts';
import { BLOCK_SOFTIRQ, raiseSoftirq } from '../irq/softirq.ts';
import { EIO, errnoText } from '../machine/errno.ts';
import { CAUSE_DEVICE, EV_BIO_ERROR, emit, listening } from '../machine/events.ts';
import { report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { atomic, defineStruct, plain, type Struct } from '../shared/struct.ts';
import type { Atomic } from '../shared/word.ts';
import { Bio, bioEndio, REQ_WRITE } from './bio.ts';
import { appendDone } from './blk-softirq.ts';
import { addBlockDevice, BlockDevice, makeRequests } from './block-device.ts';
import { type HeldBack, heldBackField, holdBack, startService, takeFault } from './disk-faults.ts';

export const DISK_MAJOR = 1;

export const DISK_MODES = ['inline', 'hardirq', 'softirq'] as const;
export type DiskMode = (typeof DISK_MODES)[number];

export interface DiskOptions {
  /** As table lines name it. */
  readonly name: string;
  readonly minor: number;
  readonly sectors: number;
  readonly mode: DiskMode;
  /** Shortest service time and how much longer it can be, in microseconds. */
  readonly latencyUs?: readonly [number, number];
  /** Interrupt any CPU instead of the submitting one. */
  readonly anyCpu?: boolean;
}

export interface Disk extends Struct {
  bdev: number;
  /** First word of the media. */
  media: number;
  mode: number;
  latencyUs: number;
  latencySpreadUs: number;
  anyCpu: number;
  /** So many I/Os fail with −EIO from now on. */
  readonly failNext: Atomic;
  readonly heldBack: HeldBack;
}

export const Disk = defineStruct<Disk>('disk', 'disk', 4, {
  bdev: plain,
  media: plain,
  mode: plain,
  latencyUs: plain,
  latencySpreadUs: plain,
  anyCpu: plain,
  failNext: atomic,
  heldBack: heldBackField,
});

/** Declares the media of a disk; every worker does so while it builds the scenario. */
export function declareMedia(sectors: number): number {
  return staticWords(sectors);
}

/** Plugs a disk in: from now on table lines can name it. */
export function* addDisk(options: DiskOptions, media: number): Kernel<Disk> {
  const disk = Disk.alloc();
  if (disk === null) report('assertion', '', `there is no room for disk ${options.name}`);
  const { minor, name } = options;
  const bdev = yield* addBlockDevice({
    major: DISK_MAJOR,
    minor,
    name,
    makeRequest: DISK_MAKE_REQUEST,
    private: disk.handle,
  });
  if (typeof bdev === 'number') report('assertion', '', `disk ${name} cannot be added: ${errnoText(bdev)}`);
  yield* bdev.capacity.write(options.sectors, HERE);
  disk.bdev = bdev.handle;
  disk.media = media;
  disk.mode = DISK_MODES.indexOf(options.mode);
  disk.latencyUs = options.latencyUs?.[0] ?? 20;
  disk.latencySpreadUs = options.latencyUs?.[1] ?? 60;
  disk.anyCpu = options.anyCpu === true ? 1 : 0;
  return disk;
}

/** Moves the data. The media belong to the device, so this is no operation of a CPU. */
function transfer(disk: Disk, bio: Bio): void {
  const w = memory.words;
  const media = disk.media + bio.sector;
  const data = bio.data;
  const size = bio.size;
  if ((bio.bioFlags & REQ_WRITE) !== 0) for (let i = 0; i < size; i++) w[media + i] = w[data + i] as number;
  else for (let i = 0; i < size; i++) w[data + i] = w[media + i] as number;
}

/** Serves a bio; gives 0 or −EIO. */
function* serve(disk: Disk, bio: Bio): Kernel<number> {
  if (yield* takeFault(disk.failNext)) {
    if (listening !== 0) emit(EV_BIO_ERROR, bio.address, CAUSE_DEVICE, HERE);
    return -EIO;
  }
  transfer(disk, bio);
  return 0;
}

const DISK_MAKE_REQUEST = makeRequests.define('disk', function* diskMakeRequest(bdev, bio): Kernel<void> {
  const disk = Disk.at(bdev.private);
  if (disk.mode === 0) {
    yield* bioEndio(bio, yield* serve(disk, bio));
    return;
  }
  yield* startService(disk, DISK_DEVICE, bio.handle);
});

const diskOf = (alarm: Alarm): Disk => Disk.at(BlockDevice.at(Bio.at(alarm.arg).bdev).private);

const DISK_DEVICE = devices.define('disk', {
  line: LINE_DEVICE,
  *elapsed(alarm): Kernel<number> {
    const disk = diskOf(alarm);
    if (yield* holdBack(disk, alarm)) return 0;
    alarm.result = yield* serve(disk, Bio.at(alarm.arg));
    return 1;
  },
  *interrupt(alarm): Kernel<void> {
    const bio = Bio.at(alarm.arg);
    const result = alarm.result;
    const softirq = diskOf(alarm).mode === 2;
    if (softirq) {
      appendDone(alarm);
      yield* raiseSoftirq(BLOCK_SOFTIRQ, HERE);
      return;
    }
    Alarm.free(alarm);
    yield* bioEndio(bio, result);
  },
});
