/**
 * The steps of one run with what they did, for people.
 */
import type { Context } from './context.ts';
import type { StepListener, StepPlace } from './recorder.ts';
import { moverName } from './step-text.ts';
import type { WordNames } from './word-names.ts';

export interface TraceStep {
  /** From 1. */
  readonly step: number;
  readonly id: number;
  readonly cpu: number;
  readonly who: string;
  readonly isInterrupt: boolean;
  /** Index of PARTS. */
  readonly part: number;
  /** Another could have gone on. */
  readonly turned: boolean;
  readonly kind: number;
  readonly word: number;
  readonly name: string;
  readonly site: number;
  /** Operands, as Cell has them. */
  readonly value: number;
  readonly other: number;
  /** What the operation gave; null for one that did not end. */
  result: number | null;
}

export class Trace {
  readonly steps: TraceStep[] = [];
  readonly #names: WordNames;
  #last: Context | null = null;

  constructor(names: WordNames) {
    this.#names = names;
  }

  readonly hear: StepListener = (context: Context, id: number, { partNumber, turned }: StepPlace): void => {
    this.#finish();
    const { kind, word, site, value, other } = context.cell;
    this.#last = context;
    this.steps.push({
      step: this.steps.length + 1,
      id,
      cpu: context.cpu,
      who: moverName(context),
      isInterrupt: context.task === null,
      part: partNumber,
      turned,
      kind,
      word,
      name: this.#names.of(word),
      site,
      value,
      other,
      result: null,
    });
    context.cell.result.value = null;
  };

  /** The result of a step stays in its cell until the next operation of the same context has run. */
  #finish(): void {
    const step = this.steps.at(-1);
    const result: unknown = this.#last?.cell.result.value;
    if (step !== undefined && typeof result === 'number') step.result = result;
  }

  /** The run is over. */
  end(): readonly TraceStep[] {
    this.#finish();
    return this.steps;
  }
}
