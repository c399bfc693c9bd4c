/**
 * What explore hands out for a finding: shrunk, with its schedule and its file.
 */
import { CONTINUATIONS, type Decisive } from '../explore/decisive.ts';
import type { TraceStep } from '../explore/trace.ts';
import { findScenario } from '../scenarios/registry.ts';
import { type MachineOrder, machineOrderOf } from './explore-machine.ts';
import type { ExploreAnswer, ExploreRequest } from './explore-scenario.ts';
import { findingText } from './finding-text.ts';
import { hex } from './hex.ts';
import { outputWidth, runPicture, wrapped } from './run-columns.ts';
import { replayCommand, type ScheduledFinding, scheduledFinding, writeFindingFile } from './scheduled-finding.ts';
import { stepWords } from './step-words.ts';

export interface Found extends ScheduledFinding {
  readonly file: string;
  readonly executionsToFind: number;
  readonly secondsToFind: number;
  readonly seed: number;
}

interface FoundOptions {
  readonly out: string;
  readonly shrinkSeconds: number;
  say(text: string): void;
  stopped(): boolean;
}

/** Null when nothing was found. */
export async function makeFound(
  request: ExploreRequest,
  { finding, seconds }: ExploreAnswer,
  options: FoundOptions,
): Promise<Found | null> {
  if (finding === null) return null;
  const { seed } = request;
  options.say('shrinking');
  const limits = { seconds: options.shrinkSeconds, seed, stopped: options.stopped };
  const scheduled = await scheduledFinding(machineOrderOf(request), finding.choices, limits, finding.earlier);
  const search = { executionsToFind: finding.run + 1, secondsToFind: Number(seconds.toFixed(3)), seed };
  return { ...scheduled, ...search, file: writeFindingFile(options.out, scheduled, search) };
}

export function foundJson(found: Found): object {
  const { kind, invariant, message, site, places, report } = found.finding;
  return {
    kind,
    invariant,
    message,
    site,
    scenario: found.order.scenario,
    bug: found.order.bug,
    schedule: found.schedule,
    switches: found.run.switches,
    shrunkFromSwitches: found.shrunkFromSwitches,
    executionsToFind: found.executionsToFind,
    secondsToFind: found.secondsToFind,
    traceHash: hex(found.traceHash),
    decisive: found.decisive,
    file: found.file,
    places,
    ...(report === undefined ? {} : { report }),
  };
}

/** A share of continuations that leaves nothing to decide. */
const ALWAYS = 0.98;

/** What fails in any order has no step that decides. */
const failsAnyway = ({ before }: Decisive): boolean => before >= ALWAYS;

/** By how much the share grows over a step that decides; where it grows by less, several steps share in it. */
const CLEAR = 0.15;

/** Whether the best step does not stand out. Shares are compared as counts, which are whole. */
const isUnclear = ({ before, after }: Decisive): boolean =>
  Math.round(CONTINUATIONS * (after - before)) < CONTINUATIONS * CLEAR;

/** Number of the step that decides, or null. */
export function decisiveStepOf({ decisive }: Found): number | null {
  return decisive === null || failsAnyway(decisive) || isUnclear(decisive) ? null : decisive.step;
}

/** What is said about the step that decides, in one or two sentences; none: it is not known. */
function decisiveSentences({ decisive, trace }: Found): string[] {
  const step = decisive === null ? undefined : trace[decisive.step - 1];
  if (decisive === null || step === undefined) return [];
  if (failsAnyway(decisive)) return ['Nearly every order of steps fails.'];
  const percent = (share: number): string => `${Math.round(100 * share)} %`;
  const what = `${step.who}, ${stepWords(step)}`;
  return [
    isUnclear(decisive)
      ? `No single step decides; step ${decisive.step} does most: ${what}.`
      : `Step ${decisive.step} decides: ${what}.`,
    `Of ${CONTINUATIONS} random continuations ${percent(decisive.before)} fail before it, ${percent(decisive.after)} after it.`,
  ];
}

function decisiveText(found: Found): string[] {
  const [first, second] = decisiveSentences(found);
  if (first === undefined) return [];
  if (second === undefined) return [first, ''];
  const mark = decisiveStepOf(found) === null ? '' : '* ';
  const below = ' '.repeat(mark.length);
  const lines = [first, second].flatMap((sentence) => wrapped(sentence, outputWidth() - mark.length));
  return [...lines.map((line, i) => `${i === 0 ? mark : below}${line}`), ''];
}

const searchSentence = ({ executionsToFind, seed, shrunkFromSwitches, run, shrinkRuns }: Found): string =>
  `Found in execution ${executionsToFind} with seed ${seed}, shrunk from ${shrunkFromSwitches} to ${run.switches} switches in ${shrinkRuns} runs.`;

/** What there is to say about a finding beside itself. */
export const foundNotes = (found: Found): string[] =>
  [decisiveSentences(found).join(' '), searchSentence(found)].filter((note) => note !== '');

/** The run of a finding. */
export function pictureText(trace: readonly TraceStep[], order: MachineOrder, decisive: number | null): string[] {
  const actorCpu = findScenario(order.scenario, order.cpus)?.cpus ?? order.cpus;
  return runPicture(trace, { width: outputWidth(), actorCpu, decisive });
}

export function foundText(found: Found): string {
  const { earlier } = found;
  const runs = earlier.length === 1 ? 'an earlier run' : `${earlier.length} earlier runs`;
  return [
    findingText(found.finding, null),
    '',
    ...(earlier.length === 0 ? [] : [`It takes ${runs}, which the schedule holds too; this is the last one.`, '']),
    ...pictureText(found.trace, found.order, decisiveStepOf(found)),
    '',
    ...decisiveText(found),
    searchSentence(found),
    `All that is known: ${found.file}`,
    `Replay: ${replayCommand(found)}`,
  ].join('\n');
}
