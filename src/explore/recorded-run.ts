/**
 * Runs on one machine that are recorded: what they chose, what they met, how they ended.
 */
import type { FindingReport } from '../machine/machine.ts';
import type { LockFact } from '../shared/lockdep/lock-facts.ts';
import type { ModelMachine } from './explore.ts';
import { type Decider, Recorder, type StepListener } from './recorder.ts';
import { type Choices, type Expected, endingOf } from './schedule.ts';
import { WordNames } from './word-names.ts';

export interface RecordedRun extends Choices, Expected {
  /** `found`: the finding; null: the run is clean. */
  readonly found: FindingReport | null;
  readonly traceHash: number;
  /** How often the run turns to another although it could go on where it is. */
  readonly switches: number;
  /** The decider gave up: the rest says nothing. */
  readonly gaveUp: boolean;
}

export class RunRecorder {
  readonly machine: ModelMachine;
  readonly names = new WordNames();
  /** Runs so far. */
  runs = 0;
  readonly #taught: LockFact[] = [];

  /** `earlier`: runs that come before each one, so that the lock validator knows what they have taught it. */
  constructor(machine: ModelMachine, earlier: readonly Decider[] = []) {
    this.machine = machine;
    this.earlier = earlier.map((decider, i) => {
      const run = this.#record(decider, null, -1 - i);
      this.#taught.push(...(machine.lockdep?.fresh ?? []));
      return run;
    });
  }

  /** The runs that come before each one, as they went. */
  readonly earlier: readonly RecordedRun[];

  run(decider: Decider, onStep: StepListener | null = null): RecordedRun {
    return this.#record(decider, onStep, 0);
  }

  #record(decider: Decider, onStep: StepListener | null, run: number): RecordedRun {
    const { machine } = this;
    machine.forgetLocks(this.#taught);
    const recorder = new Recorder(decider, this.names);
    recorder.onStep = onStep;
    machine.follow(recorder);
    const { finding: found } = machine.run(run);
    this.runs++;
    const { execution } = machine;
    return {
      found,
      traceHash: execution.hash,
      steps: recorder.steps,
      switches: recorder.switches,
      check: recorder.check >>> 0,
      checks: recorder.checks,
      ends: found === null ? null : endingOf(found),
      deviations: recorder.deviations,
      answers: recorder.answers,
      gaveUp: execution.gaveUp,
    };
  }
}
