/**
 * A boot module that profiles, and beside it writes every lock event down: what the profile should have counted.
 *
 * An entry has the time that the profiler read last. If it reads the clock at another event, or at none, sums differ.
 */
import type { Bootable } from '../../src/actors/boot-module.ts';
import { prepare as prepareScenario } from '../../src/cli/boot.ts';
import {
  bindListeners,
  EV_LOCK_ACQUIRED,
  EV_LOCK_CONTENDED,
  EV_LOCK_RELEASE,
  type Listener,
} from '../../src/machine/events.ts';
import type { ProfileBuffers } from '../../src/profile/layout.ts';
import { attachCpu, attachMain, cpuProfiler } from '../../src/profile/session.ts';
import { memory, perCpuBase } from '../../src/shared/memory.ts';
import { CPU_CURRENT, CPU_HARDIRQ_DEPTH, CPU_SOFTIRQ_DEPTH } from '../../src/shared/per-cpu-layout.ts';

export const LOG_FIELDS = 8;
const ENTRIES = 1 << 17;
/** Instead of the kind of an event: a round begins. */
export const LOG_ROUND = 0;

export interface LockLog {
  readonly buffers: ProfileBuffers;
  /** For each CPU: kind, word, exclusive, number of the lock, task, depth in interrupts, time, site. */
  readonly entries: readonly Float64Array[];
  /** For each CPU: entries written. */
  readonly written: Int32Array;
}

export function makeLockLog(buffers: ProfileBuffers): LockLog {
  const entries = buffers.areas.map(() => new Float64Array(new SharedArrayBuffer(ENTRIES * LOG_FIELDS * 8)));
  return { buffers, entries, written: new Int32Array(new SharedArrayBuffer(entries.length * 4)) };
}

let log: LockLog | null = null;
let own = 0;

function write(values: readonly number[]): void {
  if (log === null) return;
  const at = log.written[own] as number;
  if (at === ENTRIES) throw new Error('the log is full');
  (log.entries[own] as Float64Array).set(values, at * LOG_FIELDS);
  log.written[own] = at + 1;
}

const hear: Listener = (kind, a, b, site) => {
  if (kind !== EV_LOCK_ACQUIRED && kind !== EV_LOCK_CONTENDED && kind !== EV_LOCK_RELEASE) return;
  const w = memory.words;
  const base = perCpuBase(own);
  const depth = 2 * (w[base + CPU_HARDIRQ_DEPTH] as number) + (w[base + CPU_SOFTIRQ_DEPTH] as number);
  const id = log?.buffers.ids[a] as number;
  write([kind, a, b, id, w[base + CPU_CURRENT] as number, depth, cpuProfiler?.readAt ?? 0, site]);
};

export function attach(attachment: unknown, cpu: number | null): void {
  log = attachment as LockLog;
  if (cpu === null) {
    attachMain(log.buffers);
    return;
  }
  own = cpu;
  attachCpu(log.buffers, cpu);
}

export function prepare(order: unknown): Bootable {
  const bootable = prepareScenario(order);
  return {
    ...bootable,
    build() {
      const program = bootable.build();
      if (cpuProfiler !== null) {
        bindListeners([hear]);
        write([LOG_ROUND]);
      }
      return program;
    },
  };
}
