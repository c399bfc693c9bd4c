/**
 * Targets: the pieces of a table, and the types that say what they do with I/O.
 *
 * Models struct dm_target and struct target_type.
 */
import type { Bio } from '../block/bio.ts';
import type { Request } from '../block/request.ts';
import type { Kernel } from '../machine/kernel.ts';
import { FunctionTable } from '../shared/function-table.ts';
import { defineStruct, plain, type Struct } from '../shared/struct.ts';
import type { DmTargetIo } from './dm-io.ts';
import type { DmRqTargetIo } from './dm-rq-target-io.ts';

/** The target took the clone: it will submit it or end it later. */
export const DM_MAPIO_SUBMITTED = 0;
/** The clone now names another device and sector: the core sends it there. */
export const DM_MAPIO_REMAPPED = 1;
/** The target wants the bio back in the core. */
export const DM_MAPIO_REQUEUE = 2;
/** The clone has ended; an error that it had stands. */
export const DM_ENDIO_DONE = 0;
/** The target keeps the clone; the core must not touch it. */
export const DM_ENDIO_INCOMPLETE = 1;
/** The target wants the bio back in the core. */
export const DM_ENDIO_REQUEUE = 2;

export interface DmTarget extends Struct {
  table: number;
  /** An entry of `targetTypes`. */
  type: number;
  begin: number;
  len: number;
  /** Sectors; a bio is split at its multiples. 0: no such boundary. */
  splitIo: number;
  /** Handle of the device below, and where the target begins there: what most targets need. */
  device: number;
  start: number;
  /** Number of the scenario's script; scripted target only. */
  script: number;
  /** How many flushes the target needs to have all its devices flushed; `tio.info` says which one it is asked to map. */
  numFlushRequests: number;
  /** Handle of the target's own object, 0: none. */
  private: number;
}

export const DmTarget = defineStruct<DmTarget>('dm-target', 'ti', 16, {
  table: plain,
  type: plain,
  begin: plain,
  len: plain,
  splitIo: plain,
  device: plain,
  start: plain,
  script: plain,
  numFlushRequests: plain,
  private: plain,
});

/** A device below a target, and the sector of it at which the target's range begins. */
export interface DeviceArea {
  /** Handle of the block device. */
  readonly device: number;
  readonly start: number;
  /** Sectors of it that the target needs; default all of the target's. */
  readonly len?: number;
}

export interface TargetType {
  readonly name: string;
  /** Major, minor and patch level, as `dmsetup targets` prints them. */
  readonly version: readonly [number, number, number];
  /** Builds the target from the words behind its name; gives null, or the reason why it cannot. */
  ctr(ti: DmTarget, argv: readonly string[]): Kernel<string | null>;
  dtr?(ti: DmTarget): Kernel<void>;
  /** Says what becomes of a clone (DM_MAPIO_*, or an error). Process context, may sleep. */
  map(ti: DmTarget, clone: Bio, tio: DmTargetIo): Kernel<number>;
  /** Hears of the end of a clone that was mapped (DM_ENDIO_*, or an error). Any context, must not sleep. */
  endIo?(ti: DmTarget, clone: Bio, error: number, tio: DmTargetIo): Kernel<number>;
  /**
   * Says what becomes of a clone of a request (DM_MAPIO_*, or an error); a target without it takes bios only. Interrupts are off,
   * except for flushes: it must not sleep.
   */
  mapRq?(ti: DmTarget, clone: Request, tio: DmRqTargetIo): Kernel<number>;
  /** Hears of the end of a clone that was mapped: DM_ENDIO_*, or an error; 0 makes a success of it. In the softirq, flushes in any context. */
  rqEndIo?(ti: DmTarget, clone: Request, error: number, tio: DmRqTargetIo): Kernel<number>;
  /** 1: a request would have to wait below, so it had better stay in the queue. queue_lock is held. */
  busy?(ti: DmTarget): Kernel<number>;
  presuspend?(ti: DmTarget): Kernel<void>;
  postsuspend?(ti: DmTarget): Kernel<void>;
  /** An error keeps the device suspended. */
  preresume?(ti: DmTarget): Kernel<number>;
  resume?(ti: DmTarget): Kernel<void>;
  /** Takes a message, cut at its spaces; 0 or an error. Process context, also while the device is suspended. */
  message?(ti: DmTarget, argv: readonly string[]): Kernel<number>;
  /** All devices below; without it, `ti.device` from `ti.start` on. */
  iterateDevices?(ti: DmTarget): readonly DeviceArea[];
  /** The words that would build this target again. Process context. */
  tableLine(ti: DmTarget): Kernel<string>;
  /** What `dmsetup status` prints. Process context. */
  statusLine(ti: DmTarget): Kernel<string>;
}

export const targetTypes = new FunctionTable<TargetType>('target');

/** Registers a target type. */
export function defineTarget(type: TargetType): TargetType {
  targetTypes.define(type.name, type);
  return type;
}
