/**
 * Runs a schedule again and compares what it meets with what was recorded, step by step.
 *
 * With the list of operations that was recorded each step is compared as it is about to be made. A schedule alone has a check of all
 * steps, one of each stretch, and the steps at which it departs from the default, so what is said is a stretch or such a step. After
 * the run has left its rails it goes on along the anchors that still fit: whether the finding still shows is worth knowing.
 */
import { OP_NAMES } from '../machine/kernel.ts';
import type { Context } from './context.ts';
import { FollowSchedule } from './deciders.ts';
import type { RecordedRun, RunRecorder } from './recorded-run.ts';
import type { Point } from './recorder.ts';
import { type Ending, type Schedule, STRIDE_MIN, strideOf } from './schedule.ts';
import { moverName, operationText, withoutPlace } from './step-text.ts';
import { Trace, type TraceStep } from './trace.ts';
import type { WordNames } from './word-names.ts';

/** Where a run first was another one than that of its schedule. */
export interface Divergence {
  /** Number of the step, from 1; of a stretch the last. */
  readonly step: number;
  readonly expected: string;
  readonly came: string;
}

export interface ReplayResult {
  readonly run: RecordedRun;
  readonly trace: readonly TraceStep[];
  readonly divergence: Divergence | null;
}

/** `lost-bio (I8)`, or `the run is clean`. */
export function endingText(ends: Ending | null): string {
  if (ends === null) return 'the run ends clean';
  return `the run ends with ${ends.kind}${ends.invariant === '' ? '' : ` (${ends.invariant})`}`;
}

const isSame = (a: Ending | null, b: Ending | null): boolean =>
  a === b || (a !== null && b !== null && a.kind === b.kind && a.invariant === b.invariant);

/** Follows a schedule, and says where it cannot. */
class Follower extends FollowSchedule {
  readonly #schedule: Schedule;
  readonly #operations: readonly string[] | null;
  readonly #names: WordNames;
  /** Names of those who have moved, by id. */
  readonly #movers = new Map<number, string>();
  divergence: Divergence | null = null;
  #step = 0;

  constructor(schedule: Schedule, operations: readonly string[] | null, names: WordNames) {
    super(schedule);
    this.#schedule = schedule;
    this.#operations = operations?.map(withoutPlace) ?? null;
    this.#names = names;
  }

  override pick(point: Point): number {
    const { missed } = this;
    const chosen = super.pick(point);
    for (let index = 0; index < point.count; index++)
      if (!this.#movers.has(point.idAt(index)))
        this.#movers.set(point.idAt(index), moverName(point.moves.mover(index)));
    if (this.missed > missed) {
      const wanted = this.missedIds.map((id) => this.#nameOf(id)).join(', ');
      this.note({
        step: point.steps + 1,
        expected: `${wanted} moves instead of ${this.#nameOf(point.task)}, which has made ${point.taskCount} steps`,
        came: `${wanted} cannot move`,
      });
    }
    return chosen;
  }

  #nameOf(id: number): string {
    return this.#movers.get(id) ?? (id % 2 === 1 ? 'an interrupt that is not there' : 'a task that has not moved yet');
  }

  /** Only the first counts. */
  note(divergence: Divergence): void {
    this.divergence ??= divergence;
  }

  hear(context: Context): void {
    const step = ++this.#step;
    if (this.divergence !== null) return;
    const { steps, ends } = this.#schedule;
    if (step > steps) {
      this.note({ step, expected: endingText(ends), came: operationText(context, this.#names) });
      return;
    }
    const expected = this.#operations?.[step - 1];
    if (expected === undefined) return;
    const came = operationText(context, this.#names);
    if (came !== expected) this.note({ step, expected, came });
  }

  /** What only the end of the run shows. `checks`: those of the run up to where it should have ended. */
  atEnd(run: RecordedRun): void {
    const { steps, ends, check } = this.#schedule;
    if (run.steps < steps)
      this.note({ step: run.steps + 1, expected: `at least ${steps} steps`, came: endingText(run.ends) });
    if (run.steps === steps && !isSame(run.ends, ends))
      this.note({ step: steps, expected: endingText(ends), came: endingText(run.ends) });
    if (this.left > 0)
      this.note({ step: run.steps, expected: `${this.left} more switches`, came: endingText(run.ends) });
    if (run.steps === steps && run.check !== check)
      this.note({ step: steps, expected: `check ${hex(check)} of all steps`, came: hex(run.check) });
  }
}

const hex = (value: number): string => value.toString(16).padStart(2, '0');

const traceText = (step: TraceStep | undefined): string =>
  step === undefined ? 'nothing' : `'cpu${step.cpu} ${step.who}: ${`${OP_NAMES[step.kind]} ${step.name}`.trim()}'`;

/** The first stretch whose check is another, or null. */
function otherStretch(schedule: Schedule, bytes: readonly number[], trace: readonly TraceStep[]): Divergence | null {
  const stride = strideOf(schedule.steps);
  for (const [i, expected] of schedule.checks.entries()) {
    const came = bytes[((i + 1) * stride) / STRIDE_MIN - 1];
    if (came === undefined || came === expected) continue;
    const stretch = `steps ${i * stride + 1} to ${(i + 1) * stride}`;
    const [first, last] = [trace[i * stride], trace[(i + 1) * stride - 1]].map(traceText);
    return {
      step: (i + 1) * stride,
      expected: `check ${hex(expected)} of ${stretch}`,
      came: `${hex(came)}, from ${first} to ${last}`,
    };
  }
  return null;
}

const earlier = (a: Divergence | null, b: Divergence | null): Divergence | null =>
  a === null || (b !== null && b.step < a.step) ? b : a;

/** `operations`: the steps as stepText gave them, or null. */
export function replay(recorder: RunRecorder, schedule: Schedule, operations: readonly string[] | null): ReplayResult {
  const follower = new Follower(schedule, operations, recorder.names);
  const trace = new Trace(recorder.names);
  const run = recorder.run(follower, (context, id, place) => {
    follower.hear(context);
    trace.hear(context, id, place);
  });
  follower.atEnd(run);
  const steps = trace.end();
  const stretch = otherStretch(schedule, run.allChecks, steps);
  return { run, trace: steps, divergence: earlier(follower.divergence, stretch) };
}
