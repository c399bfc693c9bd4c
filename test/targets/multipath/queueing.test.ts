import assert from 'node:assert/strict';
import { endOf, hasEnded, kernelTest, stored, write } from '../../support/kernel.ts';
import {
  breakPath,
  multipathOf,
  ONE_GROUP,
  pathsOf,
  QUEUEING,
  status,
  TWO_GROUPS,
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
