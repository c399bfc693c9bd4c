/**
 * Runs small programs on the model machine, and says what is expected of them.
 */
import type { Test } from 'tap';
import { type ExploreResult, explore } from '../../src/explore/explore.ts';
import { Walk } from '../../src/explore/strategies/walk.ts';
import { bindListeners } from '../../src/machine/events.ts';
import type { FindingKind } from '../../src/machine/finding.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import type { Actor, FindingReport, Program } from '../../src/machine/machine.ts';
import type { Scenario } from '../../src/scenarios/scenario.ts';
import { Lockdep } from '../../src/shared/lockdep/lockdep.ts';

export interface ModelOptions {
  readonly seed?: number;
  readonly executions?: number;
  readonly lock?: 'tas' | 'ticket';
  readonly stepLimit?: number;
  /** Whether the lock validator listens; default: yes. Off for what is meant to go wrong in another way. */
  readonly lockdep?: boolean;
}

/** What the tests need of a scenario. */
export type Runnable = Pick<Scenario, 'cpus' | 'staticWords' | 'build' | 'slots'>;

/** Executions under the seeded walk, up to the first finding. */
export function runModel(scenario: Runnable, options: ModelOptions = {}): ExploreResult {
  const { seed = 1, executions = 300, lock = 'tas', stepLimit = 5000, lockdep = true } = options;
  const validator = lockdep ? new Lockdep({ throws: true }) : null;
  bindListeners(validator === null ? [] : [validator.hear]);
  try {
    return explore(scenario.build, new Walk(seed), executions, {
      settings: { cpus: scenario.cpus, lock, oracles: false },
      slots: scenario.slots ?? {},
      staticWords: scenario.staticWords,
      stepLimit,
      lockdep: validator,
    });
  } finally {
    bindListeners([]);
  }
}

/** Words that a program of a test may declare. */
const TEST_STATIC_WORDS = 64;

/** A program whose parts are built once for each machine. `cpus` defaults to one for each actor. */
export function program(build: () => Program & { readonly slots?: never }, cpus?: number): Runnable {
  return { cpus: cpus ?? 4, staticWords: TEST_STATIC_WORDS, build };
}

/** Actors `actor0`, `actor1`, … on CPUs of their own. */
export function onCpus(...runs: (() => Kernel<void>)[]): Actor[] {
  return runs.map((run, cpu) => ({ name: `actor${cpu}`, cpu, run }));
}

/** One task alone on CPU 0; `declare` runs first. Gives what it ended with. */
export function runTask(task: () => Kernel<void>, options: ModelOptions & { slots?: Record<string, number> } = {}) {
  const { slots = {}, ...rest } = options;
  return runModel(
    { cpus: 2, staticWords: TEST_STATIC_WORDS, slots, build: () => ({ actors: onCpus(task) }) },
    { executions: 1, ...rest },
  );
}

export interface ExpectedFinding {
  readonly kind: FindingKind;
  readonly invariant?: string;
  readonly message: RegExp;
}

/** The run must have ended with this finding. */
export function expectFinding(
  t: Test,
  result: { readonly finding: FindingReport | null },
  expected: ExpectedFinding,
): void {
  const { finding } = result;
  if (finding === null) {
    t.fail(`no finding; a ${expected.kind} was expected`);
    return;
  }
  t.equal(finding.kind, expected.kind, finding.message);
  if (expected.invariant !== undefined) t.equal(finding.invariant, expected.invariant);
  t.match(finding.message, expected.message);
}

/** The run must have ended without a finding. */
export function expectClean(t: Test, result: { readonly finding: FindingReport | null }): void {
  t.equal(result.finding, null, result.finding === null ? 'no finding' : result.finding.message);
}
