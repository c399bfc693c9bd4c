/**
 * A profile under way, on the thread that this module is loaded in: a CPU's, which counts, or the main one, which names locks.
 *
 * A machine knows nothing of it: the boot module gets the buffers with the machine, and says when a round begins.
 */
import { bindProfiler, type Listener } from '../machine/events.ts';
import { type Area, type Clock, monotonicClock, type ProfileBuffers } from './layout.ts';
import { type LockName, LockNames } from './lock-names.ts';
import { LockProfiler } from './profiler.ts';
import { TraceWriter } from './trace-writer.ts';
import { Names } from './who.ts';

/** What is done when a memory is attached and its program is built. */
interface Side {
  startRound(variant: number): void;
}

let side: Side | null = null;
let names: LockNames | null = null;

/** What counts on this CPU; null: nothing, or the main thread. For who listens beside it. */
export let cpuProfiler: LockProfiler | null = null;

/** What a trace hears of the event stream besides; to be bound with other listeners. */
export let traceListeners: readonly Listener[] = [];

class CpuSide implements Side {
  readonly #variants: readonly LockProfiler[];
  readonly #trace: TraceWriter | null;

  constructor(buffers: ProfileBuffers, cpu: number, clock: Clock) {
    const areas = buffers.areas[cpu] as readonly Area[];
    const ring = buffers.rings[cpu];
    const trace = ring === undefined ? null : new TraceWriter(ring, clock);
    const names = new Names(areas[0] as Area);
    this.#trace = trace;
    this.#variants = areas.map((_, variant) => new LockProfiler(buffers, cpu, variant, clock, names, trace));
  }

  startRound(variant: number): void {
    const profiler = this.#variants[variant] as LockProfiler;
    profiler.startRound();
    bindProfiler(profiler);
    cpuProfiler = profiler;
  }

  listeners(): readonly Listener[] {
    return this.#trace === null ? [] : [this.#trace.hear];
  }
}

/** This thread is a CPU of a machine that is profiled; null: of one that is not. `clock`: default the monotonic one. */
export function attachCpu(buffers: ProfileBuffers | null, cpu: number, clock?: Clock): void {
  bindProfiler(null);
  cpuProfiler = null;
  side = null;
  traceListeners = [];
  if (buffers === null) return;
  const own = new CpuSide(buffers, cpu, clock ?? monotonicClock(buffers));
  side = own;
  traceListeners = own.listeners();
}

/** This thread orders the rounds of such a machine. */
export function attachMain(buffers: ProfileBuffers | null): void {
  names = buffers === null ? null : new LockNames(buffers);
  side = names === null ? null : { startRound: () => names?.map() };
}

/** What the numbers of locks mean, on the main thread. */
export function lockNames(): readonly LockName[] {
  return names?.list ?? [];
}

/** The memory is attached and the program built. `variant`: 1 in rounds with the injected delay, else 0. */
export function startProfiledRound(variant: number): void {
  side?.startRound(variant);
}
