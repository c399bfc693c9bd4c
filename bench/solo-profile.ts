/**
 * What the profiler costs on one CPU: the same code with it and without, turn by turn in one thread.
 */
import { BlockDevice } from '../src/block/block-device.ts';
import { declareMedia } from '../src/block/disk.ts';
import { bindListeners, bindProfiler } from '../src/machine/events.ts';
import type { Kernel } from '../src/machine/kernel.ts';
import { makeProfileBuffers } from '../src/profile/layout.ts';
import { attachCpu, attachMain, cpuProfiler, startProfiledRound, traceListeners } from '../src/profile/session.ts';
import { declareSpinLock, tasSpinLock } from '../src/shared/spinlock.ts';
import { createLinear, inlineBios, SECTORS } from './programs/linear.ts';
import { BIOS, PAIRS, rateLeft } from './rate-left.ts';
import type { Row, Target } from './row.ts';
import { solo } from './solo.ts';
import { plainPairs } from './solo-locks.ts';

interface Mode {
  readonly exact: boolean;
  readonly trace: boolean;
}

/** From now on this thread is CPU 0 of a machine that is profiled. */
function attach(mode: Mode): void {
  const buffers = makeProfileBuffers(1, { by: 'class', inject: null, ...mode });
  attachMain(buffers);
  startProfiledRound();
  attachCpu(buffers, 0);
  startProfiledRound();
}

/** The profiler listens, or nobody does. */
function listen(on: boolean): void {
  bindProfiler(on ? cpuProfiler : null);
  bindListeners(on ? traceListeners() : []);
}

export function soloProfile(how: 'counts' | 'trace' | 'exact'): Row[] {
  const rows: Row[] = [];
  const suffix = how === 'counts' ? '' : `, --${how}`;
  solo(tasSpinLock, () => {
    const media = declareMedia(SECTORS);
    const lock = declareSpinLock('&bench_lock');
    function* row(
      what: string,
      subject: (count: number) => Kernel<void>,
      count: number,
      target?: Target,
    ): Kernel<void> {
      const { best, median } = yield* rateLeft(listen, subject, count);
      const row = { what: `${what}${suffix}`, measured: best, median, unit: 'with ÷ without' };
      rows.push(target === undefined ? row : { ...row, target });
    }
    return function* body(): Kernel<void> {
      const md = yield* createLinear(0, 'inline', media);
      const bdev = BlockDevice.at(md.bdev);
      attach({ exact: how === 'exact', trace: how === 'trace' });
      const targets = { counts: { atLeast: 0.9 }, trace: { atLeast: 0.6 }, exact: undefined } as const;
      yield* row('bios, one CPU', (count) => inlineBios(bdev, count), BIOS, targets[how]);
      if (how === 'counts') yield* row('a free spinlock and nothing else', (count) => plainPairs(lock, count), PAIRS);
    };
  });
  return rows;
}
