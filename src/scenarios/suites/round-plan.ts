/**
 * The plan of a round: everything that a seed decides, as plain data, before anything runs.
 *
 * A plan is a pure function of suite, seed, round and number of CPUs, and small enough for the model machine. What is left to
 * the machine is the interleaving, the service times of disks and the choices of targets.
 */
import type { AnyDiskMode } from '../any-disk.ts';
import type { PathPlan } from '../path-target.ts';
import type { IoRequest } from '../user-io.ts';

export interface DiskPlan {
  readonly sectors: number;
  readonly mode: AnyDiskMode;
  readonly latencyUs: readonly [number, number];
  readonly anyCpu: boolean;
  /** Of a disk with a request queue. */
  readonly saysBusy?: boolean;
  /** So many I/Os fail. */
  readonly failNext: number;
  /** Nothing comes back until the operator releases it. */
  readonly hangs: boolean;
}

/** A range of the device, the same in all tables: where its sectors lie. */
export interface SegmentPlan {
  readonly from: number;
  readonly sectors: number;
  /** −1: a zero target, which keeps nothing. */
  readonly disk: number;
  readonly start: number;
}

export interface IoPlan extends IoRequest {
  readonly pauseUs: number;
}

export interface SubmitterPlan {
  readonly cpu: number;
  /** I/Os in flight at a time. */
  readonly depth: number;
  readonly ios: readonly IoPlan[];
}

export interface CyclePlan {
  readonly pauseUs: number;
  readonly noflush: boolean;
  /** The table that is loaded before, −1: none. */
  readonly table: number;
  /** How long the device stays suspended. */
  readonly lingerUs: number;
  /** After an interrupted suspend queueing is switched on again, as by a message. */
  readonly requeueing: boolean;
}

export interface SuspenderPlan {
  readonly cpu: number;
  readonly cycles: readonly CyclePlan[];
}

export interface SignalPlan {
  readonly pauseUs: number;
  /** The signal is sent when a suspend has come to this phase (an index of SUSPEND_PHASES), or after so many looks. */
  readonly phase: number;
  readonly looks: number;
}

export interface SignallerPlan {
  readonly cpu: number;
  readonly signals: readonly SignalPlan[];
}

export interface OperatorAction {
  readonly pauseUs: number;
  readonly what: 'path-up' | 'path-down' | 'hang-disk' | 'release-disk' | 'load-table' | 'signal' | 'message';
  /** Number of the script, disk or table. */
  readonly which: number;
  /** Looks for a suspend that waits for I/O before it acts. */
  readonly looks: number;
  /** Of a message: what the target is told. It may be one that does not understand it. */
  readonly text?: string;
}

export interface OperatorPlan {
  readonly cpu: number;
  readonly actions: readonly OperatorAction[];
}

/** Of a request-based device. */
export interface RequestsPlan {
  /** Requests in the pool of each queue. */
  readonly nrRequests: number;
  /** Records of cloned requests beside the reserve. */
  readonly records: number;
}

export interface RoundPlan {
  /** Missing: the device takes bios, and so do its disks. */
  readonly requests?: RequestsPlan;
  readonly disks: readonly DiskPlan[];
  readonly segments: readonly SegmentPlan[];
  readonly sectors: number;
  readonly paths: readonly PathPlan[];
  readonly tables: readonly string[];
  /** Reserve of the device's pools, and how many records the slabs have beside it. */
  readonly reserve: number;
  readonly kdmflushCpu: number;
  readonly submitters: readonly SubmitterPlan[];
  readonly suspenders: readonly SuspenderPlan[];
  readonly signaller: SignallerPlan | null;
  readonly operator: OperatorPlan | null;
  /** Who closes the device last removes it. */
  readonly removeAtLastClose: boolean;
  /** Nothing in the round allows an error. */
  readonly lossless: boolean;
}
