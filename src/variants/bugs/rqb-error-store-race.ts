/**
 * What a clone of a flush said is tested and stored without barrier_error_lock.
 *
 *   CPU0 a disk fails the flush           CPU1 another disk cannot flush
 *   barrier_error is 0
 *                                         barrier_error := -EOPNOTSUPP
 *   barrier_error := -EIO
 *   nobody learns that flushes are not supported
 */
import { DM_ENDIO_REQUEUE } from '../../core/device-mapper.ts';
import { MappedDevice } from '../../core/mapped-device.ts';
import { EOPNOTSUPP } from '../../machine/errno.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { Marked } from '../../shared/word.ts';
import type { Bug } from '../bug.ts';

const BARRIER_ERROR = MappedDevice.offsetOf('barrierError');

function* storeBarrierError(md: MappedDevice, error: number): Kernel<void> {
  const field = new Marked(md.address + BARRIER_ERROR);
  const stored = yield* field.read(HERE);
  if (stored === 0 || error === -EOPNOTSUPP || (stored !== -EOPNOTSUPP && error === DM_ENDIO_REQUEUE))
    yield* field.write(error, HERE);
}

export const rqbErrorStoreRace: Bug = {
  id: 'rqb-error-store-race',
  title: 'What the clones of a flush say is stored without a lock',
  commit: 'd0bcb8786532',
  seed: '002',
  preset: 'unified',
  swaps: { storeBarrierError },
  scenario: 'rq-flush-two-disks',
  suite: null,
  model: { kind: 'wrong-error', invariants: ['I43'] },
  real: null,
};
