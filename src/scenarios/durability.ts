/**
 * I40 BARRIER_ORDER and I41 DURABILITY from the outside: what writers and barriers saw, and what a power cut has left.
 *
 * One clock for all: an I/O draws a ticket before it is submitted, one when its submission has returned and one when its end
 * is known; the cut draws one before it takes effect. Words of an entry:
 *
 *   0 state: 0 unused, 1 submitted, 2 ended    3 stamp        6 ticket after the submission
 *   1 flags                                    4 error        7 ticket after the end
 *   2 sector                                   5 ticket before the submission
 */
import { BIO_RW_BARRIER, REQ_WRITE } from '../block/bio.ts';
import type { BlockDevice } from '../block/block-device.ts';
import { EOPNOTSUPP } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { Atomic } from '../shared/word.ts';
import { submitIo, type UserIo, waitIo } from './user-io.ts';

const ENTRY_WORDS = 8;
const LOOKS_MAX = 400;
const SUBMITTED = 1;
const ENDED = 2;

/** A write of one sector, or a barrier, which may be without data. */
export interface LoggedWrite {
  readonly sector: number;
  readonly size: 0 | 1;
  readonly stamp: number;
  readonly flags: number;
}

interface Entry {
  readonly barrier: boolean;
  readonly sector: number;
  /** 0: a barrier without data. */
  readonly stamp: number;
  readonly error: number;
  readonly begin: number;
  readonly submitted: number;
  /** Infinity while it is under way. */
  readonly end: number;
}

export const durabilityWords = (entries: number): number => 3 + entries * ENTRY_WORDS;

export class DurabilityLog {
  readonly #clock = new Atomic(staticWords(1));
  readonly #cut = staticWords(1);
  readonly #checked = staticWords(1);
  readonly #words: number;
  readonly #entries: number;
  readonly #otherFaults: boolean;

  /** `otherFaults`: I/O may fail for other reasons than the cut. Then a barrier that failed promises nothing, whenever that was. */
  constructor(entries: number, otherFaults = false) {
    this.#entries = entries;
    this.#otherFaults = otherFaults;
    this.#words = staticWords(entries * ENTRY_WORDS);
  }

  #tick(): Kernel<number> {
    return this.#clock.add(1, HERE);
  }

  /** Submits a write as entry `entry`; `wait` must follow. */
  *submit(bdev: BlockDevice, entry: number, { sector, size, stamp, flags }: LoggedWrite): Kernel<UserIo> {
    const w = memory.words;
    const word = this.#words + entry * ENTRY_WORDS;
    w[word + 1] = flags;
    w[word + 2] = sector;
    w[word + 3] = size === 0 ? 0 : stamp;
    w[word + 5] = yield* this.#tick();
    w[word] = SUBMITTED;
    const io = yield* submitIo(bdev, { sector, size, stamp, flags: flags | REQ_WRITE });
    w[word + 6] = yield* this.#tick();
    return io;
  }

  /** Waits for its end; gives its error. */
  *wait(entry: number, io: UserIo): Kernel<number> {
    const w = memory.words;
    const word = this.#words + entry * ENTRY_WORDS;
    const { error } = yield* waitIo(io);
    w[word + 4] = error;
    w[word + 7] = yield* this.#tick();
    w[word] = ENDED;
    return error;
  }

  /** Waits until so many tickets are drawn, or for a while: some submissions never come. `pause` passes the time between two looks. */
  *until(tickets: number, pause: () => Kernel<void> = () => ops.relax(HERE)): Kernel<void> {
    for (let look = 0; look < LOOKS_MAX && (yield* this.#clock.read(HERE)) < tickets; look++) yield* pause();
  }

  /** Power will be cut from now on. */
  *cutting(): Kernel<void> {
    memory.words[this.#cut] = 1 + (yield* this.#tick());
  }

  #all(): Entry[] {
    const w = memory.words;
    return Array.from({ length: this.#entries }, (_, i) => this.#words + i * ENTRY_WORDS)
      .filter((word) => w[word] !== 0)
      .map((word) => ({
        barrier: ((w[word + 1] as number) & BIO_RW_BARRIER) !== 0,
        sector: w[word + 2] as number,
        stamp: w[word + 3] as number,
        error: w[word + 4] as number,
        begin: w[word + 5] as number,
        submitted: w[word + 6] as number,
        end: w[word] === ENDED ? (w[word + 7] as number) : Number.POSITIVE_INFINITY,
      }));
  }

  /** How the I/Os have ended, and the first error that came before the cut, 0: none did. At the end. */
  ends(): { submitted: number; completed: number; failed: number; underWay: number; errorBeforeCut: number } {
    const cut = memory.words[this.#cut] as number;
    const entries = this.#all();
    const ended = entries.filter(({ end }) => end !== Number.POSITIVE_INFINITY);
    const failed = ended.filter(({ error }) => error !== 0);
    return {
      submitted: entries.length,
      completed: ended.length - failed.length,
      failed: failed.length,
      underWay: entries.length - ended.length,
      errorBeforeCut: failed.find(({ end }) => cut === 0 || end < cut - 1)?.error ?? 0,
    };
  }

  /** Barriers that had ended well before the cut. */
  completed(): number {
    const cut = memory.words[this.#cut] as number;
    return this.#all().filter(({ barrier, error, end }) => barrier && error === 0 && (cut === 0 || end < cut - 1))
      .length;
  }

  /** How often `check` has looked at a sector, once for each write in it that a barrier orders. */
  checked(): number {
    return memory.words[this.#checked] as number;
  }

  /** Checks the media; `stored` gives what a sector has. At the end. */
  check(stored: (sector: number) => number): void {
    const cut = memory.words[this.#cut] as number;
    const before = cut === 0 ? Number.POSITIVE_INFINITY : cut - 1;
    const entries = this.#all();
    const onMedia = (entry: Entry): boolean => stored(entry.sector) === entry.stamp;
    for (const barrier of entries.filter((entry) => entry.barrier)) {
      const done = barrier.error === 0 && barrier.end < before;
      // One that was refused, or has failed for another reason than the cut, promises nothing.
      const notByCut = this.#otherFaults || barrier.end < before;
      if (barrier.error === -EOPNOTSUPP || (barrier.error !== 0 && notByCut)) continue;
      const newer = entries.find((entry) => entry.stamp !== 0 && entry.begin > barrier.submitted && onMedia(entry));
      if (!done && newer === undefined) continue;
      const why = done
        ? 'a barrier that covers it had ended'
        : `${newer?.stamp}, which came after a barrier, is on the media`;
      for (const write of entries)
        if (write.stamp !== 0 && (write === barrier || (write.error === 0 && write.end < barrier.begin)))
          this.#required(write, entries, stored, done ? 'I41' : 'I40', why);
    }
  }

  /** The sector has this write, or one that may have followed it. */
  #required(write: Entry, entries: Entry[], stored: (sector: number) => number, invariant: string, why: string): void {
    const there = stored(write.sector);
    (memory.words[this.#checked] as number)++;
    const writer = entries.find((entry) => entry.sector === write.sector && entry.stamp === there);
    if (there === write.stamp || (writer !== undefined && writer.end > write.begin)) return;
    report('lost-bio', invariant, `sector ${write.sector} has ${there} and not ${write.stamp}, although ${why}`);
  }
}
