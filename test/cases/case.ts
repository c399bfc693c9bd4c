/**
 * Acceptance cases: small programs that must end well on both machines, each with the sentence that it shows.
 *
 * The kernel code of a case is written once. Its tasks run on other threads on the real machine, so what they tell each other lies
 * in shared memory (bench.ts); an expectation that fails is a finding on either machine.
 */
import type { Seams } from '../../src/core/seams.ts';
import type { Program } from '../../src/machine/machine.ts';
import type { Bench } from './bench.ts';

export interface AcceptanceCase {
  /** Which lists ask for it and where: `patch 5`, `patch 4, dmsetup 52`. docs/TESTING.md has a row for each case. */
  readonly of: string;
  /** What it shows; the name of its tests. */
  readonly sentence: string;
  /** Default unified. */
  readonly presets?: readonly string[];
  /** Bugs of src/variants/bugs that it must notice, under each of its presets. */
  readonly bugs?: readonly string[];
  /** A mistake in the core that it must notice, where no bug of the list is one; under each of its presets. */
  readonly planted?: Partial<Seams>;
  /** With a bug, on threads: each operation of this function sleeps, as the window of the bug is too small to be hit for certain. */
  readonly slow?: { readonly file: string; readonly func: string };
  /** How often it runs where that is more than usual. */
  readonly times?: { readonly schedules: number; readonly rounds: number };
  build(bench: Bench): Program;
}

/** CPUs of every case. kmultipathd runs on CPU 0 and kdmflush on the last one: an administrator on CPU 1 races with both. */
export const CASE_CPUS = 3;
