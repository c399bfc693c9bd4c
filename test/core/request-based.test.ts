import assert from 'node:assert/strict';
import { BIO_RW_BARRIER, BIO_RW_UNPLUG, REQ_WRITE } from '../../src/block/bio.ts';
import { cacheOf, REQUEST_DISK_MODES } from '../../src/block/request-disk.ts';
import { doResume, doSuspend } from '../../src/core/ioctl.ts';
import type { MappedDevice } from '../../src/core/mapped-device.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../src/core/suspend.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { submitIo, type UserIo, waitIo } from '../../src/scenarios/user-io.ts';
import { bdevOf, endOf, hasEnded, kernelTest } from '../support/kernel.ts';

const slots = { request: 40, 'request-queue': 3, 'request-disk': 2, 'dm-rq-target-io': 12 };
const BARRIER = BIO_RW_BARRIER | BIO_RW_UNPLUG;

const put = (md: MappedDevice, sector: number, stamp: number, flags = BIO_RW_UNPLUG): Kernel<UserIo> =>
  submitIo(bdevOf(md), { sector, size: 1, flags: REQ_WRITE | flags, stamp });
const get = (md: MappedDevice, sector: number): Kernel<UserIo> =>
  submitIo(bdevOf(md), { sector, size: 1, flags: BIO_RW_UNPLUG, stamp: 0 });

for (const mode of REQUEST_DISK_MODES) {
  kernelTest(
    `${mode}: a request goes through linear and comes back`,
    function* through(world) {
      const disk = yield* world.requestDisk({ mode });
      const md = yield* world.device('0 4 linear disk0 2', true);
      assert.equal(yield* endOf(yield* put(md, 1, 70)), '0');
      assert.equal(cacheOf(disk).read(3), 70);
      assert.deepEqual(yield* waitIo(yield* get(md, 1)), { error: 0, value: 70 });
      yield* disk.failNext.set(1, HERE);
      assert.equal(yield* endOf(yield* put(md, 1, 71)), '-EIO');
    },
    { slots },
  );

  kernelTest(
    `${mode}: a barrier makes durable what was written through the device`,
    function* durable(world) {
      const disk = yield* world.requestDisk({ mode });
      const md = yield* world.device('0 8 linear disk0 0', true);
      const writers = [0, 1].map((cpu) =>
        world.start(cpu, function* writer(): Kernel<void> {
          assert.equal(yield* endOf(yield* put(md, cpu * 2, 10 + cpu)), '0');
          assert.equal(yield* endOf(yield* put(md, cpu * 2 + 1, 20 + cpu, BARRIER)), '0');
        }),
      );
      for (const task of writers) yield* task.join();
      assert.deepEqual(
        [0, 1, 2, 3].map((sector) => cacheOf(disk).stored(sector)),
        [10, 20, 11, 21],
      );
    },
    { slots },
  );

  kernelTest(
    `${mode}: a suspend of either kind lets what is under way end, and keeps the rest in the queue`,
    function* suspended(world) {
      yield* world.requestDisk({ mode });
      const md = yield* world.device('0 8 linear disk0 0', true);
      const writer = world.start(1, function* write(): Kernel<void> {
        for (let i = 0; i < 3; i++) assert.equal(yield* endOf(yield* put(md, i, 10 + i, i === 1 ? BARRIER : 0)), '0');
      });
      for (const flag of [0, DM_SUSPEND_NOFLUSH_FLAG]) {
        assert.equal(yield* doSuspend(md, flag), 0);
        const io = yield* put(md, 5, 55);
        assert.equal(hasEnded(io), false);
        assert.equal(yield* doResume(md, 0), 0);
        assert.equal(yield* endOf(io), '0');
      }
      yield* writer.join();
    },
    { slots },
  );
}

kernelTest(
  'an error target fails each request, and a barrier that has data too',
  function* failing(world) {
    const md = yield* world.device('0 8 error', true);
    assert.equal(yield* endOf(yield* put(md, 1, 70)), '-EIO');
    assert.equal(yield* endOf(yield* put(md, 1, 70, BARRIER)), '-EIO');
  },
  { slots },
);

kernelTest(
  'a device whose disk cannot flush ends barriers with -EOPNOTSUPP',
  function* unsupported(world) {
    yield* world.requestDisk({ barriers: 'none' });
    const md = yield* world.device('0 8 linear disk0 0', true);
    assert.equal(yield* endOf(yield* put(md, 1, 70, BARRIER)), '-EOPNOTSUPP');
    assert.equal(yield* endOf(yield* put(md, 1, 71)), '0');
  },
  { slots },
);
