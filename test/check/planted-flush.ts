/**
 * Planted violations of the flush of a request-based device: one seam is swapped for one that makes the mistake.
 */

import { BIO_RW_UNPLUG, REQ_WRITE } from '../../src/block/bio.ts';
import { blkEndRequestAll } from '../../src/block/end-request.ts';
import { blkOrderedCurSeq, QUEUE_ORDSEQ_POSTFLUSH } from '../../src/block/ordered-seq.ts';
import { blkBarrierRq, Request } from '../../src/block/request.ts';
import { blkRunQueue, RequestQueue } from '../../src/block/request-queue.ts';
import { cloneFlush, freeRqClone, tioOf } from '../../src/core/dm-rq-target-io.ts';
import { DmTable, dmTableTarget } from '../../src/core/dm-table.ts';
import { doResume, doSuspend } from '../../src/core/ioctl.ts';
import { DMF_SUSPENDED, MappedDevice } from '../../src/core/mapped-device.ts';
import { dmRqBarrier, dmRqBarrierWork, storeBarrierError } from '../../src/core/rq-barrier.ts';
import { dmEndRequest, END_CLONE_REQUEST } from '../../src/core/rq-end.ts';
import { mapRequest } from '../../src/core/rq-map.ts';
import { stopQueue } from '../../src/core/rq-queue.ts';
import type { Seams } from '../../src/core/seams.ts';
import { seams } from '../../src/core/seams.ts';
import { flushWorkqueue, Workqueue } from '../../src/irq/workqueue.ts';
import { EIO, EOPNOTSUPP } from '../../src/machine/errno.ts';
import { EV_FLUSH_BEGIN, EV_FLUSH_DONE, EV_IO_START, emit } from '../../src/machine/events.ts';
import type { FindingKind } from '../../src/machine/finding.ts';
import { type Kernel, resolved } from '../../src/machine/kernel.ts';
import type { Program } from '../../src/machine/machine.ts';
import { ops } from '../../src/machine/operations.ts';
import { BARRIER, REQUEST_DEVICE_WORDS, RequestDevice, requestSlots } from '../../src/scenarios/request-device.ts';
import { submitIo, waitIo } from '../../src/scenarios/user-io.ts';
import { staticWords } from '../../src/shared/memory.ts';
import { spinLockIrqsave, spinUnlockIrqrestore } from '../../src/shared/spinlock.ts';
import { TASK_UNINTERRUPTIBLE } from '../../src/shared/task.ts';
import { Atomic } from '../../src/shared/word.ts';
import { bindScripts } from '../../src/targets/scripted.ts';
import { findBug } from '../../src/variants/variants.ts';
import type { Planted } from './held.ts';

/** They are long. */
const EXECUTIONS = 300;

/** More than there are flushes. */
const OVER = 100;

interface Plot {
  /** What the two flushes of the target come to, in turn; default: the first fails and the second is not supported. */
  readonly answers?: readonly [number, number];
  /** A suspend too, and a read of the suspended device: when so many flushes have been answered, or the barrier is OVER. */
  readonly suspendAfter?: number;
}

/** A barrier over a target with two flushes. */
function plant(invariant: string, kind: FindingKind, title: string, plot: Plot, swaps: Partial<Seams>): Planted {
  const { answers = [-EIO, -EOPNOTSUPP], suspendAfter } = plot;
  const build = (): Program => {
    const device = new RequestDevice();
    const asked = new Atomic(staticWords(1));
    bindScripts([
      {
        numFlushRequests: 2,
        *rqEndIo(_ti, clone, error): Kernel<number> {
          if (!blkBarrierRq(clone)) return error;
          return answers[(yield* asked.add(1, HERE)) % 2] as number;
        },
      },
    ]);
    const suspender = {
      name: 'suspender',
      cpu: 1,
      *run(): Kernel<void> {
        while ((yield* asked.read(HERE)) < (suspendAfter as number)) yield* ops.relax(HERE);
        yield* doSuspend(device.md, 0);
        const io = yield* submitIo(device.bdev, { sector: 1, size: 1, flags: BIO_RW_UNPLUG, stamp: 0 });
        yield* doResume(device.md, 0);
        yield* waitIo(io);
      },
    };
    return {
      setup: () => device.create({ table: '0 4 scripted disk0 0 0' }),
      actors: [
        {
          name: 'writer',
          cpu: 0,
          *run(): Kernel<void> {
            yield* waitIo(yield* submitIo(device.bdev, { sector: 0, size: 1, flags: REQ_WRITE | BARRIER, stamp: 7 }));
            yield* asked.add(OVER, HERE);
          },
        },
        ...(suspendAfter === undefined ? [] : [suspender]),
      ],
    };
  };
  const name = `planted-${invariant.toLowerCase()}-${title.toLowerCase().replaceAll(/[^a-z]+/g, '-')}`;
  const staticCount = REQUEST_DEVICE_WORDS + 1;
  const scenario = { name, title, cpus: 2, slots: requestSlots(2), staticWords: staticCount, build };
  return { invariant, kind, scenario, swaps, executions: EXECUTIONS };
}

