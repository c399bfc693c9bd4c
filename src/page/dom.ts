/**
 * Elements in one call. Text goes in as text nodes and attributes as attributes: nothing from the data is ever read as HTML.
 */

type Child = Node | string | number | null;
type Attributes = Readonly<Record<string, string | number | boolean | ((event: Event) => void)>>;

/** `on…` is a listener; a boolean attribute is there or not. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false) element.setAttribute(name, String(value));
  fill(element, ...children);
  return element;
}

/** Puts other children into an element. */
export function fill(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren(
    ...children.filter((child) => child !== null).map((child) => (typeof child === 'number' ? String(child) : child)),
  );
}

/** Words that are short and belong together: locks, flags, bios. `news`: those that have just come. */
export function chips(words: readonly string[], news: ReadonlySet<string> = new Set()): HTMLElement {
  if (words.length === 0) return h('span', { class: 'none' }, 'none');
  return h(
    'span',
    { class: 'chips' },
    ...words.map((word) => h('span', { class: news.has(word) ? 'chip new' : 'chip' }, word)),
  );
}

/** A part of the page with its heading. */
export function section(title: string, ...children: readonly Child[]): HTMLElement {
  return h('section', { 'aria-label': title }, h('h2', {}, title), ...children);
}
