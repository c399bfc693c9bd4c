/**
 * `dmrace replay`: one run again, from its schedule or from the file of its finding.
 */
import { existsSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { FollowSchedule } from '../explore/deciders.ts';
import { type RecordedRun, RunRecorder } from '../explore/recorded-run.ts';
import { type Divergence, endingText, type ReplayResult, replay } from '../explore/replay.ts';
import type { Schedule } from '../explore/schedule.ts';
import { type MachineOrder, modelMachine } from './explore-machine.ts';
import { findingText } from './finding-text.ts';
import { pictureText } from './found.ts';
import { hex } from './hex.ts';
import { loadFile, urlOf } from './own-file.ts';
import { writePage } from './page/html.ts';
import { htmlOption, replayPage } from './page/pages.ts';
import { withPlaces } from './retell.ts';
import { readSchedule } from './schedule-name.ts';
import { findingFile } from './scheduled-finding.ts';
import { settingsText } from './settings-text.ts';
import { checkFile, DEFAULT_OUT, EXIT_BROKEN, EXIT_FINDING, EXIT_HELD, UsageError } from './usage.ts';

interface Given {
  readonly order: MachineOrder;
  readonly schedule: Schedule;
  /** Steps as they were recorded, or null. */
  readonly operations: readonly string[] | null;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new UsageError(`'${file}' is neither a schedule (v1.NAME.LETTERS) nor a file that can be read (${code}).`);
  }
}

function contentOf(file: string): Readonly<Record<string, unknown>> {
  const text = readText(file);
  try {
    return (JSON.parse(text) ?? {}) as Record<string, unknown>;
  } catch {
    throw new UsageError(`'${file}' is not JSON; name the file of a finding, or its schedule.`);
  }
}

/** Null if the file does not have them all. */
function operationsOf(
  { operations }: Readonly<Record<string, unknown>>,
  { steps }: Schedule,
): readonly string[] | null {
  return Array.isArray(operations) && operations.length === steps ? operations.map(String) : null;
}

/** The file of a finding: its schedule, and its operations if it has them all. */
async function readFile(file: string): Promise<Given> {
  const content = contentOf(file);
  const { schedule, own } = content;
  if (typeof schedule !== 'string')
    throw new UsageError(`'${file}' has no schedule; name the file of a finding of explore.`);
  if (typeof own === 'string') await loadFile(own);
  const read = readSchedule(schedule);
  return { ...read, operations: operationsOf(content, read.schedule) };
}

/** A schedule alone: what each of its steps was stands in the file of the finding, if that is still where explore has put it. */
function readAlone(text: string): Given {
  const read = readSchedule(text);
  const alone = { ...read, operations: null };
  const { ends } = read.schedule;
  if (ends === null) return alone;
  const file = findingFile(DEFAULT_OUT, read.order, ends.kind);
  if (!existsSync(file)) return alone;
  const content = contentOf(file);
  return content['schedule'] === text ? { ...read, operations: operationsOf(content, read.schedule) } : alone;
}

async function given(pasted: string, own: string | undefined): Promise<Given> {
  const text = pasted.trim();
  if (own !== undefined) await loadFile(urlOf(own));
  return /^v\d+\./.test(text) ? readAlone(text) : readFile(text);
}

/** Makes the runs that come before the schedule's own at once. */
function recorderOf({ order, schedule }: Given): RunRecorder {
  return new RunRecorder(
    modelMachine(order),
    schedule.earlier.map((choices) => new FollowSchedule(choices)),
  );
}

function replayJson({ run, divergence }: ReplayResult): object {
  return { command: 'replay', finding: run.found, traceHash: hex(run.traceHash), steps: run.steps, divergence };
}

function verdict(run: RecordedRun, divergence: Divergence | null): string {
  if (divergence !== null) return 'DIVERGED';
  return run.found === null ? 'SUCCESS' : `FAILURE: ${run.found.kind}`;
}

function print({ order, schedule }: Given, { run, trace, divergence }: ReplayResult): void {
  const out = [`replay: ${settingsText({ ...order, budget: undefined })}`, ''];
  if (run.found !== null) out.push(findingText(run.found, null), '', ...pictureText(trace, order, null), '');
  if (divergence !== null)
    out.push(
      'The program is another one than that of the schedule:',
      `  step      ${divergence.step} of ${schedule.steps}`,
      `  expected  ${divergence.expected}`,
      `  found     ${divergence.found}`,
      `Followed as far as it goes, ${endingText(run.ends)}.`,
      '',
    );
  out.push(`${run.steps} steps, trace hash ${hex(run.traceHash)}`, `End of replay: ${verdict(run, divergence)}`);
  process.stdout.write(`${out.join('\n')}\n`);
}

interface ReplayOptions {
  readonly own?: string;
  readonly html?: string;
  readonly json?: boolean;
}

async function runReplay(text: string, options: ReplayOptions): Promise<void> {
  if (options.html !== undefined) checkFile('--html', options.html);
  const what = await given(text, options.own);
  const result = withPlaces(what.order.scenario, () => replay(recorderOf(what), what.schedule, what.operations));
  if (options.json === true) process.stdout.write(`${JSON.stringify(replayJson(result), null, 2)}\n`);
  else print(what, result);
  if (options.html !== undefined) {
    const { run, divergence } = result;
    const ok = run.found === null && divergence === null;
    const heading = { settings: { ...what.order, budget: null }, verdict: verdict(run, divergence), ok };
    const own = options.own === undefined ? '' : `--own ${options.own} `;
    writePage(
      options.html,
      replayPage(heading, what.order, result, what.schedule.earlier, `dmrace replay ${own}${text}`),
    );
  }
  process.exitCode = result.divergence !== null ? EXIT_BROKEN : result.run.found !== null ? EXIT_FINDING : EXIT_HELD;
}

export function addReplayCommand(program: Command): void {
  program
    .command('replay')
    .description('make one run again on the model machine, from its schedule')
    .argument('<schedule>', 'a schedule (v1.NAME.LETTERS), or the file of a finding')
    .option('--own <file>', 'the file with the scenario, if it is one of your own')
    .option('--json', 'print one JSON document')
    .addOption(htmlOption())
    .addHelpText(
      'after',
      `
Every operation is compared with what was recorded. Exit code: 0 the run is clean, 1 the finding is there, 2 wrong usage,
3 the program is another one than that of the schedule: the first step that differs is printed.

Examples:
  dmrace explore --bug nf-check-then-queue-unlocked --json | jq -r .findings[0].schedule
  dmrace replay dmrace-out/nf-check-then-queue-unlocked.lost-bio.json
`,
    )
    .action(runReplay);
}
