/**
 * Bugs: historic mistakes, each in a file of its own under bugs/, that swap a few seams of a preset.
 *
 * A bug adds no operation, delay or choice that the historic code lacked. Its scenario uses public verbs only, and is clean
 * without the bug.
 */
import type { Seams } from '../core/seams.ts';
import type { FindingKind } from '../machine/finding.ts';
import type { MultipathSeams } from '../targets/multipath/seams.ts';

export interface ExpectedFinding {
  readonly kind: FindingKind;
  /** Names of spec D, any of which may be the one that notices. */
  readonly invariants: readonly string[];
  /** What may be noticed first: by the lock validator or the race detector, where it does not bite, or by a rule that it breaks too. */
  readonly or?: Omit<ExpectedFinding, 'or'>;
}

/** Whether a finding is what is expected. */
export const isExpected = (
  finding: { readonly kind: FindingKind; readonly invariant: string },
  { kind, invariants, or }: ExpectedFinding,
): boolean =>
  (finding.kind === kind && invariants.includes(finding.invariant)) || (or !== undefined && isExpected(finding, or));

export interface Bug {
  readonly id: string;
  readonly title: string;
  /** The commit that introduced it or avoided it. */
  readonly commit: string;
  /** The document that it comes from: '000' … '004'. */
  readonly seed: string;
  readonly preset: string;
  /** The seams that it replaces, of the core and of multipath. */
  readonly swaps: Partial<Seams>;
  readonly multipath?: Partial<MultipathSeams>;
  /** The scenario that shows it, and the suite whose rounds can; null: no suite is known to. */
  readonly scenario: string;
  readonly suite: string | null;
  /** What it must give, on each machine; null: nothing is said about threads. */
  readonly model: ExpectedFinding;
  readonly real: ExpectedFinding | null;
}