function* allOfNumber0(md: MappedDevice): Kernel<number> {
  md.barrierError = 0;
  emit(EV_FLUSH_BEGIN, md.address, 0, HERE);
  const table = DmTable.at(md.map);
  const ti = dmTableTarget(table, 0);
  for (let i = 0; i < ti.numFlushRequests; i++) {
    const clone = yield* cloneFlush(md, Request.at(md.flushRequest), END_CLONE_REQUEST);
    tioOf(clone).info = 0;
    yield* md.pending.add(1, HERE);
    emit(EV_IO_START, md.address, 0, HERE);
    yield* mapRequest(ti, clone, md);
  }
  yield* seams.waitForCompletion(md, TASK_UNINTERRUPTIBLE);
  emit(EV_FLUSH_DONE, md.address, md.barrierError, HERE);
  return md.barrierError;
}

const LINGERS = 500;

/** Until the device is suspended, or that long. */
function* linger(md: MappedDevice): Kernel<void> {
  for (let i = 0; i < LINGERS && ((yield* md.flags.read(HERE)) & DMF_SUSPENDED) === 0; i++) yield* ops.relax(HERE);
}

/** The flush is over, and kdmflush has its request still. */
function* flushAndLinger(md: MappedDevice): Kernel<number> {
  const error = yield* dmRqBarrier(md);
  yield* linger(md);
  return error;
}

/** The request counts as over, and has not ended. */
function* countBeforeEnd(clone: Request, error: number): Kernel<void> {
  if (blkBarrierRq(clone)) return yield* dmEndRequest(clone, error);
  const tio = tioOf(clone);
  const md = MappedDevice.at(tio.md);
  const original = Request.at(tio.orig);
  yield* freeRqClone(clone);
  yield* seams.rqCompleted(md, false);
  yield* linger(md);
  yield* blkEndRequestAll(original, error);
}

export const plantedFlush: readonly Planted[] = [
  plant(
    'I21',
    'assertion',
    'the slot of the flush is never freed',
    {},
    {
      *dmRqBarrierWork(md): Kernel<void> {
        yield* md.holders.get(HERE);
        const error = yield* seams.dmRqBarrier(md);
        yield* blkEndRequestAll(Request.at(md.flushRequest), error);
        yield* blkRunQueue(RequestQueue.at(md.queue));
        yield* seams.putInFlight(md);
      },
    },
  ),
  {
    ...plant(
      'I21',
      'assertion',
      'the slot keeps the last flush of a barrier',
      { answers: [0, 0] },
      {
        *dmRqBarrierWork(md): Kernel<void> {
          const last = blkOrderedCurSeq(RequestQueue.at(md.queue)) === QUEUE_ORDSEQ_POSTFLUSH;
          const { flushRequest } = md;
          yield* dmRqBarrierWork(md);
          if (last) md.flushRequest = flushRequest;
        },
      },
    ),
    message: /keeps a flush/,
  },
  plant(
    'I42',
    'assertion',
    'no target is flushed',
    {},
    {
      dmRqBarrier(md): Kernel<number> {
        emit(EV_FLUSH_BEGIN, md.address, 0, HERE);
        emit(EV_FLUSH_DONE, md.address, 0, HERE);
        return resolved(0);
      },
    },
  ),
  {
    ...plant('I42', 'assertion', 'all flushes of a target have one number', {}, { dmRqBarrier: allOfNumber0 }),
    message: /flush 0 of a target when flush 1 is due/,
  },
  plant(
    'I43',
    'wrong-error',
    'the first error of a flush stays',
    {},
    {
      *storeBarrierError(md, error): Kernel<void> {
        const saved = yield* spinLockIrqsave(md.barrierErrorLock, HERE);
        if (md.barrierError === 0) md.barrierError = error;
        yield* spinUnlockIrqrestore(md.barrierErrorLock, saved, HERE);
      },
    },
  ),
  {
    ...plant(
      'I43',
      'wrong-error',
      'any error of a flush becomes -EOPNOTSUPP',
      { answers: [-EIO, 0] },
      { storeBarrierError: (md) => storeBarrierError(md, -EOPNOTSUPP) },
    ),
    message: /its clones said an error$/,
  },
  {
    ...plant('I29', 'leak', 'a flush has a clone that nobody ends', {}, findBug('rqb-prep-clones-flush')?.swaps ?? {}),
    // When the flush ends; at the end of the run clones would be left too.
    message: /ends, and nobody has the clone/,
  },
  plant(
    'I10',
    'assertion',
    'the queue of a suspended device is not stopped',
    { suspendAfter: OVER },
    { stopAndFlush: (md) => flushWorkqueue(Workqueue.at(md.wq), HERE) },
  ),
  {
    ...plant(
      'I46',
      'assertion',
      'a suspend does not wait for kdmflush',
      { suspendAfter: 2 },
      { dmRqBarrier: flushAndLinger, stopAndFlush: (md) => stopQueue(RequestQueue.at(md.queue)) },
    ),
    message: /while a flush is under way/,
  },
  {
    ...plant(
      'I46',
      'assertion',
      'a request leaves pending before it ends',
      { answers: [0, 0], suspendAfter: 2 },
      { dmEndRequest: countBeforeEnd },
    ),
    message: /with 1 requests in flight/,
  },
];
