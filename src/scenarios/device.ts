/**
 * A mapped device over one disk: what most scenarios begin with.
 */
import { BlockDevice } from '../block/block-device.ts';
import { addDisk, Disk, type DiskMode, declareMedia } from '../block/disk.ts';
import { dmCreate, dmTableLoad, doResume } from '../core/ioctl.ts';
import { MappedDevice } from '../core/mapped-device.ts';
import { flushWorkqueue, Workqueue } from '../irq/workqueue.ts';
import { errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { memory, staticWords } from '../shared/memory.ts';

export interface DeviceOptions {
  readonly mode: DiskMode;
  /** Lines of a table over `disk0`. */
  readonly table: string;
  readonly anyCpu?: boolean;
}

/** Sectors of the disk. */
export const DEVICE_SECTORS = 8;
/** Static words that a device declares. */
export const DEVICE_WORDS = DEVICE_SECTORS + 2;

export class Device {
  readonly #handle: number;
  readonly #disk: number;
  readonly #media: number;

  constructor() {
    this.#handle = staticWords(1);
    this.#disk = staticWords(1);
    this.#media = declareMedia(DEVICE_SECTORS);
  }

  /** `dm0` over `disk0`, its table bound and resumed. In `setup`. */
  *create(options: DeviceOptions): Kernel<void> {
    const { mode, table, anyCpu = false } = options;
    const disk = yield* addDisk({ name: 'disk0', minor: 0, sectors: DEVICE_SECTORS, mode, anyCpu }, this.#media);
    memory.words[this.#disk] = disk.handle;
    const created = yield* dmCreate({ name: 'dm0', minor: 0 });
    if (typeof created === 'number') report('assertion', '', `create gives ${errnoText(created)}`);
    memory.words[this.#handle] = created.handle;
    const loaded = yield* dmTableLoad(created, table);
    const resumed = yield* doResume(created, 0);
    if (loaded !== 0 || resumed !== 0)
      report('assertion', '', `load gives ${errnoText(loaded)}, the first resume ${errnoText(resumed)}`);
  }

  get md(): MappedDevice {
    return MappedDevice.at(memory.words[this.#handle] as number);
  }

  /** What lies below. */
  get disk(): Disk {
    return Disk.at(memory.words[this.#disk] as number);
  }

  /** What bios are sent to. */
  get bdev(): BlockDevice {
    return BlockDevice.at(this.md.bdev);
  }
}

/** kdmflush has mapped all that was deferred before a resume: submitters map for themselves again. */
export function settled(md: MappedDevice): Kernel<void> {
  return flushWorkqueue(Workqueue.at(md.wq), HERE);
}
