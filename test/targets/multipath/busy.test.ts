import assert from 'node:assert/strict';
import { BIO_RW_UNPLUG, REQ_WRITE } from '../../../src/block/bio.ts';
import { hangDisk, releaseDisk } from '../../../src/block/disk-faults.ts';
import type { RequestDisk } from '../../../src/block/request-disk.ts';
import { elvQueueEmpty, RequestQueue } from '../../../src/block/request-queue.ts';
import { doResume, doSuspend } from '../../../src/core/ioctl.ts';
import type { MappedDevice } from '../../../src/core/mapped-device.ts';
import { dmTargetMessage } from '../../../src/core/target-message.ts';
import type { Kernel } from '../../../src/machine/kernel.ts';
import { submitIo, type UserIo } from '../../../src/scenarios/user-io.ts';
import { memory } from '../../../src/shared/memory.ts';
import { bdevOf, endOf, kernelTest, type World } from '../../support/kernel.ts';

const slots = { request: 40, 'request-queue': 3, 'request-disk': 2, 'dm-rq-target-io': 12 };
const TWO_PATHS = '1 1 round-robin 0 2 1 disk0 1 disk1 1';

const put = (md: MappedDevice, sector: number): Kernel<UserIo> =>
  submitIo(bdevOf(md), { sector, size: 1, flags: REQ_WRITE | BIO_RW_UNPLUG, stamp: 7 });
const inFlight = (md: MappedDevice): number => memory.words[md.pending.word] as number;
const queueIsEmpty = (md: MappedDevice): boolean => elvQueueEmpty(RequestQueue.at(md.queue));

/** A path that has as much as it can take when it has one request. */
function* fullPath(world: World, saysBusy = true): Kernel<RequestDisk> {
  const disk = yield* world.requestDisk({ mode: 'hardirqDirect', depth: 1, saysBusy });
  yield* hangDisk(disk);
  return disk;
}

for (const [saysBusy, waiting] of [
  [true, 'waits in the queue of the device while both paths have one'],
  [false, 'goes to a path that does not say that it has one'],
] as const)
  kernelTest(
    `a third request ${waiting}`,
    function* third(world) {
      const disks = [yield* fullPath(world), yield* fullPath(world, saysBusy)];
      const md = yield* world.device(`0 8 multipath 0 0 ${TWO_PATHS}`, true);
      const ios = [yield* put(md, 1), yield* put(md, 3), yield* put(md, 5)];
      assert.deepEqual([inFlight(md), queueIsEmpty(md)], saysBusy ? [2, false] : [3, true]);
      for (const disk of disks) yield* releaseDisk(disk);
      for (const io of ios) assert.equal(yield* endOf(io), '0');
    },
    { slots },
  );

kernelTest(
  'without a path a request does not wait in the queue of the device: it waits in the target, or fails',
  function* noPath(world) {
    const disks = [yield* fullPath(world), yield* fullPath(world)];
    const md = yield* world.device(`0 8 multipath 1 queue_if_no_path 0 ${TWO_PATHS}`, true);
    const ios = [yield* put(md, 1), yield* put(md, 3)];
    for (const disk of ['disk0', 'disk1']) assert.equal(yield* dmTargetMessage(md, 0, `fail_path ${disk}`), 0);
    const waiting = yield* put(md, 5);
    assert.deepEqual([inFlight(md), queueIsEmpty(md)], [3, true]);
    assert.equal(yield* dmTargetMessage(md, 0, 'fail_if_no_path'), 0);
    assert.equal(yield* endOf(waiting), '-EIO');
    for (const disk of disks) yield* releaseDisk(disk);
    for (const io of ios) assert.equal(yield* endOf(io), '0');
  },
  { slots },
);

kernelTest(
  'a path that is a suspended device is busy until it is resumed',
  function* stacked(world) {
    yield* world.requestDisk({ mode: 'softirq' });
    const path = yield* world.device('0 8 linear disk0 0', true);
    const md = yield* world.device('0 8 multipath 0 0 1 1 round-robin 0 1 1 dm0 1', true);
    assert.equal(yield* endOf(yield* put(md, 1)), '0');
    assert.equal(yield* doSuspend(path, 0), 0);
    const io = yield* put(md, 3);
    assert.deepEqual([inFlight(md), queueIsEmpty(md)], [0, false]);
    assert.equal(yield* doResume(path, 0), 0);
    assert.equal(yield* endOf(io), '0');
  },
  { slots },
);
