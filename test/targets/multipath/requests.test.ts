import assert from 'node:assert/strict';
import { BIO_RW_BARRIER, BIO_RW_UNPLUG, REQ_WRITE } from '../../../src/block/bio.ts';
import { addRequestDisk, cacheOf, type RequestDisk } from '../../../src/block/request-disk.ts';
import { doResume, doSuspend } from '../../../src/core/ioctl.ts';
import type { MappedDevice } from '../../../src/core/mapped-device.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../../src/core/suspend.ts';
import { dmTargetMessage } from '../../../src/core/target-message.ts';
import type { Kernel } from '../../../src/machine/kernel.ts';
import { submitIo, type UserIo } from '../../../src/scenarios/user-io.ts';
import {
  bdevOf,
  DISK_SECTORS,
  endOf,
  hasEnded,
  type KernelOptions,
  kernelTest,
  type World,
} from '../../support/kernel.ts';

const options: KernelOptions = {
  slots: { request: 44, 'request-queue': 3, 'request-disk': 2, 'dm-rq-target-io': 12, workqueue: 8 },
  runs: 60,
};
const BARRIER = BIO_RW_BARRIER | BIO_RW_UNPLUG;

const put = (md: MappedDevice, sector: number, stamp: number, flags = BIO_RW_UNPLUG): Kernel<UserIo> =>
  submitIo(bdevOf(md), { sector, size: 1, flags: REQ_WRITE | flags, stamp });
const tell = (md: MappedDevice, text: string): Kernel<number> => dmTargetMessage(md, 0, text);

interface Paths {
  readonly first: RequestDisk;
  readonly second: RequestDisk;
  readonly md: MappedDevice;
}

/** One disk that is reached by two paths. */
function* twoPaths(world: World, features = '0'): Kernel<Paths> {
  const mode = 'hardirqDirect';
  const first = yield* world.requestDisk({ mode });
  const second = yield* addRequestDisk({ name: 'path1', minor: 9, sectors: DISK_SECTORS, mode }, first.media);
  const table = `0 8 multipath ${features} 0 1 1 round-robin 0 2 0 disk0 path1`;
  return { first, second, md: yield* world.device(table, true) };
}

/** Both paths are out of service. */
function* failBoth(md: MappedDevice): Kernel<void> {
  for (const path of ['disk0', 'path1']) assert.equal(yield* tell(md, `fail_path ${path}`), 0);
}

kernelTest(
  'a request that fails on one path is made again on the other, and so is the flush of a barrier',
  function* another(world) {
    const { first, second, md } = yield* twoPaths(world);
    yield* first.failNext.set(1, HERE);
    yield* second.failFlush.set(1, HERE);
    assert.equal(yield* endOf(yield* put(md, 1, 70)), '0');
    assert.equal(cacheOf(first).read(1), 70);
    for (const path of ['disk0', 'path1']) yield* tell(md, `reinstate_path ${path}`);
    yield* second.failFlush.set(1, HERE);
    assert.equal(yield* endOf(yield* put(md, 2, 71, BARRIER)), '0');
    assert.deepEqual([cacheOf(first).stored(1), cacheOf(first).stored(2)], [70, 71]);
  },
  options,
);

kernelTest(
  'without a path and without queueing requests and barriers fail with -EIO',
  function* pathless(world) {
    const { md } = yield* twoPaths(world);
    yield* failBoth(md);
    assert.equal(yield* endOf(yield* put(md, 1, 70)), '-EIO');
    assert.equal(yield* endOf(yield* put(md, 1, 70, BARRIER)), '-EIO');
  },
  options,
);

kernelTest(
  'with queueing a barrier waits in the target until a path is reinstated',
  function* queued(world) {
    const { md } = yield* twoPaths(world, '1 queue_if_no_path');
    yield* failBoth(md);
    const ios = [yield* put(md, 1, 70), yield* put(md, 2, 71, BARRIER)];
    assert(!ios.some(hasEnded));
    yield* tell(md, 'reinstate_path path1');
    for (const io of ios) assert.equal(yield* endOf(io), '0');
  },
  options,
);

kernelTest(
  'a noflush suspend takes back a flush that waits in a multipath without paths, and the resume makes it again',
  function* stuck(world) {
    const { first, md } = yield* twoPaths(world, '1 queue_if_no_path');
    yield* failBoth(md);
    const ios = [yield* put(md, 2, 71, BARRIER), yield* put(md, 1, 70)];
    assert.equal(yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG), 0);
    assert(!ios.some(hasEnded));
    yield* tell(md, 'reinstate_path disk0');
    assert.equal(yield* doResume(md, 0), 0);
    for (const io of ios) assert.equal(yield* endOf(io), '0');
    assert.equal(cacheOf(first).stored(2), 71);
  },
  options,
);

kernelTest(
  'a flushing suspend fails what waits in a multipath without paths',
  function* flushed(world) {
    const { md } = yield* twoPaths(world, '1 queue_if_no_path');
    yield* failBoth(md);
    const barrier = yield* put(md, 2, 71, BARRIER);
    const io = world.start(1, function* write(): Kernel<void> {
      assert.equal(yield* endOf(yield* put(md, 1, 70)), '-EIO');
    });
    assert.equal(yield* doSuspend(md, 0), 0);
    yield* tell(md, 'fail_if_no_path');
    assert.equal(yield* doResume(md, 0), 0);
    assert.equal(yield* endOf(barrier), '-EIO');
    yield* io.join();
  },
  options,
);
