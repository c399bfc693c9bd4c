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

/** `delayed`: with the injected delay. `unheard`: without the profiler, to see what it changes. */
export type ProfiledRound = 'heard' | 'delayed' | 'unheard';

/** What is done when a memory is attached and its program is built. */
interface Side {
  startRound(round: ProfiledRound): void;
}

let side: Side | null = null;
let names: LockNames | null = null;

/** What counts on this CPU; null: nothing, or the main thread. For who listens beside it. */
export let cpuProfiler: LockProfiler | null = null;

let traceHears: readonly Listener[] = [];
/** What a trace hears of the event stream besides; to be bound with other listeners. */
export const traceListeners = (round: ProfiledRound = 'heard'): readonly Listener[] =>
  round === 'unheard' ? [] : traceHears;

class CpuSide implements Side {
  readonly #variants: readonly LockProfiler[];
  readonly #trace: TraceWriter | null;

  constructor(buffers: ProfileBuffers, cpu: number, clock: Clock) {
    const areas = buffers.areas[cpu] as readonly Area[];
    const ring = buffers.rings[cpu];
    const trace = ring === undefined ? null : new TraceWriter(ring, clock);
    const names = new Names(areas[0] as Area, cpu);
    this.#trace = trace;
    this.#variants = areas.map((_, variant) => new LockProfiler(buffers, cpu, variant, clock, names, trace));
  }

  startRound(round: ProfiledRound): void {
    cpuProfiler = round === 'unheard' ? null : (this.#variants[round === 'delayed' ? 1 : 0] as LockProfiler);
    cpuProfiler?.startRound();
    bindProfiler(cpuProfiler);
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
  traceHears = [];
  if (buffers === null) return;
  const own = new CpuSide(buffers, cpu, clock ?? monotonicClock(buffers));
  side = own;
  traceHears = own.listeners();
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

/** The memory is attached and the program built. */
export function startProfiledRound(round: ProfiledRound = 'heard'): void {
  side?.startRound(round);
}
