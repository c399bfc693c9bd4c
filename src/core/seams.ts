/**
 * Seams: the small functions in which eras differ or a historic bug sits. Core reaches them through this one table.
 *
 * A preset (src/variants/presets.ts) picks one mechanism for each seam; a bug (src/variants/bugs/) names its preset and swaps
 * some. The table is filled before the machine boots and never changes while it runs. Core code never asks which era it is.
 */
import type { Bio } from '../block/bio.ts';
import type { BioList } from '../block/bio-list.ts';
import type { Inode } from '../block/inode.ts';
import type { Ordered } from '../block/ordered.ts';
import type { Request } from '../block/request.ts';
import type { RequestQueue } from '../block/request-queue.ts';
import type { SubmitEngine } from '../block/submit.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { BdevPolicy } from './bdev-policy.ts';
import type { DmIo } from './dm-io.ts';
import type { DmTable } from './dm-table.ts';
import type { DmTarget } from './dm-target.ts';
import type { MappedDevice } from './mapped-device.ts';

export interface Seams {
  /** How submitted bios reach their drivers (spec B1). */
  readonly engine: SubmitEngine;
  /** Whether the first piece of a bio is mapped alone and the rest submitted again (oneThenRemainder), or all in a loop. */
  readonly splitRemainder: boolean;
  /** A bio enters the device: is it mapped now, or does it wait for a resume (spec B2)? */
  readonly gate: (md: MappedDevice, bio: Bio) => Kernel<void>;
  /** What guards the deferred list: its own spinlock, or io_lock held for writing. The other mechanisms keep to it; oracles ask. */
  readonly deferredGuard: 'deferred_lock' | 'io_lock';
  /** Parks a bio that must wait for the resume; false when the gate has opened meanwhile. */
  readonly queueIo: (md: MappedDevice, bio: Bio) => Kernel<boolean>;
  /** The target of a sector, or null beyond the table's end. */
  readonly findTarget: (table: DmTable, sector: number) => DmTarget | null;
  /** Whether the answer of a target's map means that the clone is done with; neither REMAPPED nor SUBMITTED comes here. */
  readonly mapHasEnded: (said: number) => boolean;
  /** A clone has ended (spec B4, cloneEndio). */
  readonly cloneEndio: (clone: Bio, result: number) => Kernel<void>;
  /** Keeps what a clone said in io.error (spec B4 step 1). */
  readonly storeError: (io: DmIo, error: number) => Kernel<void>;
  /** The last clone of an I/O ended with REQUEUE: parks the bio, or turns the error into −EIO (spec B4 step 3). */
  readonly parkPushback: (md: MappedDevice, io: DmIo) => Kernel<void>;
  /** The order of parking, end of accounting, freeing the dm_io and ending the bio (spec B4 steps 3 to 6). */
  readonly finishIo: (md: MappedDevice, io: DmIo) => Kernel<void>;
  /** Ends the accounting of an I/O and wakes who waits for the last one. */
  readonly endIoAcct: (md: MappedDevice) => Kernel<void>;
  /** Whether a target is told that a noflush suspend is under way. */
  readonly noflushSuspending: (md: MappedDevice) => Kernel<boolean>;
  /** Calls the targets' presuspend, with NOFLUSH set before if it is a noflush suspend. */
  readonly presuspend: (md: MappedDevice, table: DmTable | null, noflush: boolean) => Kernel<void>;
  /** All that a suspend does before the gate shuts: presuspend, then the inode and the freeze; 0, or an error (spec B8). */
  readonly beforeGate: (md: MappedDevice, table: DmTable | null, lockfs: boolean, noflush: boolean) => Kernel<number>;
  /** Shuts the gate, waits for what is in flight and takes back what was pushed back; 0, or −EINTR with I/O flowing again. */
  readonly quiesce: (md: MappedDevice, noflush: boolean) => Kernel<number>;
  /** Waits until no I/O is in flight, or for a signal when `state` is interruptible; 0 or −EINTR (spec B7). */
  readonly waitForCompletion: (md: MappedDevice, state: number) => Kernel<number>;
  /** Clears NOFLUSH and joins what was pushed back with what was deferred (spec B8 step 6). */
  readonly mergePushback: (md: MappedDevice) => Kernel<void>;
  /** On which side of the deferred bios those that were pushed back go. */
  readonly joinPushback: (deferred: BioList, pushback: BioList) => void;
  /** Lets deferred bios go: by kdmflush, or at once (spec B5). */
  readonly dispatchDeferred: (md: MappedDevice) => Kernel<void>;
  /** kdmflush has mapped a bio, and holds nothing. */
  readonly afterDispatch: () => Kernel<void>;
  /** Sets SUSPENDED and calls the targets' postsuspend. */
  readonly markSuspended: (md: MappedDevice, table: DmTable | null) => Kernel<void>;
  /** Puts a table in the place of the live one; gives the old one if it is still to be destroyed. */
  readonly replaceTable: (md: MappedDevice, table: DmTable) => Kernel<DmTable | null>;
  /** Gives up one reference on a table. */
  readonly tablePut: (table: DmTable) => Kernel<void>;
  /** Gives up the last reference on a table that is not live any more, and takes it apart. */
  readonly tableDestroy: (table: DmTable) => Kernel<void>;
  /** The device with a number, with a reference, or null. */
  readonly findMd: (minor: number) => Kernel<MappedDevice | null>;
  /** A device was found that has no name yet: the reference on it is not needed. */
  readonly putNameless: (md: MappedDevice) => Kernel<void>;
  /** Whether a suspend freezes the file system (spec B8, B12). */
  readonly mayFreeze: (lockfs: boolean, noflush: boolean) => boolean;
  /** Thaws a device that is removed. */
  readonly thawAtRemoval: (md: MappedDevice) => Kernel<void>;
  /** A noflush suspend has failed before the gate was shut: lets go what was pushed back (spec B8). */
  readonly flushAndOut: (md: MappedDevice) => Kernel<void>;
  /** When the inode of the device's file is had, and what may be bound (spec B11). */
  readonly bdevPolicy: BdevPolicy;
  /** Changes the size in the inode, with suspend_lock held. */
  readonly iSizeWrite: (inode: Inode, size: number) => Kernel<void>;
  /** Sees to it that kdmflush maps nothing any more and is given nothing (spec B8 steps 3 and 4). */
  readonly stopAndFlush: (md: MappedDevice) => Kernel<void>;

