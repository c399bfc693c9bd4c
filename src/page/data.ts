/**
 * What a page is made from: the command writes it into the page as JSON, the page's own program draws it. Types alone, so that
 * neither side brings the other along.
 */
import type { FindingReport } from '../machine/machine.ts';
import type { LockStat, ProfileReport } from '../profile/report.ts';

export interface PageData {
  readonly command: string;
  /** What it was about: a scenario, suites. */
  readonly subject: string;
  readonly ok: boolean;
  readonly verdict: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly findings: readonly PageFinding[];
  readonly tables: readonly PageTable[];
  /** Null where no run can be stepped through. */
  readonly run: Run | null;
  /** Runs that come before it: what they have taught the lock validator is part of the finding. */
  readonly earlier: readonly Run[];
  /** What was seen of locks; none: nobody looked. */
  readonly locks: readonly LockStat[];
  readonly profile: Omit<ProfileReport, 'locks'> | null;
}

export interface PageFinding {
  readonly report: FindingReport;
  /** What leads to it again; '' where nothing does. */
  readonly command: string;
  /** Sentences about it. */
  readonly notes: readonly string[];
}

export interface PageTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

// ---- A run of the model machine, step by step. ----

/** A value from a step on; before step 0 nothing has happened. */
export type Points<T> = readonly (readonly [step: number, value: T])[];

/** A task or an interrupt. */
export interface RunContext {
  readonly name: string;
  /** Index of `lanes`. */
  readonly lane: number;
  readonly isInterrupt: boolean;
  /** Whether it has started and not ended. */
  readonly alive: Points<boolean>;
  /** Locks; `(read)` behind those that it shares. */
  readonly holds: Points<readonly string[]>;
  /** What it waits for; '' when it can go on. */
  readonly waits: Points<string>;
}

/** A mapped device or a target: what is in each of its fields, a word for each flag, bio or number. */
export interface Watched {
  readonly name: string;
  readonly fields: readonly { readonly name: string; readonly points: Points<readonly string[]> }[];
}

export interface RunStep {
  /** Index of `contexts`. */
  readonly context: number;
  /** Of the program: setup, actors, verify. */
  readonly part: number;
  /** A switch: another could have gone on. */
  readonly turned: boolean;
  /** `dm_suspend: lock &md->suspend_lock` */
  readonly text: string;
  readonly site: string;
}

/** States are those after a step; steps count from 0 here and from 1 for people. */
export interface Run {
  readonly lanes: readonly string[];
  readonly contexts: readonly RunContext[];
  readonly watched: readonly Watched[];
  readonly steps: readonly RunStep[];
  /** Index of the decisive step, or null. */
  readonly decisive: number | null;
}
