/**
 * The shared memory of a profile: beside the machine's own, and outliving its rounds.
 *
 * Each CPU writes an area of its own, so counting needs no atomic step; the main thread reads the areas when rounds are over.
 * Numbers that can pass 2^31 are 64-bit floats, which count exactly up to 2^53.
 *
 *   ids      for each word of the machine's memory: the number of the lock that starts there, 0 none    main, before a round
 *   takers   for each such word: who took it last, and where, in one word (taker.ts); 0 nobody           CPUs that take it
 *   asking   for each task, by its slot: who waits for a sleeping lock, and where, as a taker           the CPU that it waits on
 *   handed   for each sleeping lock: the taker whom it was handed over to and who has not run yet, or 0 CPUs that give and take it
 *   types    for each number: its kind, an index of LOCK_TYPES                                           main
 *   injected for each number: 1 where --inject means that lock                                           main
 *   areas    for each CPU and the interrupt actor, twice: rounds without and with the injected delay     that CPU
 */
import { MEMORY_WORDS_MAX } from '../shared/memory.ts';
import type { LockType } from '../shared/struct-registry.ts';
import { SLOT_BITS } from '../shared/struct-views.ts';
import { NAMES_MAX } from './taker.ts';

/** Locks that are told apart. */
export const IDS_MAX = 1 << 15;

export const LOCK_TYPES: readonly LockType[] = [
  'spinlock',
  'rwlock',
  'rw-semaphore',
  'semaphore',
  'mutex',
  'wait-queue',
  'completion',
];

// ---- Rows: one for each lock (or site or owner of it) and mode. Row 0 is for those that find no room. ----
export const ROWS_MAX = 2048;
export const ROW_FIELDS = 16;
/** Of `left`, behind the rows: irq-off stretches until one is timed. */
const LEFT_WORDS = ROWS_MAX + 1;
export const IRQ_LEFT = LEFT_WORDS - 1;
/** The lock's number · 2 + 1 for writers, + 0 for readers. */
export const ROW_KEY = 0;
/** By site: the site. By owner: the name's number. */
export const ROW_OF = 1;
/** Acquisitions are ROW_ISSUED minus what is left in `left`. */
export const ROW_ISSUED = 2;
/** Number of the acquisition whose hold is timed next; 0: not yet drawn. */
export const ROW_NEXT_TIMED = 3;
export const ROW_ACQ_BOUNCES = 4;
export const ROW_CONTENTIONS = 5;
export const ROW_CON_BOUNCES = 6;
export const ROW_WAIT_MIN = 7;
export const ROW_WAIT_MAX = 8;
export const ROW_WAIT_TOTAL = 9;
export const ROW_PARKED = 10;
export const ROW_PARK_NS = 11;
export const ROW_HOLD_MIN = 12;
export const ROW_HOLD_MAX = 13;
export const ROW_HOLD_TOTAL = 14;
/** Holders that were delayed. */
export const ROW_DELAYED = 15;

// ---- Edges: who waited for whom. Edge 0 is for those that find no room. ----
export const EDGES_MAX = 4096;
export const EDGE_FIELDS = 7;
/** As ROW_KEY. */
export const EDGE_KEY = 0;
/** The name's number. */
export const EDGE_WAITER = 1;
export const EDGE_WAITER_SITE = 2;
/** Who was waited for, as a taker (taker.ts); 0 unknown. */
export const EDGE_TAKER = 3;
export const EDGE_COUNT = 4;
export const EDGE_WAIT_NS = 5;
/** ROW_OF of the row that the wait counts in. */
export const EDGE_OF = 6;

// ---- Numbers of a CPU. ----
export const CPU_FIELDS = 16;
export const CPU_ROWS = 0;
export const CPU_EDGES = 1;
export const CPU_NAMES = 2;
export const CPU_LOST_ROWS = 3;
export const CPU_LOST_EDGES = 4;
/** Issued stretches, as ROW_ISSUED. */
export const CPU_IRQ_STRETCHES = 5;
/** Min, max and total follow each other, here and in rows. */
export const CPU_IRQ_MIN = 6;
export const CPU_IRQ_MAX = 7;
export const CPU_IRQ_TOTAL = 8;
/** Where the longest stretch began: a site, or −1 − the line of a hard interrupt. */
export const CPU_IRQ_PLACE = 9;
export const CPU_LOST_NAMES = 10;

export const NAME_BYTES = 48;

/** Histograms: log-linear, four buckets for each power of two (histogram.ts). */
export const BUCKETS = 120;

/** What one CPU counts in. */
export interface Area {
  readonly numbers: Float64Array;
  readonly rows: Float64Array;
  /** For each row: acquisitions until there is something to do. */
  readonly left: Int32Array;
  /** For each row: the histogram of waits, then that of holds. */
  readonly histograms: Uint32Array;
  readonly irqHistogram: Uint32Array;
  readonly edges: Float64Array;
  readonly names: Uint8Array;
}

