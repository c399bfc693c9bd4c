import assert from 'node:assert/strict';
import { doResume, doSuspend } from '../../../src/core/ioctl.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../../src/core/suspend.ts';
import { waitIo } from '../../../src/scenarios/user-io.ts';
import { endOf, hasEnded, kernelTest, load, read, stored, write } from '../../support/kernel.ts';
import {
  breakPath,
  multipathOf,
  ONE_GROUP,
  pathsOf,
  QUEUEING,
  rested,
  status,
  TWO_GROUPS,
  table,
  tell,
  untilServed,
} from './support.ts';

kernelTest('I/O succeeds while a path is valid, and takes turns', function* valid(world) {
  const { md, disks } = yield* pathsOf(world, `0 0 ${ONE_GROUP}`, 'hardirq');
  for (let sector = 0; sector < 4; sector++) assert.equal(yield* endOf(yield* write(md, sector, 1, 10 + sector)), '0');
  assert.deepEqual(
    [0, 1, 2, 3].map((sector) => disks.map((disk) => stored(disk, sector))),
    [
      [10, 0],
      [0, 11],
      [12, 0],
      [0, 13],
    ],
  );
});

kernelTest('without a path and without queue_if_no_path I/O fails', function* noPath(world) {
  const { md } = yield* pathsOf(world, `0 0 ${TWO_GROUPS}`);
  yield* tell(md, 'fail_path disk0');
  yield* tell(md, 'fail_path 1:1');
  assert.equal(yield* endOf(yield* write(md, 0)), '-EIO');
});

for (const mode of ['inline', 'hardirq', 'softirq'] as const)
  kernelTest(`a path that fails is invisible to the submitter, whose disk ends I/O ${mode}`, function* oneFails(world) {
    const { md, disks } = yield* pathsOf(world, `0 0 ${TWO_GROUPS}`, mode);
    yield* breakPath(disks[0]);
    assert.equal(yield* endOf(yield* write(md, 3, 2, 40)), '0');
    assert.deepEqual([stored(disks[1], 3), stored(disks[1], 4)], [40, 41]);
    assert.equal(yield* status(md), '2 0 0 0 2 2 E 0 1 0 1:0 F 1 A 0 1 0 1:1 A 0 ');
  });

kernelTest('the last path fails under I/O: with queueing it waits, without it fails', function* lastFails(world) {
  const queueing = world.run % 2 === 0;
  const { md, disks } = yield* pathsOf(world, `${queueing ? QUEUEING : '0 0'} ${ONE_GROUP}`, 'hardirq');
  for (const disk of disks) yield* breakPath(disk);
  const io = yield* write(md, 1);
  if (!queueing) {
    assert.equal(yield* endOf(io), '-EIO');
    return;
  }
  yield* untilServed(() => multipathOf(md).queueSize === 1 && multipathOf(md).nrValidPaths === 0);
  assert(!hasEnded(io));
  for (const disk of disks) yield* breakPath(disk, false);
  yield* tell(md, 'reinstate_path disk1');
  assert.equal(yield* endOf(io), '0');
  assert.equal(stored(disks[1], 1), 100);
});

kernelTest(
  'what is queued fails with a flushing suspend, and queueing is back after the resume',
  function* flush(world) {
    const { md } = yield* pathsOf(world, `${QUEUEING} ${ONE_GROUP}`);
    yield* tell(md, 'fail_path disk0');
    yield* tell(md, 'fail_path disk1');
    const io = yield* write(md, 0);
    assert(!hasEnded(io));
    assert.equal(yield* doSuspend(md, 0), 0);
    assert.equal(yield* endOf(io), '-EIO');
    assert.match(yield* table(md), /^0 0 1 1 /);
    assert.equal(yield* doResume(md, 0), 0);
    assert.match(yield* table(md), /^1 queue_if_no_path 0 1 1 /);
  },
);

