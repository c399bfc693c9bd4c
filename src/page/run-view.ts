/**
 * A run that one steps through: the cursor, and all that follows it.
 */
import type { Run, RunStep } from './data.ts';
import { fill, h, section } from './dom.ts';
import type { Key } from './keys.ts';
import { Lanes } from './lanes.ts';
import { runLanes } from './run-lanes.ts';
import { StateView } from './run-state.ts';
import { StepList } from './run-steps.ts';

/** Index of the part in which all actors run. */
const ACTORS = 1;

export class RunView {
  readonly element: HTMLElement;
  readonly keys: readonly Key[];
  readonly #run: Run;
  readonly #lanes: Lanes;
  readonly #list: StepList;
  readonly #state: StateView;
  readonly #slider: HTMLInputElement;
  readonly #said = h('output', { class: 'said' });
  #step = 0;
  readonly #beyond: (direction: 1 | -1) => void;

  /** `beyond`: where a step leads that there is no more. */
  constructor(run: Run, title = 'The run', beyond: (direction: 1 | -1) => void = () => {}) {
    this.#run = run;
    this.#beyond = beyond;
    const last = run.steps.length - 1;
    this.#lanes = new Lanes('Who runs where', runLanes(run), (at) => this.go(Math.floor(at)));
    this.#list = new StepList(run, (step) => this.go(step));
    this.#state = new StateView(run);
    this.#slider = h('input', { type: 'range', min: 0, max: last, step: 1, 'aria-label': 'Step', class: 'cursor' });
    this.#slider.addEventListener('input', () => this.go(this.#slider.valueAsNumber));
    const buttons = this.#moves.map(({ label, does, shown, run: act }) =>
      h('button', { type: 'button', onclick: () => act(), 'aria-label': does, title: `${does} (${shown})` }, label),
    );
    this.keys = [...this.#moves, ...this.#lanes.keys];
    this.element = section(
      title,
      this.#lanes.element,
      h('div', { class: 'controls' }, ...buttons, this.#slider),
      this.#said,
      h('div', { class: 'side' }, this.#list.element, this.#state.element),
    );
    const first = run.steps.findIndex(({ part }) => part === ACTORS);
    this.#lanes.show(Math.max(0, first - 1), last + 1);
    this.go(run.decisive ?? last);
  }

  /** Moves the cursor. */
  go(step: number): void {
    const { steps, contexts, lanes } = this.#run;
    this.#step = Math.max(0, Math.min(steps.length - 1, step));
    const at = steps[this.#step] as RunStep;
    const context = contexts[at.context];
    const lane = context?.lane ?? 0;
    const who = `${context?.name ?? ''}${context?.isInterrupt === true ? ` on ${lanes[lane]}` : ''}`;
    const why =
      this.#step === this.#run.decisive
        ? ' (this step decides)'
        : at.turned
          ? ' (a switch: another could have gone on)'
          : '';
    fill(
      this.#said,
      h('b', {}, `Step ${this.#step + 1} of ${steps.length}`),
      ` ${who}: ${at.text}`,
      at.site === '' ? null : h('span', { class: 'place' }, ` ${at.site}`),
      why,
    );
    this.#slider.valueAsNumber = this.#step;
    this.#slider.setAttribute('aria-valuetext', `step ${this.#step + 1}, ${who}: ${at.text}`);
    this.#lanes.setCursor(this.#step + 0.5, lane);
    this.#list.show(this.#step);
    this.#state.show(this.#step);
  }

  #goBy(direction: 1 | -1): void {
    const step = this.#step + direction;
    if (step < 0 || step >= this.#run.steps.length) this.#beyond(direction);
    else this.go(step);
  }

  /** To the first step or the last. */
  goTo(end: 'first' | 'last'): void {
    this.go(end === 'first' ? 0 : this.#run.steps.length - 1);
  }

  /** To the next step in a direction that is one of these. */
  #seek(direction: 1 | -1, wanted: (step: RunStep) => boolean): void {
    const { steps } = this.#run;
    let index = this.#step + direction;
    while (index >= 0 && index < steps.length && !wanted(steps[index] as RunStep)) index += direction;
    if (index >= 0 && index < steps.length) this.go(index);
  }

  #laneOf = ({ context }: RunStep): number | undefined => this.#run.contexts[context]?.lane;

  /** Another step of the CPU that the cursor is on. */
  #sameCpu(direction: 1 | -1): void {
    const lane = this.#laneOf(this.#run.steps[this.#step] as RunStep);
    this.#seek(direction, (step) => this.#laneOf(step) === lane);
  }

  readonly #moves: readonly (Key & { readonly label: string })[] = [
    { keys: ['Home'], shown: 'Home', does: 'first step', label: '⇤', run: () => this.go(0) },
    {
      keys: ['Shift+ArrowLeft'],
      shown: 'Shift ←',
      does: 'switch before',
      label: '«',
      run: () => this.#seek(-1, ({ turned }) => turned),
    },
    { keys: ['ArrowLeft'], shown: '←', does: 'step before', label: '‹', run: () => this.#goBy(-1) },
    { keys: ['ArrowRight'], shown: '→', does: 'next step', label: '›', run: () => this.#goBy(1) },
    {
      keys: ['Shift+ArrowRight'],
      shown: 'Shift →',
      does: 'next switch',
      label: '»',
      run: () => this.#seek(1, ({ turned }) => turned),
    },
    { keys: ['End'], shown: 'End', does: 'last step', label: '⇥', run: () => this.go(this.#run.steps.length - 1) },
    { keys: ['ArrowUp'], shown: '↑', does: 'step before of the same CPU', label: '↑', run: () => this.#sameCpu(-1) },
    { keys: ['ArrowDown'], shown: '↓', does: 'next step of the same CPU', label: '↓', run: () => this.#sameCpu(1) },
  ];
}