  /** Says whether a table takes bios or requests, or why its targets do not make one together (spec B10). */
  readonly setType: (table: DmTable) => Kernel<string | null>;
  /** Puts a table, or 0, in the place of the live one; request_fn reads it in interrupts. */
  readonly setMap: (md: MappedDevice, table: number) => Kernel<void>;
  // Barriers of a bio-based device (spec B6).
  /** Serves a barrier, in kdmflush; false: it is on the deferred list again, until a noflush suspend is over. */
  readonly processBarrier: (md: MappedDevice, bio: Bio) => Kernel<boolean>;
  /** All that was in flight has ended or was pushed back: may the barrier go on? If not, puts it where it waits its turn. */
  readonly barrierMayGoOn: (md: MappedDevice, bio: Bio) => Kernel<boolean>;
  /** All clones of a part of a barrier, a flush or its data, have ended. */
  readonly finishBarrierIo: (md: MappedDevice, io: DmIo) => Kernel<void>;
  /** Keeps what a part of a barrier said, 0 or an error (spec C3). */
  readonly noteBarrierError: (md: MappedDevice, error: number) => void;

  // Request-based (spec B13, B14, B16).
  /** Whose turn it is while a barrier's sequence is under way (spec B15): whether the driver gets the request at the head. */
  readonly doOrdered: (q: RequestQueue, rq: Request) => Kernel<Ordered>;
  /** Takes requests off the queue of the device and maps their clones. queue_lock is held. */
  readonly dmRequestFn: (q: RequestQueue) => Kernel<void>;
  /** Whether the table by which request_fn has begun is the one by which it may go on. queue_lock is held. */
  readonly isLive: (md: MappedDevice, table: DmTable) => boolean;
  /** Whether request_fn leaves off when a target wants a request back. */
  readonly leaveAfterRequeue: boolean;
  /** Attaches a clone to a request, or says why not: BLKPREP_*. queue_lock is held. */
  readonly dmPrepFn: (q: RequestQueue, rq: Request) => Kernel<number>;
  /** request_fn has met a flush. queue_lock is held. */
  readonly handToKdmflush: (q: RequestQueue, md: MappedDevice, rq: Request) => Kernel<void>;
  /** A clone has been served: the way to its target's rq_end_io. */
  readonly dmCompleteRequest: (clone: Request, error: number) => Kernel<void>;
  /** A clone is done with: its original ends, or, for a flush, its error is kept. */
  readonly dmEndRequest: (clone: Request, error: number) => Kernel<void>;
  /** The end of accounting; `run`: the queue may have something to do. */
  readonly rqCompleted: (md: MappedDevice, run: boolean) => Kernel<void>;
  readonly runQueue: (q: RequestQueue) => Kernel<void>;
  /** Gives up the reference that an I/O in flight, or a flush, has on its device. */
  readonly putInFlight: (md: MappedDevice) => Kernel<void>;
  /** The device has been removed, and is about to lose its creator's reference. */
  readonly awaitInFlight: (md: MappedDevice) => Kernel<void>;
  /** A target wants a request back: its original is requeued. */
  readonly dmRequeueUnmappedRequest: (clone: Request) => Kernel<void>;
  /** A clone fails before it was mapped. */
  readonly dmKillUnmappedRequest: (clone: Request, error: number) => Kernel<void>;
  /** Keeps what a clone of a flush said (spec C3). */
  readonly storeBarrierError: (md: MappedDevice, error: number) => Kernel<void>;
  /** Flushes all targets; 0, an error or REQUEUE. In kdmflush. */
  readonly dmRqBarrier: (md: MappedDevice) => Kernel<number>;
  /** Serves the flush that request_fn has handed over. In kdmflush. */
  readonly dmRqBarrierWork: (md: MappedDevice) => Kernel<void>;
  /** A flush that a target wants back goes back to the queue. In kdmflush. */
  readonly requeueFlush: (q: RequestQueue, flush: Request) => Kernel<void>;
}

/** The seams of this machine. */
export let seams: Seams;

/** Installs the seams of the next machine of this thread. */
export function bindSeams(chosen: Seams): void {
  seams = chosen;
}
