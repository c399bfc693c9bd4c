/**
 * The rows of one CPU: which one an acquisition counts in.
 *
 * `ofWord` has the row of each lock word and mode that was used in this round, so that the fast path finds it with one load.
 * Row 0 is none: with it an acquisition always takes the long way, which looks the row up. By site and by owner that is so
 * every time, because the row follows from more than the word.
 */
import type { Site } from '../machine/site.ts';
import { memory } from '../shared/memory.ts';
import {
  type Area,
  CPU_LOST_ROWS,
  CPU_ROWS,
  IDS_MAX,
  type ProfileBuffers,
  type ProfileSettings,
  ROW_FIELDS,
  ROW_KEY,
  ROW_NEXT_TIMED,
  ROW_OF,
  ROWS_MAX,
} from './layout.ts';

/** The row of those that find no room. */
const OTHERS = 1;

export class Rows {
  /** [(word << 1) | exclusive] */
  readonly ofWord: Int32Array;
  readonly #by: ProfileSettings['by'];
  readonly #area: Area;
  readonly #ids: Int16Array;
  /** [(id << 1) | exclusive] */
  readonly #ofLock = new Int32Array(IDS_MAX * 2);
  readonly #ofMore = new Map<number, number>();
  readonly #who: () => number;

  /** `who`: the name of who runs. */
  constructor({ settings, ids }: ProfileBuffers, area: Area, who: () => number) {
    this.ofWord = new Int32Array(ids.length * 2);
    this.#by = settings.by;
    this.#area = area;
    this.#ids = ids;
    this.#who = who;
    area.numbers[CPU_ROWS] = OTHERS + 1;
  }

  startRound(): void {
    this.ofWord.fill(0, 0, 2 * (memory.plan?.size ?? 0));
  }

  find(word: number, exclusive: number, site: Site): number {
    const key = ((this.#ids[word] as number) << 1) | exclusive;
    if (this.#by === 'site') return this.#findMore(key, site);
    if (this.#by === 'owner') return this.#findMore(key, this.#who());
    const known = this.#ofLock[key] as number;
    const row = known === 0 ? this.#add(key, 0) : known;
    this.#ofLock[key] = row;
    this.ofWord[(word << 1) | exclusive] = row;
    return row;
  }

  #findMore(key: number, of: number): number {
    const both = key * 4096 + of;
    const known = this.#ofMore.get(both);
    if (known !== undefined) return known;
    const row = this.#add(key, of);
    this.#ofMore.set(both, row);
    return row;
  }

  #add(key: number, of: number): number {
    const { numbers, rows } = this.#area;
    const row = numbers[CPU_ROWS] as number;
    if (row === ROWS_MAX) {
      numbers[CPU_LOST_ROWS] = (numbers[CPU_LOST_ROWS] as number) + 1;
      return OTHERS;
    }
    numbers[CPU_ROWS] = row + 1;
    rows[row * ROW_FIELDS + ROW_KEY] = key;
    rows[row * ROW_FIELDS + ROW_OF] = of;
    // Drawn by the profiler at the first acquisition.
    rows[row * ROW_FIELDS + ROW_NEXT_TIMED] = 0;
    return row;
  }
}
