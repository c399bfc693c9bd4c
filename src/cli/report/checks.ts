/**
 * What a command has checked, one by one: what a CI service counts and shows.
 */
import { existsSync } from 'node:fs';
import type { FindingReport } from '../../machine/machine.ts';
import { findingText, findingTitle } from '../finding-text.ts';

export interface Problem {
  /** `failure`: a rule was broken, or something expected did not come. `error`: the harness broke, nothing was learnt. */
  readonly kind: 'failure' | 'error';
  /** A word: the finding's kind. */
  readonly type: string;
  /** One sentence. */
  readonly message: string;
  /** All that is known, in lines. */
  readonly text: string;
  /** What to do next, in a line or two: the command that leads there again. */
  readonly next: string;
  /** Where in the source, if that file is here. */
  readonly place: { readonly file: string; readonly line: number } | null;
}

export interface Check {
  /** Checks of one kind: `suite`, `canary`. */
  readonly group: string;
  readonly name: string;
  /** How long it took, if that is known. */
  readonly seconds?: number;
  /** Empty: it held. */
  readonly problems: readonly Problem[];
}

export interface CheckReport {
  readonly command: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly checks: readonly Check[];
  /** Why not all was checked; null: it was. */
  readonly stopped: string | null;
}

/** `dmSuspend (core/suspend.ts:120)` names files as findings do: ours without `src/`. */
function placeIn(site: string): Problem['place'] {
  const [, file, line] = /\(?([^()\s]+):(\d+)\)?$/.exec(site) ?? [];
  const found = [file, `src/${file}`].find((each) => file !== undefined && each !== undefined && existsSync(each));
  return found === undefined ? null : { file: found, line: Number(line) };
}

/** A finding; `next` leads to it again, and `text` says all about it. */
export function findingProblem(finding: FindingReport, next: string, text?: string): Problem {
  return {
    kind: 'failure',
    type: finding.kind,
    message: findingTitle(finding),
    text: text ?? `${findingText(finding, null)}\n\n${next}`,
    next,
    place: placeIn(finding.site),
  };
}

/** Something else that did not hold. */
export function failureProblem(type: string, message: string, next: string): Problem {
  return { kind: 'failure', type, message, text: `${message}\n\n${next}`, next, place: null };
}

/** The harness broke. */
export function errorProblem(message: string): Problem {
  return { kind: 'error', type: 'harness', message, text: message, next: '', place: null };
}
