/**
 * The CPU that this thread is (real machine) or plays at this step (model machine).
 *
 * Only the CPU itself writes these words, so they are read and written without a star.
 */

import { report } from '../machine/finding.ts';
import { memory, perCpuBase } from './memory.ts';
import { CPU_HARDIRQ_DEPTH, CPU_IRQS_OFF, CPU_PREEMPT, CPU_SOFTIRQ_DEPTH } from './per-cpu-layout.ts';

/** Number of the running CPU. */
export let cpu = 0;
/** First word of its area. */
export let cpuBase = 0;

/** The machine moves to another CPU. */
export function enterCpu(number: number): void {
  cpu = number;
  cpuBase = perCpuBase(number);
}

/** How many CPUs there are, the interrupt actor not counted; its number is this one. */
export function cpuCount(): number {
  return memory.plan === null ? 0 : memory.plan.config.cpus;
}

/** In a hard or soft interrupt. */
export function inInterrupt(): boolean {
  const w = memory.words;
  return ((w[cpuBase + CPU_HARDIRQ_DEPTH] as number) | (w[cpuBase + CPU_SOFTIRQ_DEPTH] as number)) !== 0;
}

/** Interrupts of this CPU are off. */
export function irqsDisabled(): boolean {
  return memory.words[cpuBase + CPU_IRQS_OFF] !== 0;
}

/** Sleeping is forbidden here: in an interrupt, with a spinlock held, or with irqs off. */
export function inAtomic(): boolean {
  return inInterrupt() || irqsDisabled() || memory.words[cpuBase + CPU_PREEMPT] !== 0;
}

/** A task ends: it must leave its CPU as it found it. */
export function checkTaskEnd(name: string): void {
  const held = memory.words[cpuBase + CPU_PREEMPT] as number;
  if (held !== 0)
    report('assertion', 'I18', `${name} ends on CPU ${cpu} while it holds ${held} spinlock${held === 1 ? '' : 's'}`);
  if (irqsDisabled()) report('irq-unsafe', 'I17', `${name} ends on CPU ${cpu} with interrupts off`);
}
