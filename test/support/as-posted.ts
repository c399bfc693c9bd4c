/**
 * Tests of a preset that has mistakes by nature: each is found in the preset, and the same program is clean in the one that has not.
 */
import { type Test, test } from 'tap';
import { exploreScenario } from '../../src/cli/explore-scenario.ts';
import { dmTableLoad, dmTableStatus, doResume, doSuspend } from '../../src/core/ioctl.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import type { FindingReport } from '../../src/machine/machine.ts';
import { kernelTest } from './kernel.ts';
import { type ExpectedFinding, expectClean } from './model.ts';

/** The preset has several mistakes, so a search may meet another one first: then the next seed is asked. */
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

export interface Presets {
  readonly posted: string;
  readonly clean: string;
  /** At most, for each seed, until the mistake is found. */
  readonly executionsMax: number;
  readonly cleanExecutions: number;
}

export interface Mistake {
  readonly what: string;
  /** Of the registry. */
  readonly scenario: string;
  /** Default: the walk. */
  readonly strategy?: 'walk' | 'uniform';
  readonly expected: ExpectedFinding & { readonly message: RegExp };
}

export function mistakeTest(presets: Presets, { what, scenario, strategy = 'walk', expected }: Mistake): void {
  const { posted, clean, executionsMax, cleanExecutions } = presets;
  const explored = (preset: string, seed: number, executions: number) =>
    exploreScenario(
      { scenario, cpus: 4, seed, executions, seconds: null, strategy, preset, bug: null, lock: 'tas' },
      () => false,
    );
  test(`${posted} has ${what}, and ${clean} has not`, async (t: Test) => {
    let found: FindingReport | null = null;
    for (const seed of SEEDS) {
      ({ finding: found } = await explored(posted, seed, executionsMax));
      t.comment(`seed ${seed}: ${found?.message}`);
      if (found !== null && expected.message.test(found.message)) break;
    }
    t.match(found, expected);
    expectClean(t, await explored(clean, 1, cleanExecutions));
  });
}

/** `shows`: all that status shows of a table while another is swapped in for it. */
export function swapTest(preset: string, shows: readonly string[]): void {
  const all = new Set<string>();
  kernelTest(
    `${preset}: what status shows while a table is swapped`,
    function* swapped(world) {
      const md = yield* world.device('0 4 zero');
      yield* dmTableLoad(md, '0 4 error');
      yield* doSuspend(md, 0);
      const reader = world.start(1, function* read(): Kernel<void> {
        for (let i = 0; i < 12; i++) all.add(yield* dmTableStatus(md, false));
      });
      yield* doResume(md, 0);
      yield* reader.join();
    },
    { preset, runs: 400 },
  );
  test(`${preset}: all that status has shown`, async (t) => {
    t.strictSame([...all].sort(), [...shows].sort());
  });
}
