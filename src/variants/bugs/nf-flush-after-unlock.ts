/**
 * Resume opens the gate and lets io_lock go before it maps what was deferred.
 *
 *   CPU0 dmResume                         CPU1 a submitter
 *   clear BLOCK_IO, take the list, up_write(io_lock)
 *                                         W2, the same sector: maps at once
 *   maps W1, which is older
 */
import { Bio } from '../../block/bio.ts';
import type { MappedDevice } from '../../core/mapped-device.ts';
import { splitAndProcess } from '../../core/submit.ts';
import { EV_DISPATCH, emit, listening } from '../../machine/events.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { downRead, downWrite, upRead, upWrite } from '../../shared/rw-semaphore.ts';
import type { Bug } from '../bug.ts';
import { openGate } from '../core-2.6.20.ts';

function* dispatchDeferred(md: MappedDevice): Kernel<void> {
  const taken: number[] = [];
  yield* downWrite(md.ioLock, HERE);
  yield* openGate(md);
  for (let bio = md.deferred.pop(); bio !== null; bio = md.deferred.pop()) {
    if (listening !== 0) emit(EV_DISPATCH, bio.address, md.address, HERE);
    taken.push(bio.handle);
  }
  yield* upWrite(md.ioLock, HERE);
  for (const handle of taken) {
    yield* downRead(md.ioLock, HERE);
    yield* splitAndProcess(md, Bio.at(handle));
    yield* upRead(md.ioLock, HERE);
  }
}

export const nfFlushAfterUnlock: Bug = {
  id: 'nf-flush-after-unlock',
  title: 'Deferred bios are mapped after io_lock was let go and the gate opened',
  commit: '2e93ccc1933d',
  seed: '000',
  preset: '2.6.20',
  swaps: { dispatchDeferred },
  scenario: 'noflush-two',
  suite: 'noflush-pushback',
  model: { kind: 'reorder', invariants: ['I35', 'I37'] },
  real: { kind: 'reorder', invariants: ['I35', 'I37'] },
};
