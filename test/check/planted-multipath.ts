/**
 * Planted violations of a multipath: a program changes one of its words as no kernel code does.
 */
import { DmTable, dmTableTarget } from '../../src/core/dm-table.ts';
import { dmTargetMessage } from '../../src/core/target-message.ts';
import { flushWorkqueue } from '../../src/irq/workqueue.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { waitIo } from '../../src/scenarios/user-io.ts';
import { spinLockIrqsave, spinUnlockIrqrestore } from '../../src/shared/atomics-lock.ts';
import { kmultipathd } from '../../src/targets/multipath/kmultipathd.ts';
import { Multipath } from '../../src/targets/multipath/multipath.ts';
import { type Bench, type Planted, plant } from './held.ts';

const table = '0 4 multipath 1 queue_if_no_path 0 1 1 round-robin 0 1 0 disk0';

function* spoil(bench: Bench, change: (m: Multipath) => void): Kernel<void> {
  const m = Multipath.at(dmTableTarget(DmTable.at(bench.md.map), 0).private);
  const saved = yield* spinLockIrqsave(m.lock, HERE);
  change(m);
  yield* spinUnlockIrqrestore(m.lock, saved, HERE);
}

const tell = (bench: Bench, text: string): Kernel<number> => dmTargetMessage(bench.md, 0, text);

/** A write is queued, a word is spoilt, and the path comes back. */
const queuedAnd = (change: (m: Multipath) => void) =>
  function* spoilt(bench: Bench): Kernel<void> {
    yield* tell(bench, 'fail_path disk0');
    const io = yield* bench.write(0);
    yield* spoil(bench, change);
    yield* tell(bench, 'reinstate_path disk0');
    yield* waitIo(io);
  };

export const plantedMultipath: readonly Planted[] = [
  plant('I27', 'assertion', 'queue_size forgets a clone', {
    table,
    tasks: [
      queuedAnd((m) => {
        m.queueSize = 0;
      }),
    ],
  }),
  plant('I27', 'assertion', 'a queued clone is on no list', {
    table,
    tasks: [
      queuedAnd((m) => {
        m.queuedIos.pop();
      }),
    ],
  }),
  plant('I28', 'assertion', 'nr_valid_paths counts a path that has failed', {
    table,
    tasks: [
      queuedAnd((m) => {
        m.nrValidPaths = 1;
      }),
    ],
  }),
  plant('I28', 'assertion', 'the current path has failed', {
    table,
    tasks: [
      function* current(bench): Kernel<void> {
        yield* waitIo(yield* bench.write(0));
        let kept = 0;
        yield* spoil(bench, (m) => {
          kept = m.currentPgpath;
        });
        yield* tell(bench, 'fail_path disk0');
        yield* spoil(bench, (m) => {
          m.currentPgpath = kept;
        });
      },
    ],
  }),
  plant('I45', 'lost-bio', 'a clone stays queued although I/O is to fail', {
    table,
    tasks: [
      function* unlooked(bench): Kernel<void> {
        yield* tell(bench, 'fail_path disk0');
        const io = yield* bench.write(0);
        yield* flushWorkqueue(kmultipathd(), HERE);
        yield* spoil(bench, (m) => {
          m.queueIfNoPath = 0;
        });
        yield* waitIo(io);
      },
    ],
  }),
];