// ---- Trace records of a CPU: a ring, newest over oldest. ----
export const RECORDS = 1 << 16;
export const RECORD_FIELDS = 7;
/** When it ended, or happened; and, for what lasts, when it began. Nanoseconds since the profile's origin. */
export const RECORD_AT = 0;
export const RECORD_FROM = 1;
/** An event of machine/events.ts, or one of RECORD_* below. */
export const RECORD_KIND = 2;
export const RECORD_A = 3;
export const RECORD_B = 4;
export const RECORD_SITE = 5;
/** Number of the name of the task or interrupt; 0 unknown. */
export const RECORD_WHO = 6;

// Kinds beyond those of events, which stand in the same field.
/** A task ran; a = its handle. */
export const RECORD_TASK = 128;
/** An interrupt ran; a = its line or number. */
export const RECORD_HARDIRQ = 129;
export const RECORD_SOFTIRQ = 130;
/** A lock was waited for, or held; a = its number, b = 1: it is one that tasks sleep for. */
export const RECORD_WAIT = 131;
export const RECORD_HOLD = 132;
/** A round begins: addresses mean other things from here on. */
export const RECORD_ROUND = 133;

export interface TraceRing {
  readonly records: Float64Array;
  /** [0] records ever written. */
  readonly written: Int32Array;
}

export interface ProfileSettings {
  readonly by: 'class' | 'instance' | 'site' | 'owner';
  readonly exact: boolean;
  readonly trace: boolean;
  /** Holders of this lock, named without `&` and what is before `->`, take so much longer in rounds with the delay. */
  readonly inject: { readonly lock: string; readonly ns: number } | null;
}

/** What the main thread and the CPUs of a profiled machine share. */
export interface ProfileBuffers {
  readonly settings: ProfileSettings;
  readonly cpus: number;
  /** Seconds of the monotonic clock that times count from. */
  readonly originSeconds: number;
  readonly ids: Int16Array;
  readonly types: Int8Array;
  readonly takers: Int32Array;
  readonly asking: Int32Array;
  readonly handed: Int32Array;
  /** For each number: 1 where the lock's holders are delayed. */
  readonly injected: Int8Array;
  /** areas[CPU][0 without, 1 with the delay]. */
  readonly areas: readonly (readonly Area[])[];
  readonly rings: readonly TraceRing[];
}

const doubles = (count: number): Float64Array => new Float64Array(new SharedArrayBuffer(count * 8));
const words = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(count * 4));
const unsigned = (count: number): Uint32Array => new Uint32Array(new SharedArrayBuffer(count * 4));

function makeArea(): Area {
  return {
    numbers: doubles(CPU_FIELDS),
    rows: doubles(ROWS_MAX * ROW_FIELDS),
    left: words(LEFT_WORDS),
    histograms: unsigned(ROWS_MAX * 2 * BUCKETS),
    irqHistogram: unsigned(BUCKETS),
    edges: doubles(EDGES_MAX * EDGE_FIELDS),
    names: new Uint8Array(new SharedArrayBuffer(NAMES_MAX * NAME_BYTES)),
  };
}

/** New buffers for a machine with so many CPUs. Memory that nobody touches costs nothing. */
export function makeProfileBuffers(cpus: number, settings: ProfileSettings): ProfileBuffers {
  const threads = Array.from({ length: cpus + 1 }, (_, cpu) => cpu);
  const variants = settings.inject === null ? 1 : 2;
  return {
    settings,
    cpus,
    originSeconds: process.hrtime()[0],
    ids: new Int16Array(new SharedArrayBuffer(MEMORY_WORDS_MAX * 2)),
    types: new Int8Array(new SharedArrayBuffer(IDS_MAX)),
    takers: words(MEMORY_WORDS_MAX),
    asking: words(1 << SLOT_BITS),
    handed: words(MEMORY_WORDS_MAX),
    injected: new Int8Array(new SharedArrayBuffer(IDS_MAX)),
    areas: threads.map(() => Array.from({ length: variants }, makeArea)),
    rings: settings.trace ? threads.map(() => ({ records: doubles(RECORDS * RECORD_FIELDS), written: words(1) })) : [],
  };
}

/** Nanoseconds since the profile's origin. */
export type Clock = () => number;

/** The monotonic clock; the same on all threads. */
export function monotonicClock({ originSeconds }: ProfileBuffers): Clock {
  return () => {
    const [seconds, nanoseconds] = process.hrtime();
    return (seconds - originSeconds) * 1e9 + nanoseconds;
  };
}
