/**
 * A request-based mapped device over disks with a request queue and a volatile cache: what scenarios of barriers begin with.
 */
import { BIO_RW_BARRIER, BIO_RW_UNPLUG } from '../block/bio.ts';
import { BlockDevice } from '../block/block-device.ts';
import { addRequestDisk, cacheOf, RequestDisk, type RequestDiskOptions } from '../block/request-disk.ts';
import { cachedMediaWords, declareCachedMedia, type WriteCache } from '../block/write-cache.ts';
import { dmCreate, dmTableLoad, doResume } from '../core/ioctl.ts';
import { MappedDevice } from '../core/mapped-device.ts';
import { errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { memory, staticWords } from '../shared/memory.ts';

/** Sectors of the disk. */
export const REQUEST_DEVICE_SECTORS = 4;
/** Static words that a device over so many disks declares. */
export const requestDeviceWords = (disks: number): number => 1 + disks * (1 + cachedMediaWords(REQUEST_DEVICE_SECTORS));
export const REQUEST_DEVICE_WORDS = requestDeviceWords(1);

/** Slots for the device, with so many requests in the pool of each queue. */
export const requestSlots = (nrRequests: number, disks = 1): Readonly<Record<string, number>> => ({
  'request-disk': disks,
  'request-queue': 1 + disks,
  // Of all queues: their own three, their pools, and the clones.
  request: (1 + disks) * (3 + 2 * nrRequests) + 4,
  'dm-rq-target-io': nrRequests + 4,
});

/** Of a request-based device. */
export const NO_REQUESTS = {
  '2.6.20': 'it has neither request-based devices nor a kdmflush that would send barriers',
} as const;

export const BARRIER = BIO_RW_BARRIER | BIO_RW_UNPLUG;

export interface RequestDeviceOptions extends Partial<RequestDiskOptions> {
  /** Lines of a table over `disk0` and so on; null: users go to the first disk itself. */
  readonly table: string | null;
  /** What disks after the first have otherwise. */
  readonly others?: Partial<RequestDiskOptions>;
}

export class RequestDevice {
  readonly #md = staticWords(1);
  readonly #disks: number;
  readonly #media: readonly number[];

  constructor(disks = 1) {
    this.#disks = staticWords(disks);
    this.#media = Array.from({ length: disks }, () => declareCachedMedia(REQUEST_DEVICE_SECTORS));
  }

  /** `dm0` over `disk0` and so on, its table bound and resumed. In `setup`. */
  *create({ table, others, ...disk }: RequestDeviceOptions): Kernel<void> {
    const w = memory.words;
    const sectors = REQUEST_DEVICE_SECTORS;
    const options = { sectors, mode: 'hardirqDirect', nrRequests: 2, ...disk } as const;
    for (const [minor, media] of this.#media.entries()) {
      const own = { name: `disk${minor}`, minor, ...options, ...(minor === 0 ? {} : others) };
      w[this.#disks + minor] = (yield* addRequestDisk(own, media)).handle;
    }
    if (table === null) return;
    const md = yield* dmCreate({ name: 'dm0', minor: 0, requestBased: true, nrRequests: options.nrRequests });
    if (typeof md === 'number') report('assertion', '', `create gives ${errnoText(md)}`);
    w[this.#md] = md.handle;
    const loaded = yield* dmTableLoad(md, table);
    const resumed = yield* doResume(md, 0);
    if (loaded !== 0 || resumed !== 0)
      report('assertion', '', `load gives ${errnoText(loaded)}, the first resume ${errnoText(resumed)}`);
  }

  get md(): MappedDevice {
    return MappedDevice.at(memory.words[this.#md] as number);
  }

  get disk(): RequestDisk {
    return RequestDisk.at(memory.words[this.#disks] as number);
  }

  /** What the first disk has stored, and what it would lose. */
  get cache(): WriteCache {
    return cacheOf(this.disk);
  }

  /** What bios are sent to. */
  get bdev(): BlockDevice {
    return BlockDevice.at(memory.words[this.#md] === 0 ? this.disk.bdev : this.md.bdev);
  }
}
