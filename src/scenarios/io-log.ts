/**
 * What users did to which sector and when: the record that the data check reads at the end of a round.
 *
 * Each sector has a clock of its own, a word that is only added to. An I/O draws a ticket from the clock of each of its
 * sectors before it is submitted and another in its end_io, so of two I/Os on a sector one wholly follows the other exactly
 * if its first ticket is later than the other's last. No clock is shared by I/Os that have no sector in common.
 *
 *   word 0   0 unused, 1 submitted, 2 ended        word 4   stamp
 *   word 1   flags of the request                  word 5   error
 *   word 2   first sector                          word 6   first word of the clocks
 *   word 3   sectors                               word 7 … first ticket, last ticket, content, for each sector
 */
import { BIO_RW_BARRIER, REQ_WRITE } from '../block/bio.ts';
import type { Kernel } from '../machine/kernel.ts';
import { RMW_ADD } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import { memory, staticWords } from '../shared/memory.ts';
import type { SectorIo } from './sector-check.ts';

/** The most sectors of an I/O that is recorded. */
export const RECORD_SECTORS_MAX = 4;

const STATE = 0;
const FLAGS = 1;
const SECTOR = 2;
const SIZE = 3;
const STAMP = 4;
const ERROR = 5;
const CLOCKS = 6;
const TICKETS = 7;
const TICKET_WORDS = 3;
export const RECORD_WORDS = TICKETS + TICKET_WORDS * RECORD_SECTORS_MAX;

const SUBMITTED = 1;
const ENDED = 2;

/** What is recorded of a request. */
export interface RecordedRequest {
  readonly sector: number;
  readonly size: number;
  readonly flags: number;
  readonly stamp: number;
}

/** The records of one user, one for each of its I/Os. */
export class IoLog {
  readonly #word: number;
  readonly #entries: number;
  readonly #clocks: number;

  /** Declares entries × RECORD_WORDS words; `clocks` is the first of the words that all logs of a device share. */
  constructor(entries: number, clocks: number) {
    this.#word = staticWords(entries * RECORD_WORDS);
    this.#entries = entries;
    this.#clocks = clocks;
  }

  /** Before the I/O is submitted; gives the record, which the I/O takes along. */
  *begin(entry: number, request: RecordedRequest): Kernel<number> {
    const w = memory.words;
    const record = this.#word + entry * RECORD_WORDS;
    w[record + STATE] = SUBMITTED;
    w[record + FLAGS] = request.flags;
    w[record + SECTOR] = request.sector;
    w[record + SIZE] = request.size;
    w[record + STAMP] = request.stamp;
    w[record + CLOCKS] = this.#clocks;
    for (let i = 0; i < request.size; i++)
      w[record + TICKETS + TICKET_WORDS * i] = yield* ops.rmw(this.#clocks + request.sector + i, RMW_ADD, 1, HERE);
    return record;
  }

  /** I/Os that were submitted; exact at quiescence. */
  submitted(): number {
    return this.#count((record) => memory.words[record + STATE] !== 0);
  }

  /** I/Os that have not ended. */
  underWay(): number {
    return this.#count((record) => memory.words[record + STATE] === SUBMITTED);
  }

  /** I/Os that ended well, or with an error. */
  ended(failed: boolean): number {
    const w = memory.words;
    return this.#count((record) => w[record + STATE] === ENDED && (w[record + ERROR] !== 0) === failed);
  }

  /** The error of the first I/O that ended with one, 0: none did. */
  firstError(): number {
    const w = memory.words;
    for (let entry = 0; entry < this.#entries; entry++) {
      const record = this.#word + entry * RECORD_WORDS;
      if (w[record + STATE] === ENDED && w[record + ERROR] !== 0) return w[record + ERROR] as number;
    }
    return 0;
  }

  /** Barriers that ended well. */
  barriers(): number {
    const w = memory.words;
    const isBarrier = (record: number): boolean => ((w[record + FLAGS] as number) & BIO_RW_BARRIER) !== 0;
    return this.#count((record) => isBarrier(record) && w[record + STATE] === ENDED && w[record + ERROR] === 0);
  }

  #count(which: (record: number) => boolean): number {
    let count = 0;
    for (let entry = 0; entry < this.#entries; entry++) if (which(this.#word + entry * RECORD_WORDS)) count++;
    return count;
  }

  /** What was done to one sector. */
  *ofSector(sector: number): Iterable<SectorIo> {
    const w = memory.words;
    for (let entry = 0; entry < this.#entries; entry++) {
      const record = this.#word + entry * RECORD_WORDS;
      const place = sector - (w[record + SECTOR] as number);
      if (w[record + STATE] !== ENDED || place < 0 || place >= (w[record + SIZE] as number)) continue;
      const tickets = record + TICKETS + TICKET_WORDS * place;
      yield {
        write: ((w[record + FLAGS] as number) & REQ_WRITE) !== 0,
        error: w[record + ERROR] as number,
        value: w[tickets + 2] as number,
        start: w[tickets] as number,
        end: w[tickets + 1] as number,
      };
    }
  }
}

/** In the I/O's end_io: its data begins at word `data`. Any context. */
export function* endRecord(record: number, error: number, data: number): Kernel<void> {
  const w = memory.words;
  const size = w[record + SIZE] as number;
  const clocks = (w[record + CLOCKS] as number) + (w[record + SECTOR] as number);
  w[record + ERROR] = error;
  for (let i = 0; i < size; i++) {
    const tickets = record + TICKETS + TICKET_WORDS * i;
    w[tickets + 2] = w[data + i] as number;
    w[tickets + 1] = yield* ops.rmw(clocks + i, RMW_ADD, 1, HERE);
  }
  w[record + STATE] = ENDED;
}
