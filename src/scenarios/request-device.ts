/**
 * A mapped device, request-based or bio-based, over one disk with a request queue and a volatile cache: what scenarios of barriers
 * begin with.
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
/** Static words that a device declares. */
export const REQUEST_DEVICE_WORDS = 2 + cachedMediaWords(REQUEST_DEVICE_SECTORS);

/** Slots for the device, with so many requests in the pool of each queue. */
export const requestSlots = (nrRequests: number): Readonly<Record<string, number>> => ({
  'request-disk': 1,
  'request-queue': 2,
  // Of two queues: their own three, their pools, and the clones.
  request: 6 + 4 * nrRequests + 4,
  'dm-rq-target-io': nrRequests + 4,
});

/** Of a request-based device, and of barriers. */
export const NO_REQUESTS = {
  '2.6.20': 'it has neither request-based devices nor a kdmflush that would send barriers',
} as const;

export const BARRIER = BIO_RW_BARRIER | BIO_RW_UNPLUG;

export interface RequestDeviceOptions extends Partial<RequestDiskOptions> {
  /** Lines of a table over `disk0`; null: users go to the disk itself. */
  readonly table: string | null;
  /** The device takes bios; default requests. */
  readonly bioBased?: boolean;
}

export class RequestDevice {
  readonly #md = staticWords(1);
  readonly #disk = staticWords(1);
  readonly #media = declareCachedMedia(REQUEST_DEVICE_SECTORS);

  /** `dm0` over `disk0`, its table bound and resumed. In `setup`. */
  *create({ table, bioBased = false, ...disk }: RequestDeviceOptions): Kernel<void> {
    const w = memory.words;
    const sectors = REQUEST_DEVICE_SECTORS;
    const options = { name: 'disk0', minor: 0, sectors, mode: 'hardirqDirect', nrRequests: 2, ...disk } as const;
    w[this.#disk] = (yield* addRequestDisk(options, this.#media)).handle;
    if (table === null) return;
    const md = yield* dmCreate({ name: 'dm0', minor: 0, requestBased: !bioBased, nrRequests: options.nrRequests });
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
    return RequestDisk.at(memory.words[this.#disk] as number);
  }

  /** What the disk has stored, and what it would lose. */
  get cache(): WriteCache {
    return cacheOf(this.disk);
  }

  /** What bios are sent to. */
  get bdev(): BlockDevice {
    return BlockDevice.at(memory.words[this.#md] === 0 ? this.disk.bdev : this.md.bdev);
  }
}
