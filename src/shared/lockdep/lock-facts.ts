/**
 * What the validator learns from what runs: plain data, so that the facts of one thread, or of one run, can be joined with those of
 * others.
 */
import type { Site } from '../../machine/site.ts';

/** A lock that a context holds, and where it was taken. */
export interface HeldLock {
  readonly lock: string;
  readonly shared: boolean;
  readonly site: Site;
}

interface Learned {
  /** What was taken, or is waited for. */
  readonly lock: string;
  readonly shared: boolean;
  /** A reader who may take the lock again, whoever waits. */
  readonly recursive: boolean;
  readonly site: Site;
  /** The context that did it, and all that it held, outermost first. */
  readonly who: string;
  readonly holding: readonly HeldLock[];
  /** Number of the run, or of the round, in which it was seen first. */
  readonly run: number;
}

/** A lock is taken while another is held. */
export interface OrderFact extends Learned {
  readonly fact: 'order';
  readonly held: HeldLock;
}

export const IN_HARDIRQ = 0;
export const IN_SOFTIRQ = 1;
export const HARDIRQ_ON = 2;
export const SOFTIRQ_ON = 3;
/** How a class is used: taken in a hard or soft interrupt, or held where one may enter. */
export type LockUse = 0 | 1 | 2 | 3;

/** A lock is used in a context. */
export interface UseFact extends Learned {
  readonly fact: 'use';
  readonly use: LockUse;
}

export type LockFact = OrderFact | UseFact;
