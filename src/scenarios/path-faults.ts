/**
 * Paths that fail and return: disks that share their media, and the switch of each.
 *
 * A disk here is a path to one and the same storage. While a path is broken, all that is served on it fails with −EIO; whether
 * anybody notices is another matter, so a target is told by a message when the path is fine again, as multipathd does.
 */
import type { MappedDevice } from '../core/mapped-device.ts';
import { dmTargetMessage } from '../core/target-message.ts';
import type { Kernel } from '../machine/kernel.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { type AnyDisk, type AnyDiskOptions, BIO_DISKS, type DiskKind } from './any-disk.ts';

/** More failures than there are I/Os. */
const FOR_EVER = 1 << 30;

export class PathFaults {
  /** First word of the media. */
  readonly media: number;
  readonly #disks: number;
  readonly #count: number;
  readonly #kind: DiskKind;

  /** Declares `pathFaultsWords(count, sectors, kind)` words. */
  constructor(count: number, sectors: number, kind: DiskKind = BIO_DISKS) {
    this.#kind = kind;
    this.media = kind.declareMedia(sectors);
    this.#disks = staticWords(count);
    this.#count = count;
  }

  /** Plugs the paths in as `disk0`, `disk1`, … In `setup`. */
  *plugIn(options: Omit<AnyDiskOptions, 'name' | 'minor'>): Kernel<void> {
    for (let which = 0; which < this.#count; which++) {
      const disk = yield* this.#kind.add({ ...options, name: `disk${which}`, minor: which }, this.media);
      memory.words[this.#disks + which] = disk.handle;
    }
  }

  #disk(which: number): AnyDisk {
    return this.#kind.at(memory.words[this.#disks + which] as number);
  }

  /** What a sector of the storage has. */
  content(sector: number): number {
    return this.#kind.content(this.#disk(0), sector);
  }

  break(which: number): Kernel<void> {
    return this.#kind.fail(this.#disk(which), FOR_EVER);
  }

  heal(which: number): Kernel<void> {
    return this.#kind.fail(this.#disk(which), 0);
  }

  /** Tells the targets of the live table, each by a sector of its own, of all paths that are fine. What is told twice is fine too. */
  *reinstate(md: MappedDevice, sectors: readonly number[]): Kernel<void> {
    for (let which = 0; which < this.#count; which++) {
      if ((yield* this.#disk(which).failNext.read(HERE)) > 0) continue;
      for (const sector of sectors) yield* dmTargetMessage(md, sector, `reinstate_path disk${which}`);
    }
  }
}

export const pathFaultsWords = (count: number, sectors: number, kind: DiskKind = BIO_DISKS): number =>
  count + kind.mediaWords(sectors);
