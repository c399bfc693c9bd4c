/**
 * Planted violations of the barriers of a bio-based device: kdmflush serves them with a mistake.
 */
import { BIO_RW_BARRIER, type Bio, bioEndio, REQ_WRITE } from '../../src/block/bio.ts';
import { addressOf } from '../../src/check/words.ts';
import { dmFlush, sendPart } from '../../src/core/barrier.ts';
import { DmTable } from '../../src/core/dm-table.ts';
import type { MappedDevice } from '../../src/core/mapped-device.ts';
import { seams } from '../../src/core/seams.ts';
import { ENXIO } from '../../src/machine/errno.ts';
import {
  EV_BARRIER_BEGIN,
  EV_BARRIER_END,
  EV_BARRIER_FLUSH,
  EV_BARRIER_FLUSHED,
  emit,
} from '../../src/machine/events.ts';
import { type Kernel, resolved } from '../../src/machine/kernel.ts';
import { ops } from '../../src/machine/operations.ts';
import { submitIo, waitIo } from '../../src/scenarios/user-io.ts';
import { memory } from '../../src/shared/memory.ts';
import { TASK_UNINTERRUPTIBLE } from '../../src/shared/task.ts';
import { type Bench, type Planted, plant } from './held.ts';

function* barrier(bench: Bench): Kernel<void> {
  const request = { sector: 1, size: 1, flags: REQ_WRITE | BIO_RW_BARRIER, stamp: 8 };
  yield* waitIo(yield* submitIo(bench.device.bdev, request));
}

/** A barrier comes while the target keeps a write. */
function* writeThenBarrier(bench: Bench): Kernel<void> {
  const first = yield* bench.write(0);
  yield* barrier(bench);
  yield* waitIo(first);
}

/** Long enough for a kdmflush that does not wait. */
function* releaseLater(bench: Bench): Kernel<void> {
  for (let i = 0; i < 20; i++) yield* ops.relax(HERE);
  yield* bench.release();
}

/** A whole barrier but for `parts`, which is handed what it has to do. */
const serving = (parts: (md: MappedDevice, bio: Bio) => Kernel<void>) =>
  function* processBarrier(md: MappedDevice, bio: Bio): Kernel<boolean> {
    md.barrierError = 0;
    emit(EV_BARRIER_BEGIN, md.address, bio.address, HERE);
    yield* parts(md, bio);
    const error = md.barrierError;
    emit(EV_BARRIER_END, md.address, error, HERE);
    yield* bioEndio(bio, error);
    return true;
  };

const drained = (md: MappedDevice): Kernel<number> => seams.waitForCompletion(md, TASK_UNINTERRUPTIBLE);

export const plantedBarrier: readonly Planted[] = [
  plant('I40', 'reorder', 'a barrier does not wait for what is in flight', {
    script: (bench) => bench.holding(),
    tasks: [writeThenBarrier, releaseLater],
    swaps: {
      processBarrier: serving(function* atOnce(md, bio): Kernel<void> {
        yield* dmFlush(md);
        yield* sendPart(md, bio);
        yield* dmFlush(md);
      }),
    },
  }),
  plant('I40', 'reorder', 'the data of a barrier goes before its flush', {
    tasks: [barrier],
    swaps: {
      processBarrier: serving(function* dataFirst(md, bio): Kernel<void> {
        yield* drained(md);
        yield* sendPart(md, bio);
        yield* dmFlush(md);
        yield* dmFlush(md);
      }),
    },
  }),
  plant('I40', 'reorder', 'the last flush of a barrier is left out', {
    tasks: [barrier],
    swaps: {
      processBarrier: serving(function* noPostFlush(md, bio): Kernel<void> {
        yield* drained(md);
        yield* dmFlush(md);
        yield* sendPart(md, bio);
      }),
    },
  }),
  plant('I42', 'assertion', 'a flush of a barrier asks no target', {
    tasks: [barrier],
    swaps: {
      processBarrier: serving(function* emptyFlush(md): Kernel<void> {
        const flush = addressOf(md.barrierBio);
        yield* drained(md);
        emit(EV_BARRIER_FLUSH, md.address, flush, HERE);
        emit(EV_BARRIER_FLUSHED, md.address, flush, HERE);
      }),
    },
  }),
  {
    ...plant('I42', 'assertion', 'a flush of a barrier asks one target twice and another never', {
      table: '0 2 linear disk0 0\n2 2 linear disk0 2',
      tasks: [barrier],
      swaps: {
        processBarrier: serving(function* firstTwice(md): Kernel<void> {
          const first = DmTable.at(md.map).targets.word;
          memory.words[first + 1] = memory.words[first] as number;
          yield* drained(md);
          yield* dmFlush(md);
        }),
      },
    }),
    message: /flush 0 of a target when flush 1 is due/,
  },
  plant('I43', 'wrong-error', 'the last part of a barrier says how it ends', {
    script: () => ({ endIo: (_ti, clone) => resolved(clone.size === 0 ? 0 : -ENXIO) }),
    tasks: [barrier],
    swaps: {
      noteBarrierError(md, error): void {
        md.barrierError = error;
      },
    },
  }),
];
