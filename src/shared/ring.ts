/**
 * Mailboxes between actors: a ring of words with many writers and one reader.
 *
 *   word 0       places handed out          writers, rmw
 *   word 1       entries published          writers, rmw, after the entry is there: what the reader waits on
 *   word 2       next place to read         reader only
 *   word 3       (line's rest is unused)
 *   word 4 …     entries; 0 is empty        a writer fills an empty place, the reader empties it
 *
 * Rings are sized for all that can be under way at once; a full one is a fault of the machine's configuration.
 */
import { report } from '../machine/finding.ts';
import { type Kernel, RMW_ADD } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import type { Site } from '../machine/site.ts';
import { memory } from './memory.ts';

const PLACES = 0;
export const RING_PUBLISHED = 1;
const READ = 2;
const ENTRIES = 4;

export function ringWords(entries: number): number {
  return ENTRIES + entries;
}

/** What a word of a ring is called: `.published`, `[3]`. */
export function ringWordName(offset: number): string {
  if (offset >= ENTRIES) return `[${offset - ENTRIES}]`;
  return ['.places', '.published', '.read', ''][offset] as string;
}

export class Ring {
  readonly word: number;
  readonly entries: number;
  /** `entries` must be a power of two. */
  constructor(word: number, entries: number) {
    this.word = word;
    this.entries = entries;
  }

  /** The word that changes with each push: what a reader may wait on. */
  get published(): number {
    return this.word + RING_PUBLISHED;
  }

  /** Appends a value other than 0. */
  *push(value: number, site: Site): Kernel<void> {
    const place = yield* ops.rmw(this.word + PLACES, RMW_ADD, 1, site);
    const word = this.word + ENTRIES + (place & (this.entries - 1));
    const old = yield* ops.cmpxchg(word, 0, value, site);
    if (old !== 0) report('assertion', '', `a ring of ${this.entries} entries is full`, site);
    yield* ops.rmw(this.word + RING_PUBLISHED, RMW_ADD, 1, site);
  }

  /** The oldest value, or 0 when there is none yet. One reader only. */
  *pop(site: Site): Kernel<number> {
    const w = memory.words;
    const word = this.word + ENTRIES + ((w[this.word + READ] as number) & (this.entries - 1));
    const value = yield* ops.load(word, site);
    if (value === 0) return 0;
    yield* ops.store(word, 0, site);
    w[this.word + READ] = ((w[this.word + READ] as number) + 1) | 0;
    return value;
  }
}
