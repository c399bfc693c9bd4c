/**
 * The steps of a run, one a line, with a column for each CPU. Only the lines in sight exist: a run can have many thousands.
 */
import type { Run, RunContext } from './data.ts';
import { h } from './dom.ts';
import { colourOf } from './theme.ts';

const LINE = 22;
/** Lines beyond the edges, so that a wheel does not show blanks. */
const SPARE = 12;

export class StepList {
  readonly element: HTMLElement;
  readonly #run: Run;
  readonly #pick: (step: number) => void;
  readonly #box: HTMLElement;
  readonly #lines: HTMLElement;
  #step = -1;

  constructor(run: Run, pick: (step: number) => void) {
    this.#run = run;
    this.#pick = pick;
    this.#lines = h('div', { class: 'lines', role: 'presentation' });
    this.#box = h(
      'div',
      { class: 'steps', role: 'listbox', tabindex: 0, 'aria-label': 'Steps', onscroll: () => this.#lay() },
      this.#lines,
    );
    this.#lines.style.height = `${run.steps.length * LINE}px`;
    const heads = run.lanes.map((name) => h('span', {}, name));
    const head = h('div', { class: 'line heads', 'aria-hidden': 'true' }, h('span', { class: 'at' }, 'step'), ...heads);
    this.element = h('div', { class: 'columns' }, head, this.#box);
    this.element.style.setProperty('--lanes', String(run.lanes.length));
    // Before it is laid out nothing can come in sight.
    new ResizeObserver(() => this.show(this.#step)).observe(this.#box);
  }

  /** The step that the cursor is on; it comes in sight. */
  show(step: number): void {
    this.#step = step;
    const { scrollTop, clientHeight } = this.#box;
    const top = step * LINE;
    if (top < scrollTop + LINE || top > scrollTop + clientHeight - 2 * LINE)
      this.#box.scrollTop = top - clientHeight / 2;
    this.#lay();
  }

  #lay(): void {
    const { scrollTop, clientHeight } = this.#box;
    const first = Math.max(0, Math.floor(scrollTop / LINE) - SPARE);
    const last = Math.min(this.#run.steps.length, Math.ceil((scrollTop + clientHeight) / LINE) + SPARE);
    const lines: HTMLElement[] = [];
    for (let index = first; index < last; index++) lines.push(this.#line(index));
    this.#lines.replaceChildren(...lines);
    this.#box.setAttribute('aria-activedescendant', `step-${this.#step}`);
  }

  #line(index: number): HTMLElement {
    const { steps, contexts, decisive } = this.#run;
    const step = steps[index] as Run['steps'][number];
    const { name, lane } = contexts[step.context] as RunContext;
    const before = steps[index - 1];
    const isNew = before === undefined || before.context !== step.context;
    const mark = index === decisive ? '★' : step.turned ? '›' : '';
    const cell = h(
      'span',
      { class: 'cell', title: `${name}: ${step.text}${step.site === '' ? '' : `\n${step.site}`}` },
      isNew ? h('b', {}, `${name} `) : null,
      step.text,
    );
    cell.style.gridColumn = `${lane + 2} / -1`;
    cell.style.setProperty('--shade', `var(--${colourOf(name)})`);
    return this.#option(index, h('span', { class: 'at' }, `${mark} ${index + 1}`), cell);
  }

  #option(index: number, ...cells: readonly HTMLElement[]): HTMLElement {
    const line = h(
      'div',
      {
        class: 'line',
        role: 'option',
        id: `step-${index}`,
        'aria-selected': String(index === this.#step),
        'aria-posinset': index + 1,
        'aria-setsize': this.#run.steps.length,
        onclick: () => this.#pick(index),
      },
      ...cells,
    );
    line.style.top = `${index * LINE}px`;
    return line;
  }
}
