/**
 * Light and dark: as the system has it, until the switch says otherwise.
 */
import { h } from './dom.ts';

/** Sent to the window when colours are others. */
export const THEME_CHANGED = 'themechanged';

const SYSTEM_DARK = matchMedia('(prefers-color-scheme: dark)');
const root = document.documentElement;

let isSwitched = false;

function set(isDark: boolean): void {
  root.dataset['theme'] = isDark ? 'dark' : 'light';
  window.dispatchEvent(new Event(THEME_CHANGED));
}

set(SYSTEM_DARK.matches);
SYSTEM_DARK.addEventListener('change', () => {
  if (!isSwitched) set(SYSTEM_DARK.matches);
});

export function switchTheme(): void {
  isSwitched = true;
  set(root.dataset['theme'] === 'light');
}

export function themeButton(): HTMLElement {
  return h('button', { type: 'button', onclick: switchTheme, title: 'light or dark (t)' }, 'Light / dark');
}

/** The value of a colour of the style. */
export const colour = (name: string): string => getComputedStyle(root).getPropertyValue(`--${name}`).trim();

/** Colours of things that have names, the same in every picture of the page. So many stand in the style, the others are made. */
const COLOURS = 10;
/** Each hue lies in the widest gap between those before it; steps of lightness tell neighbours apart. */
const GOLDEN_ANGLE = 137.508;
const LIGHTNESS = [0.68, 0.58, 0.76];

function makeColour(number: number): void {
  const lightness = LIGHTNESS[number % LIGHTNESS.length] as number;
  root.style.setProperty(`--c${number}`, `oklch(${lightness} 0.11 ${((number * GOLDEN_ANGLE) % 360).toFixed(1)})`);
}

/** The locks of a device are never of one colour. */
const LOCKS_OF_DEVICE = ['suspend_lock', 'io_lock', 'map_lock', 'deferred_lock', 'pushback_lock'];
const given = new Map(LOCKS_OF_DEVICE.map((name, number) => [`&md->${name}`, number]));

/** `submitter0` and `submitter1` have the same, as have readers and writers of a lock. */
export function colourOf(name: string): string {
  const kind = name.replace(/ \((?:read|write)\)$/, '').replace(/[/\d]*$/, '');
  const known = given.get(kind);
  const number = known ?? given.size;
  if (known === undefined && number >= COLOURS) makeColour(number);
  given.set(kind, number);
  return `c${number}`;
}
