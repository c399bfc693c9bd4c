/**
 * A run in columns: one for each CPU, and one for interrupts. Lines run downwards as time does.
 *
 *   *  the decisive step          >  a switch: the one before could have gone on
 *
 * Shown are: switches with the step on either side, what one CPU reads that another has written, changes of md->flags, starts and
 * interrupts, the last steps. The rest is folded into the functions that it went through. On a narrow terminal there is one column.
 */
import type { TraceStep } from '../explore/trace.ts';
import { OP_START } from '../machine/kernel.ts';
import { PARTS } from '../shared/program.ts';
import { functionOf, isAboutLock, reads, stepWords, writes } from './step-words.ts';

/** Below this there is one column. */
const COLUMN_MIN = 20;
const GAP = 2;
const STEP_DIGITS = 5;
/** Rows of one part at most; the last ones stay. */
const ROWS_MAX = 70;
/** The last steps of a run are always shown. */
const LAST_STEPS = 3;
const FUNCTIONS_SHOWN = 3;

/** Words that say little: the machine's own, and counts of references. */
const isInternal = (name: string): boolean =>
  name === '' || /^(task\.|cpu\d|mailbox|memory|ring|alarm\.|work|wq)|\.holders$/.test(name);

/** Which steps are shown, by index. */
function chosenSteps(steps: readonly TraceStep[], decisive: number | null): Set<number> {
  const shown = new Set<number>();
  const written = new Map<number, number>();
  for (const [index, step] of steps.entries()) {
    if (step.part !== PARTS.indexOf('actors') && index < steps.length - LAST_STEPS) continue;
    if (step.turned) shown.add(index - 1).add(index);
    if (index >= steps.length - LAST_STEPS || step.step === decisive) shown.add(index);
    if (step.kind === OP_START || (step.name === 'mapped-device.flags' && writes(step))) shown.add(index);
    if (isInternal(step.name) || isAboutLock(step)) continue;
    const writer = written.get(step.word);
    if (writer !== undefined && reads(step) && (steps[writer] as TraceStep).cpu !== step.cpu) {
      shown.add(writer).add(index);
      // One reader is enough.
      written.delete(step.word);
    }
    if (writes(step)) written.set(step.word, index);
  }
  const all = [...shown].filter((index) => index >= 0).sort((a, b) => a - b);
  return new Set(all.slice(-ROWS_MAX));
}

/** What was folded: how much, and through which functions. */
function foldText(steps: readonly TraceStep[]): string {
  const functions = [...new Set(steps.map(functionOf))].filter((name) => name !== '');
  const named = functions.slice(0, FUNCTIONS_SHOWN).join(', ');
  const more = functions.length > FUNCTIONS_SHOWN ? ', ...' : '';
  return `... ${steps.length} step${steps.length === 1 ? '' : 's'}${named === '' ? '' : `: ${named}${more}`}`;
}

/** A line of the picture: in which column, marked how. */
interface Line {
  readonly mark: string;
  readonly step: number | null;
  readonly column: string;
  readonly who: string;
  readonly text: string;
}

const INTERRUPTS = 'interrupts';

const columnOf = (step: TraceStep, actorCpu: number): string =>
  step.isInterrupt || step.cpu === actorCpu ? INTERRUPTS : `CPU ${step.cpu}`;

const whoOf = (step: TraceStep): string => (step.isInterrupt ? `${step.who} on CPU ${step.cpu}` : step.who);

function linesOf(steps: readonly TraceStep[], actorCpu: number, decisive: number | null): Line[] {
  const shown = chosenSteps(steps, decisive);
  const lines: Line[] = [];
  let folded: TraceStep[] = [];
  const fold = (): void => {
    const [first] = folded;
    if (first === undefined) return;
    const text = foldText(folded);
    lines.push({ mark: '', step: null, column: columnOf(first, actorCpu), who: whoOf(first), text });
    folded = [];
  };
  const before = steps.findIndex((_, index) => shown.has(index));
  if (before > 0)
    lines.push({ mark: '', step: null, column: '', who: '', text: `... ${before} steps before, without a switch` });
  for (const [index, step] of steps.entries()) {
    if (index < before) continue;
    if (folded.length > 0 && (shown.has(index) || folded[0]?.id !== step.id)) fold();
    if (!shown.has(index)) {
      folded.push(step);
      continue;
    }
    const mark = step.step === decisive ? '*' : step.turned ? '>' : '';
    const column = columnOf(step, actorCpu);
    lines.push({ mark, step: step.step, column, who: whoOf(step), text: stepWords(step) });
  }
  fold();
  return lines;
}

