/** Schedules as regression tests. */
import type { Test } from 'tap';
import { modelMachine } from '../../src/cli/explore-machine.ts';
import { readSchedule } from '../../src/cli/schedule-name.ts';
import { FollowSchedule } from '../../src/explore/deciders.ts';
import { RunRecorder } from '../../src/explore/recorded-run.ts';
import { type ReplayResult, replay } from '../../src/explore/replay.ts';
import type { FindingKind } from '../../src/machine/finding.ts';

export function replayed(text: string, operations: readonly string[] | null = null): ReplayResult {
  const { order, schedule } = readSchedule(text);
  const before = schedule.earlier.map((choices) => new FollowSchedule(choices));
  return replay(new RunRecorder(modelMachine(order), before), schedule, operations);
}

/** The run of this schedule ends with this kind of finding, without leaving its rails; or, with null, clean. */
export function expectReplay(t: Test, text: string, kind: FindingKind | null): void {
  const { run, divergence } = replayed(text);
  t.equal(run.found?.kind ?? null, kind, run.found?.message ?? 'the run ends clean');
  if (kind !== null) t.equal(divergence, null, 'the schedule still fits the source');
}
