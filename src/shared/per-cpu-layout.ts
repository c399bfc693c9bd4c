/**
 * The words of one CPU, as offsets from its base.
 *
 * Line 0 is written by other CPUs, the rest by the CPU itself: a counter that is bumped at every step must not share a
 * cache line with the doorbell that others ring.
 */

// Line 0: written by others.
/** One bit a line of the interrupt controller: raised, not yet taken. Bit 31: the machine stops (real machine). */
export const CPU_PENDING = 0;
/** Counts rings. Everybody who changes what this CPU may be parked on adds 1, then notifies. */
export const CPU_DOORBELL = 1;
/** 1 while the CPU sleeps on its doorbell or is about to; a ringer that reads 0 need not notify. */
export const CPU_PARKED = 2;
/** One bit a task slot: became runnable since the CPU looked last. */
export const CPU_RUNNABLE = 3;
/** One bit a task slot: taken. */
export const CPU_SLOTS = 4;
/** What the doorbell read when the CPU decided to park: equal to it now, nobody has rung since. Written by the CPU alone. */
export const CPU_PARK_SEQ = 5;
/** Spinlocks and rwlocks that this CPU had to wait for. Written by the CPU alone, and only when it waits. */
export const CPU_CONTENDED = 6;

// Line 1: written by the CPU alone.
/** 1 while interrupts are off. */
export const CPU_IRQS_OFF = 16;
export const CPU_HARDIRQ_DEPTH = 17;
export const CPU_SOFTIRQ_DEPTH = 18;
/** Spinlocks held. */
export const CPU_PREEMPT = 19;
/** One bit a softirq: raised on this CPU, not yet run. */
export const CPU_SOFTIRQ_PENDING = 20;
/** Handle of the running task, 0 when idle. */
export const CPU_CURRENT = 21;
export const CPU_STEPS = 22;
export const CPU_INTERRUPTS = 23;
export const CPU_SOFTIRQS = 24;
export const CPU_SWITCHES = 25;
export const CPU_PARKS = 26;
/** Handle of this CPU's ksoftirqd. */
export const CPU_KSOFTIRQD = 27;
/** Head and tail of the completions that the BLOCK softirq of this CPU will end. */
export const CPU_DONE_HEAD = 28;
export const CPU_DONE_TAIL = 29;
/** Head and tail of the timers that the TIMER softirq of this CPU will run. */
export const CPU_TIMERS_HEAD = 30;
export const CPU_TIMERS_TAIL = 31;

/** Handles of the tasks of this CPU, one a slot. */
export const CPU_TASKS = 32;
export const TASK_SLOTS = 30;
/** Head and tail of the requests that the BLOCK softirq of this CPU will complete. */
export const CPU_BLK_DONE_HEAD = 62;
export const CPU_BLK_DONE_TAIL = 63;

/** The completion rings (ring.ts) that the interrupt actor fills for this CPU, one for each of its two lines. */
export const CPU_COMPLETIONS = 64;
export const COMPLETION_ENTRIES = 32;

/** The last steps: CPU_STEPS & 63 is the place of the next one; site << STEP_SITE_SHIFT | word. */
export const CPU_STEP_RING = 160;
export const STEP_RING_ENTRIES = 64;
/** A memory has at most 2^20 words, the tree at most 2^12 sites. */
export const STEP_SITE_SHIFT = 20;

/** Those that are no part of a list or a ring, as findings print them. */
export const CPU_WORD_NAMES: Readonly<Record<number, string>> = {
  [CPU_PENDING]: 'irq pending',
  [CPU_DOORBELL]: 'doorbell',
  [CPU_PARKED]: 'parked',
  [CPU_RUNNABLE]: 'runnable',
  [CPU_SLOTS]: 'task slots',
  [CPU_PARK_SEQ]: 'park seq',
  [CPU_CONTENDED]: 'contended',
  [CPU_IRQS_OFF]: 'irqs off',
  [CPU_HARDIRQ_DEPTH]: 'hardirq count',
  [CPU_SOFTIRQ_DEPTH]: 'softirq count',
  [CPU_PREEMPT]: 'preempt count',
  [CPU_SOFTIRQ_PENDING]: 'softirq pending',
  [CPU_CURRENT]: 'current',
  [CPU_STEPS]: 'steps',
  [CPU_INTERRUPTS]: 'interrupts',
  [CPU_SOFTIRQS]: 'softirqs',
  [CPU_SWITCHES]: 'switches',
  [CPU_PARKS]: 'parks',
  [CPU_KSOFTIRQD]: 'ksoftirqd',
  [CPU_DONE_HEAD]: 'done head',
  [CPU_DONE_TAIL]: 'done tail',
  [CPU_TIMERS_HEAD]: 'timers head',
  [CPU_TIMERS_TAIL]: 'timers tail',
  [CPU_BLK_DONE_HEAD]: 'blk done head',
  [CPU_BLK_DONE_TAIL]: 'blk done tail',
};

export const PER_CPU_WORDS = CPU_STEP_RING + STEP_RING_ENTRIES;
