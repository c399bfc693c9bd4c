/**
 * The records of one I/O: dm_io for the original bio, dm_target_io for each clone.
 */
import { mempoolFreer, type Pooled } from '../shared/mempool.ts';
import { type SpinLock, spinLockField } from '../shared/spinlock.ts';
import { atomic, defineStruct, plain } from '../shared/struct.ts';
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
}

export const DmIo = defineStruct<DmIo>('dm-io', 'io', 24, {
  pool: plain,
  md: plain,
  bio: plain,
  error: plain,
  ioCount: atomic,
  endioLock: spinLockField,
});

export interface DmTargetIo extends Pooled {
  pool: number;
  io: number;
  target: number;
  clone: number;
  /** For the target: what its map wants its end_io to know. */
  info: number;
}

export const DmTargetIo = defineStruct<DmTargetIo>('dm-target-io', 'tio', 32, {
  pool: plain,
  io: plain,
  target: plain,
  clone: plain,
  info: plain,
});

/** Give the records back to their pools. Any context. */
export const freeDmIo = mempoolFreer(DmIo);
export const freeDmTargetIo = mempoolFreer(DmTargetIo);
