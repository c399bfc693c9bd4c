/**
 * Seams: the small functions in which eras differ or a historic bug sits. Core reaches them through this one table.
 *
 * A preset (src/variants/presets.ts) picks one mechanism for each seam; a bug (src/variants/bugs/) names its preset and swaps
 * some. The table is filled before the machine boots and never changes while it runs. Core code never asks which era it is.
 */
import type { Bio } from '../block/bio.ts';
import type { Inode } from '../block/inode.ts';
import type { SubmitEngine } from '../block/submit.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { BdevPolicy } from './bdev-policy.ts';
import type { DmIo } from './dm-io.ts';
import type { MappedDevice } from './mapped-device.ts';

export interface Seams {
  /** How submitted bios reach their drivers (spec B1). */
  readonly engine: SubmitEngine;
  /** Whether the first piece of a bio is mapped alone and the rest submitted again (oneThenRemainder), or all in a loop. */
  readonly splitRemainder: boolean;
  /** The last clone of an I/O ended with REQUEUE: parks the bio, or turns the error into −EIO (spec B4 step 3). */
  readonly parkPushback: (md: MappedDevice, io: DmIo) => Kernel<void>;
  /** Clears NOFLUSH and puts what was pushed back in front of what was deferred (spec B8 step 6). */
  readonly mergePushback: (md: MappedDevice) => Kernel<void>;
  /** The order of parking, end of accounting, freeing the dm_io and ending the bio (spec B4 steps 3 to 6). */
  readonly finishIo: (md: MappedDevice, io: DmIo) => Kernel<void>;
  /** Ends the accounting of an I/O and wakes who waits for the last one. */
  readonly endIoAcct: (md: MappedDevice) => Kernel<void>;
  /** Waits until no I/O is in flight, or for a signal when `state` is interruptible; 0 or −EINTR (spec B7). */
  readonly waitForCompletion: (md: MappedDevice, state: number) => Kernel<number>;
  /** Lets deferred bios go: by kdmflush, or at once (spec B5). */
  readonly dispatchDeferred: (md: MappedDevice) => Kernel<void>;
  /** Whether a suspend freezes the file system (spec B8, B12). */
  readonly mayFreeze: (lockfs: boolean, noflush: boolean) => boolean;
  /** A noflush suspend has failed before the gate was shut: lets go what was pushed back (spec B8). */
  readonly flushAndOut: (md: MappedDevice) => Kernel<void>;
  /** When the inode of the device's file is had, and what may be bound (spec B11). */
  readonly bdevPolicy: BdevPolicy;
  /** Changes the size in the inode, with suspend_lock held. */
  readonly iSizeWrite: (inode: Inode, size: number) => Kernel<void>;
  /** Parks a bio that must wait for the resume. */
  readonly queueIo: (md: MappedDevice, bio: Bio) => Kernel<void>;
}

/** The seams of this machine. */
export let seams: Seams;

/** Installs the seams of the next machine of this thread. */
export function bindSeams(chosen: Seams): void {
  seams = chosen;
}
