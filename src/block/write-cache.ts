/**
 * Media behind a volatile write cache: what was written is durable only after a flush, or when the disk felt like it.
 *
 * All of it belongs to the device, so no access is an operation of a CPU. Words, for n sectors:
 *
 *   0 … n−1     media: survives a power cut
 *   n … 2n−1    cache: the newest content of a sector that is dirty
 *   2n … 3n−1   0: clean; else the number of the write that made the sector dirty
 *   3n          number of the last write
 *   3n + 1      1: power is cut, nothing is served any more
 *
 * A real disk writes back when it likes, in any order. Nobody can see that before power is cut, so it is decided late: for each
 * dirty sector at the cut, and for a dirty sector that is written again, whose older content may be on the media by then.
 */
import { CHOICE_WRITE_BACK, type Kernel } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import { memory, staticWords } from '../shared/memory.ts';

export const cachedMediaWords = (sectors: number): number => 3 * sectors + 2;

/** Declares the words of a disk with a cache; every worker does so while it builds the scenario. */
export function declareCachedMedia(sectors: number): number {
  return staticWords(cachedMediaWords(sectors));
}

export class WriteCache {
  readonly #base: number;
  readonly #sectors: number;
  /** Without a cache writes go to the media. */
  readonly #volatile: boolean;

  constructor(base: number, sectors: number, isVolatile: boolean) {
    this.#base = base;
    this.#sectors = sectors;
    this.#volatile = isVolatile;
  }

  get #lastWrite(): number {
    return this.#base + 3 * this.#sectors;
  }

  get isOff(): boolean {
    return memory.words[this.#lastWrite + 1] !== 0;
  }

  /** Number of the last write; the next ones have larger numbers. */
  get lastWrite(): number {
    return memory.words[this.#lastWrite] as number;
  }

  /** The number of the write that made a sector dirty, 0: it is clean. */
  dirtySince(sector: number): number {
    return memory.words[this.#base + 2 * this.#sectors + sector] as number;
  }

  /** What a power cut leaves in any case. */
  stored(sector: number): number {
    return memory.words[this.#base + sector] as number;
  }

  /** What a read gives. */
  read(sector: number): number {
    return memory.words[this.#base + (this.dirtySince(sector) === 0 ? 0 : this.#sectors) + sector] as number;
  }

  *write(sector: number, value: number): Kernel<void> {
    const w = memory.words;
    const number = this.lastWrite + 1;
    w[this.#lastWrite] = number;
    if (!this.#volatile) {
      w[this.#base + sector] = value;
      return;
    }
    if (this.dirtySince(sector) !== 0) yield* this.#perhapsWriteBack(sector);
    w[this.#base + this.#sectors + sector] = value;
    w[this.#base + 2 * this.#sectors + sector] = number;
  }

  /** Makes all that was written durable. */
  flush(): void {
    for (let sector = 0; sector < this.#sectors; sector++) if (this.dirtySince(sector) !== 0) this.#writeBack(sector);
  }

  /** What was only in the cache is gone, but for what the disk had written back by itself; nothing is served any more. */
  *cut(): Kernel<void> {
    const w = memory.words;
    for (let sector = 0; sector < this.#sectors; sector++) {
      if (this.dirtySince(sector) === 0) continue;
      yield* this.#perhapsWriteBack(sector);
      w[this.#base + 2 * this.#sectors + sector] = 0;
    }
    w[this.#lastWrite + 1] = 1;
  }

  *#perhapsWriteBack(sector: number): Kernel<void> {
    if ((yield* ops.choice(CHOICE_WRITE_BACK, 2, HERE)) !== 0) this.#writeBack(sector);
  }

  #writeBack(sector: number): void {
    const w = memory.words;
    w[this.#base + sector] = w[this.#base + this.#sectors + sector] as number;
    w[this.#base + 2 * this.#sectors + sector] = 0;
  }
}
