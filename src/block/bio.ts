/**
 * bio: one I/O on a range of sectors, and how it ends.
 *
 * Models struct bio, bio_endio, bio_chain, bio_put. A sector's content is one word, so a bio carries as many words as it has
 * sectors. A clone reads and writes the buffer of its original.
 *
 *   remaining   only with BIO_CHAIN: ends still to come; the last one runs end_io         atomic
 *   error       first error of a chained bio sticks                                        atomic
 *   loc         where the bio is; the oracles' alone (check/bio-location.ts)               compare-and-swap
 *   order       its number on the list that it is on; the oracles' alone (check/order.ts)  under the list's lock
 *               when its last clone has ended: the noflush suspend that covers it (check/pushback.ts)
 *   cause       why it fails, CAUSE_* bits; the oracles' alone (check/errors.ts)           or
 */
import { EV_BIO_END, emit, listening } from '../machine/events.ts';
import { bugOn } from '../machine/finding.ts';
import { type Kernel, resolved } from '../machine/kernel.ts';
import type { Site } from '../machine/site.ts';
import { FunctionTable } from '../shared/function-table.ts';
import { memory } from '../shared/memory.ts';
import { mempoolFreer } from '../shared/mempool.ts';
import { atomic, defineStruct, embed, plain, type Struct } from '../shared/struct.ts';
import type { Atomic } from '../shared/word.ts';

/** The most sectors of a bio with a buffer of its own. */
export const BIO_SECTORS_MAX = 8;

export const REQ_WRITE = 1;
/** Read-ahead: fails at once where it would have to wait. */
export const REQ_READA = 2;
/** bio.flags: `remaining` counts. */
export const BIO_CHAIN = 4;
/** This bio is a part of another (a clone, or the mapped part of a split), not what a submitter submitted. */
export const BIO_PART = 8;
/** Nothing that was sent to the queue before it may be served after it, and nothing later before; it ends when it is durable. */
export const BIO_RW_BARRIER = 16;
/** Somebody waits for it: its queue is unplugged at once. */
export const BIO_RW_UNPLUG = 32;

export interface Bio extends Struct {
  sector: number;
  size: number;
  bioFlags: number;
  /** Handle of the block device. */
  bdev: number;
  /** What runs when it has ended (an entry of `endIos`), and what that needs. */
  endIo: number;
  private: number;
  /** Link of the one list that it is on. */
  next: number;
  readonly remaining: Atomic;
  readonly error: Atomic;
  /** Handle of the mempool that it came from, 0: the slab. */
  pool: number;
  /** First word of the data. */
  data: number;
  readonly buffer: { readonly word: number };
  readonly loc: { readonly word: number };
  readonly order: { readonly word: number };
  readonly cause: { readonly word: number };
}

export const Bio = defineStruct<Bio>('bio', 'bio', 48, {
  sector: plain,
  size: plain,
  bioFlags: plain,
  bdev: plain,
  endIo: plain,
  private: plain,
  next: plain,
  remaining: atomic,
  error: atomic,
  pool: plain,
  data: plain,
  buffer: embed(BIO_SECTORS_MAX, (word) => ({ word })),
  loc: embed(1, (word) => ({ word })),
  order: embed(1, (word) => ({ word })),
  cause: embed(1, (word) => ({ word })),
});

const BUFFER = Bio.offsetOf('buffer');

/** Runs when a bio has ended. The bio is the function's from then on. */
export type EndIo = (bio: Bio, error: number) => Kernel<void>;
export const endIos = new FunctionTable<EndIo>('bio end_io');

/** A new bio with a buffer of its own, or null. */
export function bioAlloc(): Bio | null {
  const bio = Bio.alloc();
  if (bio !== null) bio.data = bio.address + BUFFER;
  return bio;
}

const freeToPool = mempoolFreer(Bio);

/** Gives a bio's memory back to where it came from. */
export function bioPut(bio: Bio, site: Site): Kernel<void> {
  if (bio.pool !== 0) return freeToPool(bio, site);
  Bio.free(bio);
  return resolved(undefined);
}

/** One word of the data. */
export function bioData(bio: Bio, sector: number): number {
  return memory.words[bio.data + sector] as number;
}

export function setBioData(bio: Bio, sector: number, value: number): void {
  memory.words[bio.data + sector] = value;
}

/** The parent's end waits for the child's too. Before either is submitted. */
export function* bioChain(child: Bio, parent: Bio, site: Site): Kernel<void> {
  bugOn(child.private !== 0 || child.endIo !== 0, 'a bio that has an end_io is chained');
  child.private = parent.handle;
  child.endIo = CHAIN_ENDIO;
  if ((parent.bioFlags & BIO_CHAIN) === 0) {
    parent.bioFlags |= BIO_CHAIN;
    yield* parent.remaining.set(2, site);
  } else {
    yield* parent.remaining.add(1, site);
  }
}

/** The end of a bio. Any context. */
export function bioEndio(bio: Bio, error: number): Kernel<void> {
  if ((bio.bioFlags & BIO_CHAIN) !== 0 || bio.endIo === CHAIN_ENDIO) return endChain(bio, error);
  if (listening !== 0) emit(EV_BIO_END, bio.address, error, HERE);
  return endIos.at(bio.endIo)(bio, error);
}

/** Walks a chain upwards in a loop, since chains may be long and stacks are short. */
function* endChain(bio: Bio, error: number): Kernel<void> {
  let ended = bio;
  let result = error;
  for (;;) {
    if ((ended.bioFlags & BIO_CHAIN) !== 0) {
      if (result !== 0) yield* ended.error.cmpxchg(0, result, HERE);
      if ((yield* ended.remaining.add(-1, HERE)) !== 1) return;
      result = yield* ended.error.read(HERE);
    }
    if (listening !== 0) emit(EV_BIO_END, ended.address, result, HERE);
    if (ended.endIo !== CHAIN_ENDIO) break;
    const parent = Bio.at(ended.private);
    // The child goes home first: when the parent has ended, the pool may be gone.
    yield* bioPut(ended, HERE);
    ended = parent;
  }
  yield* endIos.at(ended.endIo)(ended, result);
}

const CHAIN_ENDIO = endIos.define('bio_chain_endio', function* chainEndio(): Kernel<void> {
  bugOn(true, 'a chained bio is ended through its end_io');
});
