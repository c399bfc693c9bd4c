/**
 * The trace of one CPU: a ring of records, in which the newest take the place of the oldest.
 */
import {
  EV_BARRIER_BEHIND,
  EV_BIO_DEFERRED,
  EV_BIO_END,
  EV_BIO_PUSHED_BACK,
  EV_BIO_PUSHED_HEAD,
  EV_BIO_SUBMIT,
  EV_DISPATCH,
  EV_IO_END,
  EV_IO_START,
  EV_MD_FREE,
  EV_PUSHBACK_MERGE,
  EV_SUSPEND_PHASE,
  EV_SUSPEND_RETURN,
} from '../machine/events.ts';
import type { Site } from '../machine/site.ts';
import {
  type Clock,
  RECORD_A,
  RECORD_AT,
  RECORD_B,
  RECORD_FIELDS,
  RECORD_FROM,
  RECORD_KIND,
  RECORD_SITE,
  RECORD_WHO,
  RECORDS,
  type TraceRing,
} from './layout.ts';

/** What of the event stream a trace shows, beside locks and interrupts. */
const TRACED: ReadonlySet<number> = new Set([
  EV_BIO_SUBMIT,
  EV_BIO_END,
  EV_BIO_PUSHED_BACK,
  EV_BIO_PUSHED_HEAD,
  EV_BIO_DEFERRED,
  EV_BARRIER_BEHIND,
  EV_DISPATCH,
  EV_IO_START,
  EV_IO_END,
  EV_PUSHBACK_MERGE,
  EV_SUSPEND_PHASE,
  EV_SUSPEND_RETURN,
  EV_MD_FREE,
]);
const isTraced = Uint8Array.from({ length: 128 }, (_, kind) => (TRACED.has(kind) ? 1 : 0));

export class TraceWriter {
  readonly #records: Float64Array;
  readonly #written: Int32Array;
  readonly #clock: Clock;

  constructor({ records, written }: TraceRing, clock: Clock) {
    this.#records = records;
    this.#written = written;
    this.#clock = clock;
  }

  write(kind: number, at: number, from: number, a: number, b: number, site: Site, who: number): void {
    const number = this.#written[0] as number;
    const first = (number & (RECORDS - 1)) * RECORD_FIELDS;
    const r = this.#records;
    r[first + RECORD_AT] = at;
    r[first + RECORD_FROM] = from;
    r[first + RECORD_KIND] = kind;
    r[first + RECORD_A] = a;
    r[first + RECORD_B] = b;
    r[first + RECORD_SITE] = site;
    r[first + RECORD_WHO] = who;
    this.#written[0] = number + 1;
  }

  /** An event of the stream. */
  readonly hear = (kind: number, a: number, b: number, site: Site): void => {
    if (isTraced[kind] === 0 || kind < EV_BIO_SUBMIT) return;
    const now = this.#clock();
    this.write(kind, now, now, a, b, site, 0);
  };
}
