/**
 * How the machine stands after a step: flags and lists of each device, and for each CPU who is on it, where, with which locks.
 */
import { bisector } from 'd3';
import type { Points, Run, RunContext } from './data.ts';
import { chips, fill, h } from './dom.ts';

const byStep = bisector<readonly [number, unknown], number>(([step]) => step);

/** The value after a step; undefined before the first. */
export function valueAt<T>(points: Points<T>, step: number): T | undefined {
  return points[byStep.right(points, step) - 1]?.[1];
}

/** The words that are there now and were not before. */
const since = (now: readonly string[], before: readonly string[]): Set<string> =>
  new Set(now.filter((word) => !before.includes(word)));

export class StateView {
  readonly element = h('div', { class: 'state' });
  readonly #run: Run;
  /** Steps of each context, to find its last one. */
  readonly #stepsOf: number[][];

  constructor(run: Run) {
    this.#run = run;
    this.#stepsOf = run.contexts.map(() => []);
    for (const [index, { context }] of run.steps.entries()) this.#stepsOf[context]?.push(index);
  }

  show(step: number): void {
    fill(this.element, ...this.#devices(step), ...this.#cpus(step));
  }

  #devices(step: number): HTMLElement[] {
    return this.#run.watched
      .filter(({ fields }) => fields.some(({ points }) => valueAt(points, step) !== undefined))
      .map(({ name, fields }) => {
        const rows = fields.map((field) => {
          const now = valueAt(field.points, step) ?? [];
          const news = since(now, valueAt(field.points, step - 1) ?? []);
          return h(
            'div',
            { class: 'field' },
            h('dt', {}, field.name),
            h('dd', { 'data-field': field.name }, chips(now, news)),
          );
        });
        return h('section', { class: 'card', 'aria-label': name }, h('h3', {}, name), h('dl', {}, ...rows));
      });
  }

  #cpus(step: number): HTMLElement[] {
    const moved = this.#run.steps[step]?.context;
    return this.#run.lanes.map((name, lane) => {
      const here = [...this.#run.contexts.entries()].filter(
        ([, context]) => context.lane === lane && valueAt(context.alive, step) === true,
      );
      // Interrupts lie on top of what they interrupt.
      here.sort(([, a], [, b]) => Number(b.isInterrupt) - Number(a.isInterrupt));
      const isMoving = moved !== undefined && this.#run.contexts[moved]?.lane === lane;
      const rows = here.map(([index, context]) => this.#context(index, context, step));
      const none = h('p', { class: 'none' }, 'idle');
      return h(
        'section',
        { class: isMoving ? 'card moving' : 'card', 'aria-label': name },
        h('h3', {}, name),
        ...(rows.length === 0 ? [none] : rows),
      );
    });
  }

  #context(index: number, { name, holds, waits }: RunContext, step: number): HTMLElement {
    const own = this.#stepsOf[index] ?? [];
    const last = own[byNumber.right(own, step) - 1];
    const at = last === undefined ? undefined : this.#run.steps[last];
    const locks = valueAt(holds, step) ?? [];
    const wait = valueAt(waits, step) ?? '';
    return h(
      'div',
      { class: 'context' },
      h('b', {}, name),
      at === undefined ? null : h('span', { class: 'place', title: at.text }, ` ${at.site === '' ? at.text : at.site}`),
      locks.length === 0
        ? null
        : h('div', { class: 'holds' }, 'holds ', chips(locks, since(locks, valueAt(holds, step - 1) ?? []))),
      wait === '' ? null : h('div', { class: 'waits' }, 'waits for ', chips([wait])),
    );
  }
}

const byNumber = bisector<number, number>((step) => step);
