/**
 * Findings: what a machine says when kernel code broke a rule.
 *
 * A finding is thrown at the access that breaks the rule and ends the run on both machines. Anything else that is thrown
 * is a fault of the harness itself.
 */
import type { Site } from './site.ts';

/** The closed list of what can be wrong. New kinds go to its end: schedules name them by number. */
export const FINDING_KINDS = [
  'lost-bio',
  'double-completion',
  'wrong-error',
  'reorder',
  'torn',
  'use-after-free',
  'race',
  'deadlock',
  'self-deadlock',
  'lost-wakeup',
  'livelock',
  'sleep-in-atomic',
  'irq-unsafe',
  'lock-order',
  'leak',
  'assertion',
  'hang',
] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

/** Thrown where a rule is broken. `invariant` is the name of spec D (`I8`), or '' where none is named. */
export class KernelFinding extends Error {
  readonly kind: FindingKind;
  readonly invariant: string;
  readonly site: Site;
  /** What there is to say beside the sentence: a report of the lock validator. */
  readonly report: readonly string[];

  constructor(kind: FindingKind, invariant: string, message: string, site: Site = 0, report: readonly string[] = []) {
    super(message);
    this.name = 'KernelFinding';
    this.kind = kind;
    this.invariant = invariant;
    this.site = site;
    this.report = report;
  }
}

/** Ends the run with a finding. */
export function report(kind: FindingKind, invariant: string, message: string, site: Site = 0): never {
  throw new KernelFinding(kind, invariant, message, site);
}

/** A state that our own code must never reach. Always on. */
export function bugOn(condition: boolean, message: string): void {
  if (condition) throw new KernelFinding('assertion', '', `BUG: ${message}`);
}
