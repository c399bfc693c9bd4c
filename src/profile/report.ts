/**
 * What a profile says: the one shape that tables, `--json`, `--trace`, `--speedscope` and pages are made from.
 *
 * Times are in nanoseconds. Those on a timeline count from the beginning of the run.
 */
import type { LockType } from '../shared/struct-registry.ts';

/** One bar of a histogram: durations from `fromNs` up to, and without, twice that; the first one begins at 0. */
export interface Bar {
  readonly fromNs: number;
  readonly count: number;
}

/** Durations. Quantiles lie within an eighth of the true value; all else is exact for what was timed. */
export interface Durations {
  /** How many were timed. */
  readonly timed: number;
  readonly min: number;
  readonly max: number;
  /** Of all of them: where not each was timed, the average times how many there were. */
  readonly total: number;
  readonly avg: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  /** Powers of two, without empty bars. */
  readonly histogram: readonly Bar[];
}

/** A place and how often a wait had to do with it. `submitIo (core/submit.ts:120)` */
export interface SitePoint {
  readonly site: string;
  readonly contentions: number;
  readonly waitNs: number;
}

/** Who waited for whom, and where: the waiter at his request, the holder where he had taken the lock. */
export interface BlameEdge {
  /** Name of a task, or of the interrupt that interrupted one. */
  readonly waiter: string;
  readonly waiterSite: string;
  readonly holder: string;
  readonly holderSite: string;
  readonly count: number;
  readonly waitNs: number;
}

/** Waits that the CPU spun through, and those that it slept: parked on its doorbell, or its task asleep. */
export interface SpinOrPark {
  /** Waits that ended before the CPU went to sleep, and those in which it, or the task, slept. */
  readonly spun: number;
  readonly parked: number;
  readonly spinNs: number;
  readonly parkNs: number;
}

/** A row of the lock table. Names of the columns are those of /proc/lock_stat in camel case. */
export interface LockStat {
  /** The kernel's name: `&md->io_lock`. The spinlock inside a sleeping lock has `.wait_lock` behind it. */
  readonly class: string;
  readonly type: LockType;
  /** Readers and writers have rows of their own; what only knows one kind of holder is a writer. */
  readonly mode: 'write' | 'read';
  /** Which instance, site or owner of the class the row is about; '' when rows are classes. */
  readonly of: string;
  /** Contentions of a CPU other than the one that had the lock last. */
  readonly conBounces: number;
  readonly contentions: number;
  readonly waitNs: Durations;
  /** Acquisitions by a CPU other than the one that had the lock last. */
  readonly acqBounces: number;
  readonly acquisitions: number;
  readonly holdNs: Durations;
  /** Not each hold was timed: `holdNs.total` is scaled up. Counts and waits are always exact. */
  readonly sampled: boolean;
  readonly waits: SpinOrPark;
  /** Share of all time that was lost with waiting for locks, 0 to 1. */
  readonly share: number;
  /** Where was waited, worst first. */
  readonly sites: readonly SitePoint[];
  /** Where those had taken the lock who were waited for, worst first. */
  readonly holders: readonly SitePoint[];
  readonly blame: readonly BlameEdge[];
}

/** Stretches with interrupts off, of all CPUs. */
export interface IrqsOff {
  readonly stretches: number;
  readonly sampled: boolean;
  readonly ns: Durations;
  /** Where the longest stretch that was timed began, `irq device` in a hard interrupt, and on which CPU; '' and −1 without any. */
  readonly longestSite: string;
  readonly longestCpu: number;
}

/** What the run got done. */
export interface Throughput {
  readonly rounds: number;
  /** Time that rounds ran, without the time in which threads built them. */
  readonly seconds: number;
  readonly roundsPerSecond: number;
  /** What the program counts (`bios.completed`), a second. */
  readonly perSecond: Readonly<Record<string, number>>;
}

/** How throughput reacts to holders of one lock that take longer. */
export interface Injection {
  readonly lock: string;
  readonly delayNs: number;
  /** Holders that were delayed. */
  readonly delayed: number;
  /** The same rounds without and with the delay, in turns. */
  readonly without: Throughput;
  readonly with: Throughput;
  /** with ÷ without, in rounds a second; null: no holder was delayed. */
  readonly ratio: number | null;
}

/** What the profiler changes: some rounds are run with it and without, in turns; with --inject those without the delay. */
export interface ProfilerCost {
  readonly with: Throughput;
  readonly without: Throughput;
  /** with ÷ without, in rounds a second. */
  readonly ratio: number;
  /** How often a CPU had to wait for a spinlock or an rwlock, a round; CPUs count that without a profiler too. */
  readonly contentions: { readonly with: number; readonly without: number };
}

export interface ProfileReport {
  readonly by: 'class' | 'instance' | 'site' | 'owner';
  /** Every hold and irq-off stretch was timed. */
  readonly exact: boolean;
  /** Most time lost first, then most acquisitions. */
  readonly locks: readonly LockStat[];
  readonly irqsOff: IrqsOff;
  readonly throughput: Throughput;
  readonly injection: Injection | null;
  /** null: no round was run both ways. */
  readonly cost: ProfilerCost | null;
  /** What did not fit: rows, edges and names that share one called `others`, trace records that later ones took the place of. */
  readonly lost: { readonly rows: number; readonly edges: number; readonly names: number; readonly records: number };
  /** With --trace or --html. */
  readonly timeline: Timeline | null;
}

// ---- The timeline: what happened when. ----

/** What a CPU does, or a device goes through. */
export type SliceKind = 'task' | 'hardirq' | 'softirq' | 'wait' | 'hold' | 'suspend';

export interface Slice {
  readonly kind: SliceKind;
  /**
   * A CPU's number; the interrupt actor is the last one. A suspend phase: the number of its device.
   * `task`, `hardirq`, `softirq` and waits that keep their CPU nest on a CPU's lane; holds, and waits that sleep, can overlap.
   */
  readonly lane: number;
  /** Task, interrupt line, lock class, or phase. */
  readonly name: string;
  readonly startNs: number;
  readonly durationNs: number;
  /** Locks: where it was asked for. */
  readonly site: string;
  /** Locks: the task or interrupt. */
  readonly who: string;
  /** Waits: the task was asleep. Holds of sleeping locks: the same. */
  readonly sleeping: boolean;
}

/** A value from now on. */
export interface CounterPoint {
  readonly device: number;
  readonly name: 'pending' | 'deferred' | 'pushback';
  readonly atNs: number;
  readonly value: number;
}

/** The way of one bio: where it was submitted, where it ended, and where the task went on that had waited for it. */
export interface Arrow {
  readonly id: number;
  readonly points: readonly {
    readonly what: 'submission' | 'completion' | 'wake-up';
    readonly lane: number;
    readonly atNs: number;
  }[];
}

export interface Timeline {
  /** CPUs, the interrupt actor not counted. */
  readonly cpus: number;
  readonly devices: number;
  readonly fromNs: number;
  readonly toNs: number;
  /** By start. */
  readonly slices: readonly Slice[];
  /** By time. */
  readonly counters: readonly CounterPoint[];
  readonly arrows: readonly Arrow[];
}
