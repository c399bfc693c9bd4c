/**
 * What a litmus test expects of a machine: of the model every declared outcome, of threads none but those.
 */
import type { Test } from 'tap';
import type { FindingReport } from '../../src/machine/machine.ts';
import { type Litmus, OUTCOME_SEPARATOR, type SpinLockName } from '../../src/scenarios/litmus/litmus.ts';
import type { Scenario } from '../../src/scenarios/scenario.ts';

export interface LitmusRun {
  readonly finding: FindingReport | null;
  /** What Program.outcome said in each round, in any order. */
  readonly outcomes: Iterable<string>;
}

/** Runs a scenario on some machine. */
export type RunOnMachine = (scenario: Scenario, spinLock: SpinLockName) => LitmusRun | Promise<LitmusRun>;

export interface LitmusExpectation {
  readonly iterations: number;
  /** The machine tries everything, so each allowed outcome must be seen and a broken program must be caught. */
  readonly exhaustive: boolean;
}

/** Runs a litmus test on each kind of spinlock that it is for. */
export async function checkLitmus(
  t: Test,
  test: Litmus,
  runOnMachine: RunOnMachine,
  expectation: LitmusExpectation,
): Promise<void> {
  const scenario = test.scenario({ iterations: expectation.iterations });
  for (const spinLock of test.spinLocks) {
    const run = await runOnMachine(scenario, spinLock);
    if (test.finding === undefined) checkOutcomes(t, `${scenario.title} (${spinLock})`, scenario, run, expectation);
    else checkCaught(t, `${scenario.title} (${spinLock})`, test.finding, run, expectation);
  }
}

function checkOutcomes(
  t: Test,
  title: string,
  scenario: Scenario,
  run: LitmusRun,
  { exhaustive }: LitmusExpectation,
): void {
  t.equal(run.finding, null, run.finding === null ? title : `${title}: ${run.finding.message}`);
  const allowed = [...(scenario.outcomes ?? [])].sort();
  const seen = [...new Set([...run.outcomes].flatMap((outcome) => outcome.split(OUTCOME_SEPARATOR)))].sort();
  if (exhaustive) t.strictSame(seen, allowed, title);
  else
    t.strictSame(
      seen.filter((outcome) => !allowed.includes(outcome)),
      [],
      title,
    );
}

/** Threads may be lucky: without a finding there is nothing to say about a broken program on them. */
function checkCaught(
  t: Test,
  title: string,
  expected: NonNullable<Litmus['finding']>,
  { finding }: LitmusRun,
  { exhaustive }: LitmusExpectation,
): void {
  if (finding === null) {
    if (exhaustive) t.fail(`${title}: not caught`);
    return;
  }
  t.equal(finding.kind, expected.kind, `${title}: ${finding.message}`);
  t.match(finding.message, expected.message);
}
