/**
 * What the scripted targets of a round do: a path that can go down, I/O that is held or handed back meanwhile, and slowness.
 *
 * Behaves like multipath with one path (spec B17), without its worker: while there is no path and queue_if_no_path is set,
 * clones are kept on a private list; presuspend switches queueing off and fails what is on the list, and end_io makes a
 * REQUEUE of that while a noflush suspend is under way. An interrupted suspend does not undo presuspend, so queueing stays
 * off until somebody sets it again. The targets of one script share its path and its list, across tables.
 *
 * Requests are not kept: without a path they go back to the queue of the device, which tries them again some time later. Flushes
 * of barriers are treated as they are.
 *
 *   word 0   1: there is a path       word 1   queue_if_no_path     word 2   what it was before presuspend
 *   word 3, 4   the private list      all guarded by the script's m->lock
 */
import { BioList } from '../block/bio-list.ts';
import {
  type Bio,
  bioEndio,
  blkBarrierRq,
  DM_ENDIO_DONE,
  DM_ENDIO_INCOMPLETE,
  DM_ENDIO_REQUEUE,
  DM_MAPIO_REQUEUE,
  DM_MAPIO_SUBMITTED,
  type DmRqTargetIo,
  type DmTarget,
  type DmTargetIo,
  dmNoflushSuspending,
  EIO,
  genericMakeRequest,
  type Request,
} from '../core/device-mapper.ts';
import { DmTargetIo as TargetIo } from '../core/dm-io.ts';
import { DmTarget as Target } from '../core/dm-target.ts';
import { usleep } from '../irq/timer.ts';
import { CHOICE_SCENARIO, type Kernel } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import { memory, staticWords } from '../shared/memory.ts';
import {
  declareSpinLock,
  SPINLOCK_WORDS,
  type SpinLock,
  spinLockIrqsave,
  spinUnlockIrqrestore,
} from '../shared/spinlock.ts';
import { remap, remapRequest, type Script } from '../targets/scripted.ts';

export interface PathPlan {
  /** Whether there is a path at first, and whether clones are kept while there is none. */
  readonly pathUp: boolean;
  readonly queueIfNoPath: boolean;
  /** Under a noflush suspend one in so many clones is handed back from map, or from end_io; 0: none. */
  readonly requeueInMap: number;
  readonly requeueInEndIo: number;
  /** One in `slowMap` maps sleeps for so long, 0: none; and each presuspend. */
  readonly slowMap: number;
  readonly slowMapUs: number;
  readonly slowPresuspendUs: number;
}

/** There is no path, and I/O is kept until there is one. */
export const NO_PATH: PathPlan = {
  pathUp: false,
  queueIfNoPath: true,
  requeueInMap: 0,
  requeueInEndIo: 0,
  slowMap: 0,
  slowMapUs: 0,
  slowPresuspendUs: 0,
};

const PATH = 0;
const QUEUE = 1;
const SAVED_QUEUE = 2;
const HELD = 3;
const WORDS = 5;
/** tio.info of a clone that was kept on the list since it was mapped last. */
const WAS_HELD = 1;

/** Static words that a PathTarget declares. */
export const PATH_TARGET_WORDS = WORDS + SPINLOCK_WORDS;

export class PathTarget implements Script {
  readonly #plan: PathPlan;
  readonly #lock: SpinLock;
  readonly #word: number;
  readonly #held: BioList;

  constructor(plan: PathPlan) {
    this.#plan = plan;
    this.#lock = declareSpinLock('&m->lock');
    this.#word = staticWords(WORDS);
    this.#held = new BioList(this.#word + HELD);
  }

