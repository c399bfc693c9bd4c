/**
 * Several runs, one after the other: those that have taught the lock validator one half of a finding, and the last one, in which it found the
 * other. The step after the last of one run is the first of the next.
 */
import type { Run } from './data.ts';
import { fill, h } from './dom.ts';
import type { Key } from './keys.ts';
import { RunView } from './run-view.ts';

export class RunsView {
  readonly element: HTMLElement;
  readonly keys: readonly Key[];
  readonly #runs: readonly Run[];
  readonly #views: RunView[] = [];
  readonly #tabs: readonly HTMLElement[];
  readonly #panel = h('div', { role: 'tabpanel', id: 'shown-run' });
  #number: number;

  /** The last one is shown first. */
  constructor(runs: readonly Run[]) {
    this.#runs = runs;
    this.#number = runs.length - 1;
    this.#tabs = runs.map((_, number) =>
      h(
        'button',
        { type: 'button', role: 'tab', 'aria-controls': 'shown-run', onclick: () => this.#show(number) },
        this.#titleOf(number),
      ),
    );
    const tabs = h('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Runs' }, ...this.#tabs);
    this.element = h('div', {}, tabs, this.#panel);
    this.#show(this.#number);
    const { keys } = this.#view;
    this.keys = [
      // Each view has the same keys in the same order.
      ...keys.map((key, index) => ({ ...key, run: () => this.#view.keys[index]?.run() })),
      { keys: ['['], shown: '[', does: 'run before', run: () => this.#show(this.#number - 1) },
      { keys: [']'], shown: ']', does: 'next run', run: () => this.#show(this.#number + 1) },
    ];
  }

  #titleOf(number: number): string {
    const last = this.#runs.length - 1;
    return `Run ${number + 1} of ${last + 1}${number === last ? ', with the finding' : ''}`;
  }

  /** Made when it is first looked at. */
  get #view(): RunView {
    const number = this.#number;
    this.#views[number] ??= new RunView(this.#runs[number] as Run, this.#titleOf(number), (direction) => {
      if (this.#show(number + direction)) this.#view.goTo(direction === 1 ? 'first' : 'last');
    });
    return this.#views[number];
  }

  /** False when there is none of this number. */
  #show(number: number): boolean {
    if (number < 0 || number >= this.#runs.length) return false;
    this.#number = number;
    for (const [index, tab] of this.#tabs.entries()) tab.setAttribute('aria-selected', String(index === number));
    fill(this.#panel, this.#view.element);
    return true;
  }
}
