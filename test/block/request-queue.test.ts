import assert from 'node:assert/strict';
import { test } from 'tap';
import { BIO_RW_BARRIER, BIO_RW_UNPLUG, REQ_WRITE } from '../../src/block/bio.ts';
import { hangDisk, releaseDisk } from '../../src/block/disk-faults.ts';
import { cacheOf, cutPower, REQUEST_DISK_MODES, type RequestDisk } from '../../src/block/request-disk.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { type IoRequest, submitIo, type UserIo, waitIo } from '../../src/scenarios/user-io.ts';
import { bdevOf, endOf, kernelTest, runKernel } from '../support/kernel.ts';

const slots = { request: 24, 'request-queue': 2, 'request-disk': 2 };

const io = (disk: RequestDisk, request: Partial<IoRequest>): Kernel<UserIo> =>
  submitIo(bdevOf(disk), { sector: 0, size: 1, flags: BIO_RW_UNPLUG, stamp: 0, ...request });
const put = (disk: RequestDisk, sector: number, stamp: number, flags = BIO_RW_UNPLUG): Kernel<UserIo> =>
  io(disk, { sector, stamp, flags: REQ_WRITE | flags });
const BARRIER = BIO_RW_BARRIER | BIO_RW_UNPLUG;

for (const mode of REQUEST_DISK_MODES) {
  kernelTest(
    `${mode}: what is written can be read, and is durable only after a barrier`,
    function* durable(world) {
      const disk = yield* world.requestDisk({ mode });
      assert.equal(yield* endOf(yield* put(disk, 3, 70)), '0');
      assert.deepEqual(yield* waitIo(yield* io(disk, { sector: 3 })), { error: 0, value: 70 });
      assert.equal(cacheOf(disk).stored(3), 0);
      assert.equal(yield* endOf(yield* put(disk, 4, 71, BARRIER)), '0');
      assert.deepEqual([cacheOf(disk).stored(3), cacheOf(disk).stored(4)], [70, 71]);
    },
    { slots },
  );

  kernelTest(
    `${mode}: a barrier without data makes durable what was written`,
    function* empty(world) {
      const disk = yield* world.requestDisk({ mode });
      assert.equal(yield* endOf(yield* put(disk, 3, 70)), '0');
      assert.equal(yield* endOf(yield* io(disk, { size: 0, flags: REQ_WRITE | BARRIER })), '0');
      assert.equal(cacheOf(disk).stored(3), 70);
    },
    { slots },
  );

  kernelTest(
    `${mode}: more bios than requests in the pool all end`,
    function* pool(world) {
      const disk = yield* world.requestDisk({ mode, nrRequests: 1 });
      const tasks = [0, 1, 2].map((cpu) =>
        world.start(cpu, function* writer(): Kernel<void> {
          for (const sector of [cpu * 4, cpu * 4 + 2])
            assert.equal(yield* endOf(yield* put(disk, sector, 10 + sector)), '0');
        }),
      );
      for (const task of tasks) yield* task.join();
    },
    { slots },
  );
}

kernelTest(
  'a request that nobody unplugs is served when the unplug timer has run',
  function* plugged(world) {
    const disk = yield* world.requestDisk();
    assert.equal(yield* endOf(yield* put(disk, 3, 70, 0)), '0');
  },
  { slots },
);

kernelTest(
  'bios that follow each other on the disk share a request',
  function* merged(world) {
    const disk = yield* world.requestDisk({ mode: 'hardirqDirect', nrRequests: 1 });
    yield* hangDisk(disk);
    const first = yield* put(disk, 3, 70, 0);
    const second = yield* put(disk, 4, 71);
    yield* releaseDisk(disk);
    assert.deepEqual([yield* endOf(first), yield* endOf(second)], ['0', '0']);
    assert.deepEqual([cacheOf(disk).read(3), cacheOf(disk).read(4)], [70, 71]);
  },
  { slots },
);

for (const mode of REQUEST_DISK_MODES)
  kernelTest(
    `${mode}: a barrier comes after what came before it, and before what comes after it`,
    function* ordered(world) {
      const disk = yield* world.requestDisk({ mode, depth: 4 });
      const writers = [0, 1].map((cpu) =>
        world.start(cpu, function* writer(): Kernel<void> {
          for (let i = 0; i < 3; i++)
            assert.equal(
              yield* endOf(yield* put(disk, cpu * 8 + i * 2, 10 + i, i === 1 ? BARRIER : BIO_RW_UNPLUG)),
              '0',
            );
        }),
      );
      for (const task of writers) yield* task.join();
    },
    { slots },
  );

kernelTest(
  'a disk whose queue takes no barriers ends them with -EOPNOTSUPP, and nothing else',
  function* none(world) {
    const disk = yield* world.requestDisk({ barriers: 'none' });
    assert.equal(yield* endOf(yield* put(disk, 3, 70, BARRIER)), '-EOPNOTSUPP');
    assert.equal(yield* endOf(yield* put(disk, 3, 71)), '0');
  },
  { slots },
);

for (const mode of REQUEST_DISK_MODES) {
  kernelTest(
    `${mode}: a barrier fails with -EOPNOTSUPP when the disk refuses flushes, and its data is written all the same`,
    function* refused(world) {
      const disk = yield* world.requestDisk({ mode, barriers: 'refuse' });
      assert.equal(yield* endOf(yield* put(disk, 3, 70, BARRIER)), '-EOPNOTSUPP');
      assert.equal(cacheOf(disk).read(3), 70);
    },
    { slots },
  );

  kernelTest(
    `${mode}: a barrier ends with the first error of its sequence`,
    function* first(world) {
      const disk = yield* world.requestDisk({ mode });
      yield* disk.failFlush.set(1, HERE);
      assert.equal(yield* endOf(yield* put(disk, 3, 70, BARRIER)), '-EIO');
      assert.equal(cacheOf(disk).stored(3), 70);
      yield* disk.failNext.set(1, HERE);
      assert.equal(yield* endOf(yield* put(disk, 4, 71, BARRIER)), '-EIO');
      assert.equal(yield* endOf(yield* put(disk, 4, 72, BARRIER)), '0');
    },
    { slots },
  );
}

test('a power cut leaves any part of what was in the cache, and older content of a sector that was written twice', async (t) => {
  const seen = new Set<string>();
  for (const mode of REQUEST_DISK_MODES) {
    seen.clear();
    const { finding } = runKernel(
      function* cut(world) {
        const disk = yield* world.requestDisk({ mode });
        for (const [sector, stamp] of [
          [0, 1],
          [1, 2],
          [1, 3],
        ] as const)
          assert.equal(yield* endOf(yield* put(disk, sector, stamp)), '0');
        yield* cutPower(disk);
        seen.add(`${cacheOf(disk).stored(0)} ${cacheOf(disk).stored(1)}`);
        assert.equal(yield* endOf(yield* io(disk, { sector: 0 })), '-EIO');
      },
      { slots, runs: 100 },
    );
    t.equal(finding, null, mode);
    t.strictSame([...seen].sort(), ['0 0', '0 2', '0 3', '1 0', '1 2', '1 3'], mode);
  }
});
