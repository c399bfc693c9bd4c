/**
 * Scenarios: bounded programs for both machines, and suites, which make rounds of them from a seed.
 */
import type { Budget, Program } from '../machine/machine.ts';
import type { RoundPart } from './suites/leave-out.ts';

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly cpus: number;
  /** Slots for kinds of object that need more, or fewer, than their default. */
  readonly slots?: Readonly<Record<string, number>>;
  /** Words that `build` declares. */
  readonly staticWords: number;
  /**
   * The complete set of outcomes that are allowed. Each of them must be seen on the model machine; on threads a subset may be.
   */
  readonly outcomes?: readonly string[];
  /** What it takes beside what happens in all scenarios, unless `--budget` says otherwise: its promises hold whenever that comes. */
  readonly budget?: Partial<Budget>;
  /** Steps after which a run on the model machine counts as a livelock, if it is known to be short. */
  readonly stepLimit?: number;
  /** Presets without known bugs in which it goes wrong all the same, and why: searches through all scenarios leave it out there. */
  readonly notIn?: Readonly<Record<string, string>>;
  /** Declares its words and gives its program. Runs once in every worker, the same way in each. */
  build(): Program;
}

/** A seeded generator of rounds for the real machine; each round is a scenario named `SUITE@SEED.ROUND`. */
export interface Suite {
  readonly name: string;
  readonly title: string;
  /** Presets that lack what it is about, and why: a run of all suites leaves it out there. */
  readonly notIn?: Readonly<Record<string, string>>;
  /** `without`: a bit for each part that is left out (suites/leave-out.ts). */
  round(seed: number, round: number, cpus: number, without?: bigint): Scenario;
  /** What can be left out of a round; missing: nothing. */
  parts?(seed: number, round: number, cpus: number): readonly RoundPart[];
}
