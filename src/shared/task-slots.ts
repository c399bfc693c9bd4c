/**
 * Which slots of a CPU's task table are taken. Any CPU may start a task on any other.
 *
 * The bits belong to the machine, like the allocator's lists: no kernel code looks at them, so changing them is no operation.
 */
import { report } from '../machine/finding.ts';
import { memory } from './memory.ts';
import { CPU_RUNNABLE, CPU_SLOTS, TASK_SLOTS } from './per-cpu-layout.ts';

/** Takes the lowest free slot of the CPU whose area begins at `base`. */
export function takeTaskSlot(base: number): number {
  const w = memory.words;
  for (;;) {
    const taken = Atomics.load(w, base + CPU_SLOTS);
    const slot = 31 - Math.clz32(~taken & (taken + 1));
    if (slot >= TASK_SLOTS) report('assertion', '', 'a CPU has no task slot left');
    if (Atomics.compareExchange(w, base + CPU_SLOTS, taken, taken | (1 << slot)) === taken) return slot;
  }
}

/** Gives a slot back, on its own CPU. A wake-up that came too late is forgotten. */
export function releaseTaskSlot(base: number, slot: number): void {
  Atomics.and(memory.words, base + CPU_RUNNABLE, ~(1 << slot));
  Atomics.and(memory.words, base + CPU_SLOTS, ~(1 << slot));
}