kernelTest(
  'a noflush suspend takes back what is queued, a resume without a path queues it again',
  function* noflush(world) {
    const { md, disks } = yield* pathsOf(world, `${QUEUEING} ${ONE_GROUP}`, 'softirq');
    yield* tell(md, 'fail_path disk0');
    yield* tell(md, 'fail_path disk1');
    const ios = [yield* write(md, 0, 1, 50), yield* write(md, 1, 2, 60)];
    yield* rested();
    assert.equal(yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG), 0);
    assert.equal(multipathOf(md).queueSize, 0);
    assert(!ios.some(hasEnded));
    assert.equal(yield* doResume(md, 0), 0);
    yield* untilServed(() => multipathOf(md).queueSize === 2);
    yield* tell(md, 'reinstate_path disk0');
    for (const io of ios) assert.equal(yield* endOf(io), '0');
    assert.deepEqual(
      [0, 1, 2].map((sector) => stored(disks[0], sector)),
      [50, 60, 61],
    );
  },
);

kernelTest(
  'what was taken back succeeds when a path recovers while the device is suspended',
  function* recovers(world) {
    const { md } = yield* pathsOf(world, `${QUEUEING} ${ONE_GROUP}`, 'hardirq');
    yield* tell(md, 'fail_path disk0');
    yield* tell(md, 'fail_path disk1');
    const io = yield* write(md, 0);
    yield* rested();
    assert.equal(yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG), 0);
    yield* tell(md, 'reinstate_path disk1');
    assert.equal(yield* doResume(md, 0), 0);
    assert.equal(yield* endOf(io), '0');
  },
);

kernelTest('what was taken back goes to the new table', function* newTable(world) {
  const { md, disks } = yield* pathsOf(world, `${QUEUEING} 1 1 round-robin 0 1 0 disk0`, 'hardirq');
  yield* tell(md, 'fail_path disk0');
  const io = yield* write(md, 2, 1, 77);
  yield* load(md, '0 8 multipath 0 0 1 1 round-robin 0 1 0 disk1');
  assert.equal(yield* doResume(md, DM_SUSPEND_NOFLUSH_FLAG), 0);
  assert.equal(yield* endOf(io), '0');
  assert.deepEqual([stored(disks[0], 2), stored(disks[1], 2)], [0, 77]);
});

kernelTest(
  'a bio over two multipath targets is taken back whole, and fails whole when it is flushed',
  function* two(world) {
    const line = `${QUEUEING} 1 1 round-robin 0 1 0`;
    yield* world.disk({ mode: 'hardirq' });
    const disk1 = yield* world.disk();
    const md = yield* world.device(`0 4 multipath ${line} disk0\n4 4 multipath ${line} disk0`);
    for (const sector of [0, 4]) yield* tell(md, 'fail_path disk0', sector);
    const io = yield* write(md, 3, 2, 80);
    yield* rested();
    const noflush = world.run % 2 === 0;
    yield* load(md, '0 8 multipath 0 0 1 1 round-robin 0 1 0 disk1');
    assert.equal(yield* doResume(md, noflush ? DM_SUSPEND_NOFLUSH_FLAG : 0), 0);
    assert.equal(yield* endOf(io), noflush ? '0' : '-EIO');
    if (noflush) assert.deepEqual([stored(disk1, 3), stored(disk1, 4)], [80, 81]);
  },
);

kernelTest('reads that were taken back read what is there', function* reads(world) {
  const { md } = yield* pathsOf(world, `${QUEUEING} 1 1 round-robin 0 1 0 disk0`, 'hardirq');
  assert.equal(yield* endOf(yield* write(md, 5, 1, 9)), '0');
  yield* tell(md, 'fail_path disk0');
  const io = yield* read(md, 5);
  yield* rested();
  assert.equal(yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG), 0);
  assert.equal(yield* doResume(md, 0), 0);
  yield* tell(md, 'reinstate_path disk0');
  assert.deepEqual(yield* waitIo(io), { error: 0, value: 9 });
});

kernelTest('a clone that a device below has split goes down the next path whole', function* split(world) {
  const disk0 = yield* world.disk({ mode: 'hardirq', anyCpu: true });
  const disk1 = yield* world.disk({ mode: 'hardirq', anyCpu: true });
  yield* world.device('0 4 linear disk0 0\n4 4 linear disk0 4');
  const md = yield* world.device('0 8 multipath 0 0 1 1 round-robin 0 2 0 dm0 disk1');
  yield* breakPath(disk0);
  assert.equal(yield* endOf(yield* write(md, 2, 4, 30)), '0');
  assert.deepEqual(
    [2, 3, 4, 5].map((sector) => stored(disk1, sector)),
    [30, 31, 32, 33],
  );
});
