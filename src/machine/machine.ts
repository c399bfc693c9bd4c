/**
 * What both machines are asked to run, and what they answer.
 */
import type { FindingKind } from './finding.ts';
import type { Kernel } from './kernel.ts';

/**
 * One actor of a scenario: a task on a CPU. Submitters, the administrator (ioctl verbs, signals) and those who make faults are all
 * this: on either machine they act through kernel code alone.
 */
export interface Actor {
  readonly name: string;
  readonly cpu: number;
  run(): Kernel<void>;
}

/**
 * What a machine runs: `setup` alone on CPU 0, then all actors together, then `verify` alone on CPU 0; each part begins when
 * the machine is quiet. Built anew in every worker from the same words, so that all see the same shared addresses.
 */
export interface Program {
  readonly setup?: () => Kernel<void>;
  readonly actors: readonly Actor[];
  readonly verify?: () => Kernel<void>;
  /** The words that the scenario declares as its outcome, read when the machine is quiet at the end. */
  readonly outcome?: () => string;
  /** What the run counted, by name (`bios.submitted`), read when the machine is quiet at the end; runs are summed. */
  readonly counts?: () => Readonly<Record<string, number>>;
}

/** How often in a run each kind of thing may happen on the model machine; 9: as often as it comes. */
export interface Budget {
  /** A signal comes to an actor that sleeps interruptibly. */
  readonly signals: number;
  /** A sleeper wakes up for no reason. */
  readonly wakeups: number;
  /** An allocation fails that may fail. */
  readonly allocations: number;
  /** An interrupt enters although its CPU could go on. One that comes to a CPU that cannot is not counted. */
  readonly interrupts: number;
  /** A timer goes off although somebody could move. One that nobody moves before is not counted. */
  readonly timers: number;
}

/** How a machine is set up; the same on both. */
export interface Settings {
  readonly cpus: number;
  readonly lock: 'tas' | 'ticket';
  /** Oracles listen. */
  readonly oracles: boolean;
}

/** Where a CPU stood when a finding was made. */
export interface PlaceReport {
  readonly cpu: number;
  /** Task or interrupt, `idle` when none; on threads the task, and `, in a hardirq` or `, in a softirq` if so. */
  readonly who: string;
  /** Function and line of its pending or last operation. */
  readonly at: string;
  readonly holds: readonly string[];
  /** What it waits for, '' when it could go on. */
  readonly waitsFor: string;
  /** Its last steps, oldest first; on the model machine the last of the whole run are enough and this is empty. */
  readonly lastSteps: readonly string[];
}

export interface FindingReport {
  readonly kind: FindingKind;
  readonly invariant: string;
  readonly message: string;
  readonly site: string;
  readonly places: readonly PlaceReport[];
  /** What there is to say beside the sentence: a report of the lock validator. */
  readonly report?: readonly string[];
}

/** How a run ended. */
export interface RunOutcome {
  readonly finding: FindingReport | null;
  /** What earlier runs chose that the finding depends on, since the lock validator remembers them; missing: on none. */
  readonly earlier?: readonly Int32Array[];
  /** What Program.outcome said; null after a finding. */
  readonly outcome: string | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly steps: number;
}
