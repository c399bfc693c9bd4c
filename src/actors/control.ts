/**
 * The control block: words beside the machine's memory through which the main thread and its workers run rounds.
 *
 * They are no kernel state and outlive a round's memory.
 *
 *   ROUND      number of the round; bumped by main when its memory is ready               workers sleep on it between rounds
 *   ARRIVED    a bit for each worker that has built the round's program, and again has left it   workers set, main clears
 *   GO         number of the round that may start; bumped by main when all have arrived   workers sleep on it
 *   PART       part of the program that may run (an index of PARTS, from 1)                main; CPU 0 starts its tasks
 *   STOP       0 run, 1 the round is over, 2 a CPU has a finding, 3 the machine ends       main, or the CPU with the finding
 *   LIVE       tasks of the part that have not ended                                       CPUs
 *   PARKED     CPUs that sleep with nothing to do, the actor among them                    CPUs
 *   QUIET      bumped by the CPU that parks last: main looks whether all is quiet          main sleeps on it
 *   REPORT     0 free, else CPU + 1 of the one whose finding is in the report text         compare-and-swap, first wins
 *   ORDER_LEN, REPORT_LEN   bytes of the two texts
 *   NOTE_LEN … bytes of each CPU's note                                                  the CPU, when it leaves a round
 *   CLOCK      whole seconds of the monotonic clock when the machine was made
 */
export const ROUND = 0;
export const ARRIVED = 1;
export const GO = 2;
export const PART = 3;
export const STOP = 4;
export const LIVE = 5;
export const PARKED = 6;
export const QUIET = 7;
export const REPORT = 8;
export const ORDER_LEN = 9;
export const REPORT_LEN = 10;
export const CLOCK = 11;
/** One word for each CPU and for the interrupt actor. */
export const NOTE_LEN = 16;
const CONTROL_WORDS = 64;

export const STOP_NOT = 0;
export const STOP_ROUND = 1;
export const STOP_FINDING = 2;
export const STOP_MACHINE = 3;

const TEXT_BYTES = 16384;
/** What a CPU says when it leaves a round. */
const NOTE_BYTES = 1 << 18;
/** CPUs, and the interrupt actor. */
const NOTES = 17;

/** The buffers that main and workers share. */
export interface Shared {
  readonly control: Int32Array;
  readonly memory: Int32Array;
  readonly order: Uint8Array;
  readonly report: Uint8Array;
  /** By CPU. */
  readonly notes: readonly Uint8Array[];
}

/** New shared buffers with a memory of `words` words. */
export function makeShared(words: number): Shared {
  return {
    control: new Int32Array(new SharedArrayBuffer(CONTROL_WORDS * 4)),
    memory: new Int32Array(new SharedArrayBuffer(words * 4)),
    order: new Uint8Array(new SharedArrayBuffer(TEXT_BYTES)),
    report: new Uint8Array(new SharedArrayBuffer(TEXT_BYTES)),
    notes: Array.from({ length: NOTES }, () => new Uint8Array(new SharedArrayBuffer(NOTE_BYTES))),
  };
}

/** Writes a text for the other side; longer ones are refused. */
export function writeText(control: Int32Array, lengthWord: number, into: Uint8Array, text: string): void {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > into.length) throw new Error(`a text of ${bytes.length} bytes is too long for the control block`);
  into.set(bytes);
  Atomics.store(control, lengthWord, bytes.length);
}

export function readText(control: Int32Array, lengthWord: number, from: Uint8Array): string {
  return new TextDecoder().decode(from.slice(0, Atomics.load(control, lengthWord)));
}

/** Microseconds of the monotonic clock, the same on all threads, from a common origin in seconds. */
export function clockUs(originSeconds: number): number {
  const [seconds, nanoseconds] = process.hrtime();
  return (seconds - originSeconds) * 1_000_000 + Math.floor(nanoseconds / 1000);
}

export function clockSeconds(): number {
  return process.hrtime()[0];
}
