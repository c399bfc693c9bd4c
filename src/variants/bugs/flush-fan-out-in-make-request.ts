/**
 * A flush is mapped to all targets where it is submitted, not in kdmflush.
 *
 *   CPU0 a writer, in make_request           the disks
 *   clone 1 for the first stripe: onto the
 *   task's own list, since a driver is
 *   under way
 *   clone 2: the pool is empty, waits
 *                                            never hear of clone 1, which would give its record back
 *
 * What is submitted inside make_request goes out when that returns. kdmflush is not inside one, so each clone of its flushes goes out
 * before the next is made. Reasoned out; in kernels that do map flushes in make_request pools are large, and biosets have rescuers. No
 * switch is needed.
 */
import { BIO_RW_BARRIER, Bio } from '../../block/bio.ts';
import { finishBarrierIo, finishIo } from '../../core/end-io.ts';
import { DMF_QUEUE_IO_TO_THREAD, type MappedDevice } from '../../core/mapped-device.ts';
import { dmRequest, splitAndProcess } from '../../core/submit.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { downRead, upRead } from '../../shared/rw-semaphore.ts';
import type { Bug } from '../bug.ts';

const isFlush = (bio: Bio): boolean => bio.size === 0 && (bio.bioFlags & BIO_RW_BARRIER) !== 0;

function* gate(md: MappedDevice, bio: Bio): Kernel<void> {
  if (isFlush(bio)) {
    yield* downRead(md.ioLock, HERE);
    const open = ((yield* md.flags.read(HERE)) & DMF_QUEUE_IO_TO_THREAD) === 0;
    if (open) yield* splitAndProcess(md, bio);
    yield* upRead(md.ioLock, HERE);
    if (open) return;
  }
  yield* dmRequest(md, bio);
}

export const flushFanOutInMakeRequest: Bug = {
  id: 'flush-fan-out-in-make-request',
  title: 'A flush is mapped to all targets inside make_request, from a small pool',
  commit: '-',
  seed: '002',
  preset: 'unified',
  swaps: {
    gate,
    // A flush that is not kdmflush's own part of a barrier ends like any other bio.
    finishBarrierIo: (md, io) =>
      isFlush(Bio.at(io.bio)) && io.bio !== md.barrierBio ? finishIo(md, io) : finishBarrierIo(md, io),
  },
  scenario: 'flush-fan-out',
  suite: null,
  model: { kind: 'deadlock', invariants: ['I48'] },
  real: null,
};
