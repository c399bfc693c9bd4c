/**
 * Hard interrupts: per-CPU pending lines and what a CPU does when it takes one.
 *
 * The machine calls `doIrq` between two operations of the CPU that a line is pending on, only when its interrupts are on, on
 * top of whatever runs there. Handlers run with interrupts off and do not nest. Softirqs run on the way out.
 */
import { EV_IRQ_ENTER, EV_IRQ_EXIT, emit, emitIrqsOn, hearing } from '../machine/events.ts';
import { report } from '../machine/finding.ts';
import { type Kernel, RMW_OR } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import type { Site } from '../machine/site.ts';
import { memory, perCpuBase } from '../shared/memory.ts';
import { cpu, cpuBase } from '../shared/per-cpu.ts';
import {
  CPU_HARDIRQ_DEPTH,
  CPU_INTERRUPTS,
  CPU_IRQS_OFF,
  CPU_PENDING,
  CPU_PREEMPT,
  CPU_SOFTIRQ_DEPTH,
  CPU_SOFTIRQ_PENDING,
} from '../shared/per-cpu-layout.ts';
import { doSoftirq } from './softirq.ts';

/** Lines of the interrupt controller: bit numbers in CPU_PENDING. */
export const LINE_DEVICE = 0;
export const LINE_TIMER = 1;

const handlers: { name: string; handler: () => Kernel<void> }[] = [];

/** Installs the handler of a line. */
export function requestIrq(line: number, name: string, handler: () => Kernel<void>): void {
  handlers[line] = { name, handler };
}

export function irqName(line: number): string {
  return handlers[line]?.name ?? `line ${line}`;
}

/** Raises a line on a CPU: the controller remembers it until the CPU takes it. */
export function* raiseIrq(target: number, line: number, site: Site): Kernel<void> {
  yield* ops.rmw(perCpuBase(target) + CPU_PENDING, RMW_OR, 1 << line, site);
  ops.ring(target);
}

/** Takes one line, which the machine has just acknowledged. Interrupts are on when this is called and on when it ends. */
export function* doIrq(line: number): Kernel<void> {
  const w = memory.words;
  const base = cpuBase;
  w[base + CPU_IRQS_OFF] = 1;
  (w[base + CPU_HARDIRQ_DEPTH] as number)++;
  (w[base + CPU_INTERRUPTS] as number)++;
  emit(EV_IRQ_ENTER, line, 0, 0);
  const held = w[base + CPU_PREEMPT];
  yield* (handlers[line] as { handler: () => Kernel<void> }).handler();
  if (w[base + CPU_PREEMPT] !== held)
    report('assertion', 'I18', `the handler of irq ${irqName(line)} ends on CPU ${cpu} with a spinlock held`);
  if (w[base + CPU_IRQS_OFF] === 0)
    report('irq-unsafe', 'I17', `the handler of irq ${irqName(line)} ends on CPU ${cpu} with interrupts on`);
  emit(EV_IRQ_EXIT, line, 0, 0);
  (w[base + CPU_HARDIRQ_DEPTH] as number)--;
  if (w[base + CPU_SOFTIRQ_DEPTH] === 0 && w[base + CPU_SOFTIRQ_PENDING] !== 0) yield* doSoftirq();
  w[base + CPU_IRQS_OFF] = 0;
  if (hearing !== 0) emitIrqsOn(0);
}