/** Breaks a text into lines of at most so many characters, between words where it can. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    let rest = line === '' ? word : `${line} ${word}`;
    for (; rest.length > width; rest = rest.slice(width)) lines.push(rest.slice(0, width));
    line = rest;
  }
  if (line !== '') lines.push(line);
  return lines;
}

const margin = ({ mark, step }: Line): string =>
  `${mark.padEnd(1)} ${step === null ? ' '.repeat(STEP_DIGITS) : String(step).padStart(STEP_DIGITS)}  `;
const MARGIN = STEP_DIGITS + 4;

/** Several columns; a name stands above the first of the lines that are its own. */
function inColumns(lines: readonly Line[], columns: readonly string[], width: number): string[] {
  const each = Math.floor((width - MARGIN) / columns.length) - GAP;
  const out = [`${' '.repeat(MARGIN)}${columns.map((name) => name.padEnd(each + GAP)).join('')}`.trimEnd()];
  let lastColumn = '';
  const lastWho = new Map<string, string>();
  for (const line of lines) {
    const indent = ' '.repeat(Math.max(0, columns.indexOf(line.column)) * (each + GAP));
    const isNew = line.who !== '' && (lastWho.get(line.column) !== line.who || lastColumn === '');
    if (isNew) out.push(`${' '.repeat(MARGIN)}${indent}[${line.who}]`);
    lastWho.set(line.column, line.who);
    lastColumn = line.column;
    const texts = line.column === '' ? [line.text] : wrapped(line.text, each);
    texts.forEach((text, index) => {
      out.push(
        `${index === 0 ? margin(line) : ' '.repeat(MARGIN)}${indent}${index === 0 ? '' : '  '}${text}`.trimEnd(),
      );
    });
  }
  return out;
}

/** One column: each line says whose it is when that changes. */
function inOneColumn(lines: readonly Line[], width: number): string[] {
  const out: string[] = [];
  let last = '';
  for (const line of lines) {
    const who = line.column === INTERRUPTS || line.column === '' ? line.who : `${line.column} ${line.who}`;
    if (who !== last && who !== '') out.push(...wrapped(`[${who}]`, width));
    last = who;
    const texts = wrapped(line.text, Math.max(8, width - MARGIN));
    texts.forEach((text, index) => {
      out.push(`${index === 0 ? margin(line) : ' '.repeat(MARGIN)}${text}`.trimEnd());
    });
  }
  return out;
}

export interface PictureOptions {
  /** Characters of a line. */
  readonly width: number;
  /** Number of the interrupt actor's CPU. */
  readonly actorCpu: number;
  /** The decisive step, from 1. */
  readonly decisive: number | null;
}

/** CPU 2 before CPU 10, interrupts last. */
const byNumber = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

/** The run as lines of text, at most `width` wide. */
export function runPicture(steps: readonly TraceStep[], { width, actorCpu, decisive }: PictureOptions): string[] {
  const lines = linesOf(steps, actorCpu, decisive);
  const columns = [...new Set(lines.map(({ column }) => column))].filter((name) => name !== '').sort(byNumber);
  const fits = columns.length > 0 && Math.floor((width - MARGIN) / columns.length) - GAP >= COLUMN_MIN;
  return fits ? inColumns(lines, columns, width) : inOneColumn(lines, width);
}

/** Characters of a line on stdout; where there is no terminal, what COLUMNS says, or 120. */
export function outputWidth(): number {
  const asked = Number(process.env['COLUMNS'] ?? '');
  return Math.max(30, process.stdout.columns ?? (asked > 0 ? asked : 120));
}
