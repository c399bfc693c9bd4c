/**
 * A file system on a device, as its users see it: mount, write, fsync, unmount.
 *
 * An fsync that gives 0 is taken at its word: what was written before must be on `disk0`, which the device's table maps from sector 0.
 */
import { fsFsync, fsWrite, mountBdev, SuperBlock, umountBdev } from '../block/file-system.ts';
import { Inode } from '../block/inode.ts';
import { errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { memory, staticWords } from '../shared/memory.ts';
import type { Device } from './device.ts';

export const FS_USER_WORDS = 1;

export class FsUser {
  readonly #device: Device;
  readonly #handle: number;

  /** Declares FS_USER_WORDS words. */
  constructor(device: Device) {
    this.#device = device;
    this.#handle = staticWords(FS_USER_WORDS);
  }

  get sb(): SuperBlock {
    return SuperBlock.at(memory.words[this.#handle] as number);
  }

  /** What the file system's pages belong to. */
  get inode(): Inode {
    return Inode.at(this.sb.inode);
  }

  *mount(): Kernel<void> {
    const mounted = yield* mountBdev('dm0');
    if (typeof mounted === 'number') report('assertion', '', `mount gives ${errnoText(mounted)}`);
    memory.words[this.#handle] = mounted.handle;
  }

  umount(): Kernel<void> {
    return umountBdev(this.sb);
  }

  /** Writes a sector and syncs it; gives the error. Nobody else writes the sector. */
  *writeAndSync(sector: number, stamp: number): Kernel<number> {
    yield* fsWrite(this.sb, sector, stamp);
    const error = yield* fsFsync(this.sb);
    const stored = memory.words[this.#device.disk.media + sector];
    if (error === 0 && stored !== stamp)
      report('torn', 'I41', `fsync gives 0, but sector ${sector} has ${stored} and not ${stamp}`);
    return error;
  }
}
