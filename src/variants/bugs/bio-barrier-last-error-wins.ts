/**
 * Each part of a barrier overwrites what the one before said.
 *
 *   CPU0 kdmflush                        CPU1 interrupts
 *   flush
 *                                        it fails: barrier_error := -EIO
 *   the data, a flush
 *                                        they are well: barrier_error := 0
 *   the barrier ends with 0, and what came before it may be lost
 *
 * Shows without any preemption.
 */
import type { MappedDevice } from '../../core/mapped-device.ts';
import type { Bug } from '../bug.ts';

function noteBarrierError(md: MappedDevice, error: number): void {
  md.barrierError = error;
}

export const bioBarrierLastErrorWins: Bug = {
  id: 'bio-barrier-last-error-wins',
  title: 'A barrier ends well although its flush has failed, since its data was well',
  commit: '5aa2781d964e',
  seed: '002',
  preset: '2.6.33',
  swaps: { noteBarrierError },
  scenario: 'bio-barrier-errors',
  suite: 'barrier',
  model: { kind: 'wrong-error', invariants: ['I43'] },
  real: { kind: 'wrong-error', invariants: ['I43'] },
};
