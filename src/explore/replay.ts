/**
 * Runs a schedule again and compares what it meets with what was recorded, step by step.
 *
 * Each step is compared as it is about to be made. With the list of operations that was recorded it is known which one should have
 * come. A schedule alone has a check of all steps, a bit of it after each one, and the steps at which it departs from the default:
 * half of all mistakes show at once, half of the others a step later, and so on. After the run has left its rails it goes
 * on along the anchors that still fit: whether the finding still shows is worth knowing.
 */
import type { Context } from './context.ts';
import { FollowSchedule } from './deciders.ts';
import type { RecordedRun, RunRecorder } from './recorded-run.ts';
import { bitOf, type Point, type StepPlace } from './recorder.ts';
import { type Ending, type Schedule, strideOf } from './schedule.ts';
import { moverName, operationText, withoutPlace } from './step-text.ts';
import { Trace, type TraceStep } from './trace.ts';
import type { WordNames } from './word-names.ts';

/** Where a run first was another one than that of its schedule. */
export interface Divergence {
  /** Number of the step, from 1. */
  readonly step: number;
  readonly expected: string;
  readonly found: string;
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

/** One mistake in 128 shows after more bits than these. */
const BITS_SURE = 7;

/** Follows a schedule, and says where it cannot. */
class Follower extends FollowSchedule {
  readonly #schedule: Schedule;
  readonly #operations: readonly string[] | null;
  readonly #names: WordNames;
  readonly #stride: number;
  /** Names of those who have moved, by id. */
  readonly #movers = new Map<number, string>();
  divergence: Divergence | null = null;
  #step = 0;

  constructor(schedule: Schedule, operations: readonly string[] | null, names: WordNames) {
    super(schedule);
    this.#schedule = schedule;
    this.#operations = operations?.map(withoutPlace) ?? null;
    this.#names = names;
    this.#stride = strideOf(schedule.steps);
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
        expected:
          this.#operations?.[point.steps] ??
          `${wanted} moves instead of ${this.#nameOf(point.task)}, which has made ${point.taskCount} steps`,
        found: `${wanted} cannot move`,
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

  hear(context: Context, place: StepPlace): void {
    const step = ++this.#step;
    if (this.divergence !== null) return;
    const expected = this.#expected(step, place);
    if (expected === null) return;
    const found = operationText(context, this.#names);
    if (found !== expected) this.note({ step, expected, found });
  }

  /** What is known of a step of the schedule; null if there is nothing to say against this one. */
  #expected(step: number, { check }: StepPlace): string | null {
    const { steps, ends, checks } = this.#schedule;
    if (step > steps) return endingText(ends);
    const operation = this.#operations?.[step - 1];
    if (operation !== undefined) return operation;
    const bit = step % this.#stride === 0 ? checks[step / this.#stride - 1] : undefined;
    return bit === undefined || bit === bitOf(check) ? null : `another operation, ${this.#since(step)}`;
  }

  /** A bit shows what is wrong with the steps since the last one, and each time in two not even that. */
  #since(step: number): string {
    const from = Math.max(1, step - this.#stride * (BITS_SURE - 1) - (this.#stride - 1));
    return `here or since step ${from} (a schedule alone has a bit of ${this.#stride === 1 ? 'each step' : `${this.#stride} steps`})`;
  }

  /** What only the end of the run shows. */
  atEnd(run: RecordedRun): void {
    const { steps, ends, check } = this.#schedule;
    const next = this.#operations?.[run.steps] ?? `at least ${steps} steps`;
    if (run.steps < steps) this.note({ step: run.steps + 1, expected: next, found: endingText(run.ends) });
    if (run.steps === steps && !isSame(run.ends, ends))
      this.note({ step: steps, expected: endingText(ends), found: endingText(run.ends) });
    if (this.left > 0)
      this.note({ step: run.steps, expected: `${this.left} more switches`, found: endingText(run.ends) });
    if (run.steps === steps && run.check !== check)
      this.note({ step: steps, expected: `check ${hex(check)} of all steps`, found: hex(run.check) });
  }
}

const hex = (value: number): string => value.toString(16).padStart(2, '0');

/** `operations`: the steps as stepText gave them, or null. */
export function replay(recorder: RunRecorder, schedule: Schedule, operations: readonly string[] | null): ReplayResult {
  const follower = new Follower(schedule, operations, recorder.names);
  const trace = new Trace(recorder.names);
  const run = recorder.run(follower, (context, id, place) => {
    follower.hear(context, place);
    trace.hear(context, id, place);
  });
  follower.atEnd(run);
  return { run, trace: trace.end(), divergence: follower.divergence };
}
