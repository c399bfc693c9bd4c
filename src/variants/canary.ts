/**
 * Canaries: variants that are broken on purpose, so that a run can show that it would notice.
 *
 * Unlike a bug, a canary may come with a delay at one seam: it has to be caught for certain, not to be hard to find.
 */
import type { Seams } from '../core/seams.ts';
import type { FindingKind } from '../machine/finding.ts';

export interface Canary {
  readonly id: string;
  readonly title: string;
  /** The preset in which it sings whatever preset is tested; missing: that one, or unified where it has no place for the mistake. */
  readonly preset?: string;
  /** The scenario whose rounds show it. */
  readonly scenario: string;
  /** The seams that it replaces. */
  readonly swaps: Partial<Seams>;
  readonly multipath?: never;
  /** Every operation of this function sleeps for so many microseconds; null: none does. */
  readonly delay: { readonly file: string; readonly func: string; readonly us: number } | null;
  /** Findings that count as caught. */
  readonly kinds: readonly FindingKind[];
  /** Rounds of one try: after so many without a finding the canary is missed. */
  readonly rounds: number;
}
