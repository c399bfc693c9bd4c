import assert from 'node:assert/strict';
import { test } from 'tap';
import { REQ_READA } from '../../src/block/bio.ts';
import { targetTypes } from '../../src/core/dm-target.ts';
import { waitIo } from '../../src/scenarios/user-io.ts';
import { endOf, kernelTest, read, stored, write } from '../support/kernel.ts';

test('each target has a name without spaces and a version of three numbers', async (t) => {
  for (const name of targetTypes.names()) {
    const type = targetTypes.at(targetTypes.idOf(name));
    t.equal(type.name, name);
    t.match(name, /^[a-z-]{1,15}$/);
    t.equal(type.version.length, 3);
  }
});

kernelTest('error fails reads and writes', function* error(world) {
  const md = yield* world.device('0 4 error');
  assert.equal(yield* endOf(yield* read(md, 0)), '-EIO');
  assert.equal(yield* endOf(yield* write(md, 0, 4)), '-EIO');
});

kernelTest('zero reads as zeroes, forgets what is written, and fails read-ahead', function* zero(world) {
  const md = yield* world.device('0 8 zero');
  assert.equal(yield* endOf(yield* write(md, 2, 2, 9)), '0');
  assert.deepEqual(yield* waitIo(yield* read(md, 2)), { error: 0, value: 0 });
  assert.equal(yield* endOf(yield* read(md, 2, 1, REQ_READA)), '-EIO');
});

kernelTest(
  'linear puts its first sector where its line says, wherever it begins in the table',
  function* linear(world) {
    const disk = yield* world.disk();
    const md = yield* world.device('0 3 zero\n3 4 linear disk0 9');
    assert.equal(yield* endOf(yield* write(md, 4, 2, 33)), '0');
    assert.deepEqual(
      [9, 10, 11, 12].map((sector) => stored(disk, sector)),
      [0, 33, 34, 0],
    );
    assert.deepEqual(yield* waitIo(yield* read(md, 5)), { error: 0, value: 34 });
  },
);

kernelTest('linear passes the error of its device on', function* passes(world) {
  const disk = yield* world.disk({ mode: 'softirq' });
  const md = yield* world.device('0 4 linear disk0 0');
  yield* disk.failNext.set(1, HERE);
  assert.equal(yield* endOf(yield* write(md, 0)), '-EIO');
  assert.equal(yield* endOf(yield* write(md, 0)), '0');
});

kernelTest('a scripted target without hooks is linear', function* scripted(world) {
  const disk = yield* world.disk();
  const md = yield* world.device(`0 4 scripted disk0 6 ${world.script({})}`);
  assert.equal(yield* endOf(yield* write(md, 1, 1, 8)), '0');
  assert.equal(stored(disk, 7), 8);
});

kernelTest('targets of stacked devices add up', function* stacked(world) {
  const disk = yield* world.disk({ mode: 'hardirq', anyCpu: true });
  yield* world.device('0 2 linear disk0 8\n2 4 linear disk0 0');
  const md = yield* world.device('0 1 zero\n1 5 linear dm0 1');
  assert.equal(yield* endOf(yield* write(md, 0, 5, 60)), '0');
  assert.deepEqual(
    [9, 0, 1, 2, 3].map((sector) => stored(disk, sector)),
    [61, 62, 63, 64, 0],
  );
});
