import { test } from 'tap';
import { REQ_READA } from '../../src/block/bio.ts';
import { BlockDevice } from '../../src/block/block-device.ts';
import { Disk } from '../../src/block/disk.ts';
import { type ErrorRule, errorRules, resetOracles } from '../../src/check/index.ts';
import { DM_ENDIO_REQUEUE } from '../../src/core/device-mapper.ts';
import { dmCreate, dmTableLoad, doResume, doSuspend } from '../../src/core/ioctl.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../src/core/suspend.ts';
import { EIO } from '../../src/machine/errno.ts';
import { bugOn } from '../../src/machine/finding.ts';
import { type Kernel, resolved } from '../../src/machine/kernel.ts';
import { submitIo, waitIo } from '../../src/scenarios/user-io.ts';
import { current, sendSignal } from '../../src/shared/task.ts';
import { type Bench, type Plot, plant, writeAndWait } from './held.ts';
import { exploreChecked } from './model.ts';

/** Reads and waits; the read must fail. */
function* failToRead(bdev: BlockDevice, sector: number, flags = 0): Kernel<void> {
  const { error } = yield* waitIo(yield* submitIo(bdev, { sector, size: 1, flags, stamp: 0 }));
  bugOn(error !== -EIO, `a read that must fail with -EIO gives ${error}`);
}

const WAYS: readonly { readonly rule: ErrorRule; readonly title: string; readonly plot: Plot }[] = [
  {
    rule: 'ok',
    title: 'a bio that succeeds',
    plot: {
      tasks: [
        function* read(bench): Kernel<void> {
          yield* waitIo(yield* bench.write(0));
        },
      ],
    },
  },
  {
    rule: 'target-error',
    title: 'a bio that its target fails',
    plot: {
      script: () => ({
        *map(): Kernel<number> {
          return -EIO;
        },
      }),
      tasks: [({ device }) => failToRead(device.bdev, 0)],
    },
  },
  {
    rule: 'device-error',
    title: 'a bio that the disk fails',
    plot: {
      tasks: [
        function* fail({ device }): Kernel<void> {
          yield* (Disk.live()[0] as Disk).failNext.set(1, HERE);
          yield* failToRead(device.bdev, 0);
        },
      ],
    },
  },
  {
    rule: 'beyond-end',
    title: 'a bio beyond the end of the device',
    plot: { tasks: [({ device }) => failToRead(device.bdev, 4)] },
  },
  {
    rule: 'beyond-end',
    title: 'a bio that was deferred before the table shrank',
    plot: {
      tasks: [
        function* shrink({ device, md }): Kernel<void> {
          yield* doSuspend(md, 0);
          const io = yield* submitIo(device.bdev, { sector: 3, size: 1, flags: 0, stamp: 0 });
          yield* dmTableLoad(md, '0 2 linear disk0 0');
          yield* doResume(md, 0);
          const { error } = yield* waitIo(io);
          bugOn(error !== -EIO, 'a bio beyond the end succeeds');
        },
      ],
    },
  },
  {
    rule: 'no-table',
    title: 'a bio to a device without a table',
    plot: {
      tasks: [
        function* bare(): Kernel<void> {
          const created = yield* dmCreate({ name: 'dm1', minor: 1 });
          if (typeof created !== 'number') yield* failToRead(BlockDevice.at(created.bdev), 0);
        },
      ],
    },
  },
  {
    rule: 'reada-blocked',
    title: 'read-ahead to a suspended device',
    plot: {
      tasks: [
        function* ahead({ device, md }): Kernel<void> {
          yield* doSuspend(md, 0);
          yield* failToRead(device.bdev, 0, REQ_READA);
          yield* doResume(md, 0);
        },
      ],
    },
  },
  {
    rule: 'requeue-after-abort',
    title: 'a bio that comes back after its noflush suspend was interrupted',
    plot: {
      script: (bench) => ({ ...bench.holding(), endIo: () => resolved(DM_ENDIO_REQUEUE) }),
      tasks: [
        function* abort(bench: Bench): Kernel<void> {
          const io = yield* bench.write(0);
          yield* bench.suspender.open();
          yield* sendSignal(current(), HERE);
          yield* doSuspend(bench.md, DM_SUSPEND_NOFLUSH_FLAG);
          yield* bench.suspender.close();
          yield* bench.release();
          const { error } = yield* waitIo(io);
          bugOn(error !== -EIO, 'a REQUEUE after the abort succeeds');
        },
      ],
    },
  },
];

for (const { rule, title, plot } of WAYS) {
  test(`the end of ${title} is counted as ${rule}`, async (t) => {
    const { finding, rules } = exploreChecked(plant('', 'assertion', title, plot).scenario, {}, 100);
    t.equal(finding, null);
    t.equal(rules[rule], 100);
    const others = Object.entries(rules).filter(([name, count]) => name !== rule && count !== 0);
    t.strictSame(others, []);
  });
}

test('resetting the oracles forgets what was counted', async (t) => {
  exploreChecked(plant('', 'assertion', 'a bio', { tasks: [writeAndWait] }).scenario, {}, 1);
  t.equal(errorRules().ok, 1);
  resetOracles();
  t.equal(errorRules().ok, 0);
});