  /** In `setup`. */
  init(): void {
    const w = memory.words;
    w[this.#word + PATH] = this.#plan.pathUp ? 1 : 0;
    w[this.#word + QUEUE] = this.#plan.queueIfNoPath ? 1 : 0;
    w[this.#word + SAVED_QUEUE] = w[this.#word + QUEUE] as number;
  }

  *map(ti: DmTarget, clone: Bio, tio: DmTargetIo): Kernel<number> {
    const { slowMap, slowMapUs, requeueInMap } = this.#plan;
    if (yield* oneIn(slowMap)) yield* usleep(slowMapUs, HERE);
    if ((yield* oneIn(requeueInMap)) && (yield* dmNoflushSuspending(ti))) return DM_MAPIO_REQUEUE;
    const w = memory.words;
    const saved = yield* spinLockIrqsave(this.#lock, HERE);
    let said = -EIO;
    if (w[this.#word + PATH] !== 0) {
      said = remap(ti, clone);
    } else if (w[this.#word + QUEUE] !== 0) {
      tio.info = WAS_HELD;
      this.#held.add(clone);
      said = DM_MAPIO_SUBMITTED;
    } else if (yield* this.#mustPushBack(ti)) {
      said = DM_MAPIO_REQUEUE;
    }
    yield* spinUnlockIrqrestore(this.#lock, saved, HERE);
    return said;
  }

  *endIo(ti: DmTarget, clone: Bio, error: number, tio: DmTargetIo): Kernel<number> {
    if ((yield* oneIn(this.#plan.requeueInEndIo)) && (yield* dmNoflushSuspending(ti))) return DM_ENDIO_REQUEUE;
    if (error === 0) return DM_ENDIO_DONE;
    const w = memory.words;
    const saved = yield* spinLockIrqsave(this.#lock, HERE);
    let said = DM_ENDIO_DONE;
    const noPath = w[this.#word + PATH] === 0;
    if ((noPath || tio.info === WAS_HELD) && (yield* this.#mustPushBack(ti))) {
      said = DM_ENDIO_REQUEUE;
    } else if (noPath && w[this.#word + QUEUE] !== 0) {
      // It was on its way when the path went down: as it was before map, and kept.
      clone.sector = clone.sector - ti.start + ti.begin;
      tio.info = WAS_HELD;
      this.#held.add(clone);
      said = DM_ENDIO_INCOMPLETE;
    }
    yield* spinUnlockIrqrestore(this.#lock, saved, HERE);
    return said;
  }

  /** Interrupts may be off. */
  *mapRq(ti: DmTarget, clone: Request): Kernel<number> {
    if (yield* oneIn(this.#plan.requeueInMap)) return DM_MAPIO_REQUEUE;
    const w = memory.words;
    const saved = yield* spinLockIrqsave(this.#lock, HERE);
    let said = -EIO;
    if (w[this.#word + PATH] !== 0) said = remapRequest(ti, clone);
    else if (w[this.#word + QUEUE] !== 0 || (yield* this.#mustPushBack(ti))) said = DM_MAPIO_REQUEUE;
    yield* spinUnlockIrqrestore(this.#lock, saved, HERE);
    return said;
  }

  /** Perhaps with a queue_lock below held. What has been served can not be wanted back, its bios have ended; a flush can. */
  *rqEndIo(ti: DmTarget, clone: Request, error: number, _tio: DmRqTargetIo): Kernel<number> {
    if (error === 0 && !blkBarrierRq(clone)) return DM_ENDIO_DONE;
    if (yield* oneIn(this.#plan.requeueInEndIo)) return DM_ENDIO_REQUEUE;
    if (error === 0) return DM_ENDIO_DONE;
    const w = memory.words;
    const saved = yield* spinLockIrqsave(this.#lock, HERE);
    const waits = w[this.#word + QUEUE] !== 0 || (yield* this.#mustPushBack(ti));
    const said = w[this.#word + PATH] === 0 && waits ? DM_ENDIO_REQUEUE : error;
    yield* spinUnlockIrqrestore(this.#lock, saved, HERE);
    return said;
  }

  /** Between presuspend and resume of a noflush suspend, when there was queueing before. With m->lock held. */
  *#mustPushBack(ti: DmTarget): Kernel<boolean> {
    const w = memory.words;
    return w[this.#word + QUEUE] !== w[this.#word + SAVED_QUEUE] && (yield* dmNoflushSuspending(ti));
  }

  *presuspend(): Kernel<void> {
    const w = memory.words;
    const saved = yield* spinLockIrqsave(this.#lock, HERE);
    w[this.#word + SAVED_QUEUE] = w[this.#word + QUEUE] as number;
    w[this.#word + QUEUE] = 0;
    yield* spinUnlockIrqrestore(this.#lock, saved, HERE);
    for (let clone = yield* this.#takeHeld(); clone !== null; clone = yield* this.#takeHeld())
      yield* bioEndio(clone, -EIO);
    if (this.#plan.slowPresuspendUs > 0) yield* usleep(this.#plan.slowPresuspendUs, HERE);
  }

  *resume(): Kernel<void> {
    yield* this.setQueueing();
  }

  /** Queueing is as it was before presuspend. */
  *setQueueing(): Kernel<void> {
    const saved = yield* spinLockIrqsave(this.#lock, HERE);
    memory.words[this.#word + QUEUE] = memory.words[this.#word + SAVED_QUEUE] as number;
    yield* spinUnlockIrqrestore(this.#lock, saved, HERE);
  }

  /** The path goes up or down; up: what was kept goes on its way. Process context. */
  *setPath(up: boolean): Kernel<void> {
    const saved = yield* spinLockIrqsave(this.#lock, HERE);
    memory.words[this.#word + PATH] = up ? 1 : 0;
    yield* spinUnlockIrqrestore(this.#lock, saved, HERE);
    if (!up) return;
    for (let clone = yield* this.#takeHeld(); clone !== null; clone = yield* this.#takeHeld()) {
      const tio = TargetIo.at(clone.private);
      tio.info = 0;
      remap(Target.at(tio.target), clone);
      yield* genericMakeRequest(clone);
    }
  }

  *#takeHeld(): Kernel<Bio | null> {
    const saved = yield* spinLockIrqsave(this.#lock, HERE);
    const clone = this.#held.pop();
    yield* spinUnlockIrqrestore(this.#lock, saved, HERE);
    return clone;
  }
}

function* oneIn(count: number): Kernel<boolean> {
  return count > 0 && (count === 1 || (yield* ops.choice(CHOICE_SCENARIO, count, HERE)) === 0);
}
