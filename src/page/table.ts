/**
 * Tables whose columns sort: by their buttons, first the largest numbers, or the first of the alphabet.
 */
import { ascending, descending } from 'd3';
import { h } from './dom.ts';

export type Cell = string | number;

export interface TableOptions<Row> {
  readonly caption: string;
  readonly columns: readonly {
    readonly name: string;
    readonly title?: string;
    value(row: Row): Cell;
    /** How a value is shown; default: numbers with separators. */
    show?(value: Cell, row: Row): string;
  }[];
  readonly rows: readonly Row[];
  /** A row can be chosen. */
  pick?(row: Row): void;
}

const shown = (value: Cell): string => (typeof value === 'number' ? value.toLocaleString('en') : value);

export function sortableTable<Row>({ caption, columns, rows, pick }: TableOptions<Row>): HTMLElement {
  const body = h('tbody');
  const elements = new Map(rows.map((row) => [row, rowOf(row)] as const));
  let order = [...rows];
  let chosen: HTMLElement | null = null;

  function rowOf(row: Row): HTMLTableRowElement {
    const cells = columns.map(({ value, show = shown }, index) => {
      const of = value(row);
      const text = show(of, row);
      const content =
        index === 0 && pick !== undefined
          ? h('button', { type: 'button', class: 'pick', onclick: () => choose(row) }, text)
          : text;
      return h('td', typeof of === 'number' ? { class: 'number' } : {}, content);
    });
    return h('tr', {}, ...cells);
  }

  function choose(row: Row): void {
    chosen?.removeAttribute('aria-current');
    chosen = elements.get(row) ?? null;
    chosen?.setAttribute('aria-current', 'true');
    pick?.(row);
  }

  const isNumeric = (value: (row: Row) => Cell): boolean => rows.some((row) => typeof value(row) === 'number');
  const heads = columns.map(({ name, title = name, value }) => {
    const head = h(
      'th',
      { scope: 'col' },
      h('button', { type: 'button', class: 'sort', title, onclick: () => sort() }, name),
    );
    function sort(): void {
      const was = head.getAttribute('aria-sort');
      const isDown = was === null ? isNumeric(value) : was === 'ascending';
      for (const each of heads) each.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', isDown ? 'descending' : 'ascending');
      const compare = isDown ? descending : ascending;
      order = [...order].sort((a, b) => compare(value(a), value(b)));
      lay();
    }
    return head;
  });
  const lay = (): void => body.replaceChildren(...order.map((row) => elements.get(row) as HTMLElement));
  lay();
  if (pick !== undefined && rows[0] !== undefined) choose(rows[0]);
  const table = h('table', {}, h('caption', {}, caption), h('thead', {}, h('tr', {}, ...heads)), body);
  return h('div', { class: 'wide', tabindex: 0, role: 'region', 'aria-label': caption }, table);
}
