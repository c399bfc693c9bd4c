/**
 * What keys do, and the help that lists them.
 */
import { h } from './dom.ts';

export interface Key {
  /** As `KeyboardEvent.key` has it; `Shift+` before it if that is held. */
  readonly keys: readonly string[];
  /** How the help shows them. */
  readonly shown: string;
  readonly does: string;
  run(): void;
}

/** Whether a control wants the keys for itself. */
const isTaken = (target: EventTarget | null, key: string): boolean =>
  target instanceof HTMLElement &&
  (target.closest('input, textarea, select, dialog[open]') !== null ||
    (target.closest('button, a') !== null && (key === 'Enter' || key === ' ')));

export function bindKeys(keys: readonly Key[]): void {
  const known = new Map(keys.flatMap((key) => key.keys.map((name) => [name, key] as const)));
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTaken(event.target, event.key)) return;
    const isArrow = event.key.startsWith('Arrow');
    const key = known.get(isArrow && event.shiftKey ? `Shift+${event.key}` : event.key);
    if (key === undefined) return;
    event.preventDefault();
    key.run();
  });
}

/** The dialog, and what opens it. */
export function helpDialog(keys: readonly Key[]): { readonly dialog: HTMLDialogElement; open(): void } {
  const rows = keys.map(({ shown, does }) => h('tr', {}, h('td', {}, h('kbd', {}, shown)), h('td', {}, does)));
  const dialog = h(
    'dialog',
    { 'aria-label': 'Keys' },
    h('h2', {}, 'Keys'),
    h('table', { class: 'keys' }, h('tbody', {}, ...rows)),
    h('p', {}, 'Drag the lanes to move them, Ctrl and the wheel zoom. A click sets the cursor.'),
    h('form', { method: 'dialog' }, h('button', { type: 'submit' }, 'Close')),
  );
  return { dialog, open: () => (dialog.open ? dialog.close() : dialog.showModal()) };
}
