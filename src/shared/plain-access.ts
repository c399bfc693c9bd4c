/**
 * Plain words, and who reads and writes them: for the race detector.
 *
 * A plain word is guarded by a lock or owned by somebody, so each access is an access of a typed array and nothing else. While
 * somebody watches, the accessors of all views are replaced by others that tell him first; afterwards the first ones come back.
 */

import { memory } from './memory.ts';

/** Hears each access to a plain word before it happens. */
export interface PlainWatcher {
  read(word: number): void;
  write(word: number): void;
}

interface Accessor {
  readonly prototype: object;
  readonly property: string;
  readonly wordOf: (view: object) => number;
  readonly original: PropertyDescriptor;
}

const accessors: Accessor[] = [];

/** A plain word outside any struct's fields: a static one, or one of an array. */
export class PlainWord {
  declare readonly word: number;
  constructor(word: number) {
    this.word = word;
  }

  get value(): number {
    return memory.words[this.word] as number;
  }

  set value(value: number) {
    memory.words[this.word] = value;
  }
}

/** `property` of the views with this prototype is a plain word. Declared once, where the views are. */
export function declarePlain<T extends object>(prototype: T, property: string, wordOf: (view: T) => number): void {
  const original = Object.getOwnPropertyDescriptor(prototype, property);
  if (original?.get === undefined) throw new Error(`${property} has no accessor`);
  accessors.push({ prototype, property, wordOf: wordOf as (view: object) => number, original });
}
declarePlain(PlainWord.prototype, 'value', ({ word }) => word);

/** All accesses on this thread are told to `watcher` from now on; null: to nobody. */
export function watchPlain(watcher: PlainWatcher | null): void {
  for (const { prototype, property, wordOf, original } of accessors)
    Object.defineProperty(prototype, property, watcher === null ? original : watched(original, wordOf, watcher));
}

function watched(
  original: PropertyDescriptor,
  wordOf: (view: object) => number,
  watcher: PlainWatcher,
): PropertyDescriptor {
  const { get, set } = original;
  return {
    ...original,
    get(this: object) {
      watcher.read(wordOf(this));
      return get?.call(this);
    },
    set(this: object, value: unknown) {
      watcher.write(wordOf(this));
      set?.call(this, value);
    },
  };
}
