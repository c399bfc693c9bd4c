/**
 * The records of one I/O: dm_io for the original bio, dm_target_io for each clone.
 */
import { mempoolFreer, type Pooled } from '../shared/mempool.ts';
import { type SpinLock, spinLockField } from '../shared/spinlock.ts';
import { atomic, defineStruct, embed, plain } from '../shared/struct.ts';
import type { Atomic } from '../shared/word.ts';

export interface DmIo extends Pooled {
  pool: number;
  md: number;
  bio: number;
  /** What the clones said so far. Guarded by endio_lock; after the last clone it is the last one's own. */
  error: number;
  /** Live clones, plus 1 while the bio is being split. */
  readonly ioCount: Atomic;
  readonly endioLock: SpinLock;
  /** The oracles' alone (check/errors.ts, order.ts, pushback.ts): why it fails, how many sectors were mapped, who wants it back. */
  readonly cause: { readonly word: number };
  readonly mapped: { readonly word: number };
  readonly requeue: { readonly word: number };
}

export const DmIo = defineStruct<DmIo>('dm-io', 'io', 24, {
  pool: plain,
  md: plain,
  bio: plain,
  error: plain,
  ioCount: atomic,
  endioLock: spinLockField,
  cause: embed(1, (word) => ({ word })),
  mapped: embed(1, (word) => ({ word })),
  requeue: embed(1, (word) => ({ word })),
});

export interface DmTargetIo extends Pooled {
  pool: number;
  io: number;
  target: number;
  clone: number;
  /** For the target: what its map wants its end_io to know. */
  info: number;
  /** The oracles' alone (check/pushback.ts): the noflush suspend that was the last when the clone was mapped. */
  readonly noflush: { readonly word: number };
}

export const DmTargetIo = defineStruct<DmTargetIo>('dm-target-io', 'tio', 32, {
  pool: plain,
  io: plain,
  target: plain,
  clone: plain,
  info: plain,
  noflush: embed(1, (word) => ({ word })),
});

/** Give the records back to their pools. Any context. */
export const freeDmIo = mempoolFreer(DmIo);
export const freeDmTargetIo = mempoolFreer(DmTargetIo);
