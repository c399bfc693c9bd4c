import assert from 'node:assert/strict';
import { dmTableLoad, dmTableStatus } from '../../src/core/ioctl.ts';
import { errnoText } from '../../src/machine/errno.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { memory } from '../../src/shared/memory.ts';
import { endOf, hasEnded, kernelTest, read, stored, type World, write } from '../support/kernel.ts';

function* disks(world: World): Kernel<void> {
  yield* world.disk();
  yield* world.disk({ mode: 'hardirq', anyCpu: true });
}

kernelTest(
  'a delayed write is on its disk only after a while, and reads have a delay of their own',
  function* classes(world) {
    const disk0 = yield* world.disk();
    const disk1 = yield* world.disk();
    const md = yield* world.device('0 4 delay disk0 4 0 disk1 2 300');
    memory.words[disk0.media + 5] = 8;
    const io = yield* write(md, 1, 2, 20);
    assert.equal(yield* dmTableStatus(md, true), '0 4 delay 0 1 0');
    assert(!hasEnded(io));
    // Not delayed: it ends on the way down, from the other disk.
    const straight = yield* read(md, 1);
    assert(hasEnded(straight));
    assert.equal(straight.value, 8);
    assert.equal(yield* endOf(straight), '0');
    assert.equal(yield* endOf(io), '0');
    assert.deepEqual([stored(disk1, 3), stored(disk1, 4)], [20, 21]);
    assert.equal(yield* dmTableStatus(md, true), '0 4 delay 0 0 0');
  },
);

kernelTest('I/O of several CPUs is delayed, counted, and ends', function* several(world) {
  yield* disks(world);
  const md = yield* world.device('0 8 delay disk1 0 2 disk1 0 1');
  const users = [0, 1, 2].map((cpu) =>
    world.start(cpu, function* user(): Kernel<void> {
      const ios = [yield* write(md, cpu), yield* read(md, cpu + 1), yield* write(md, cpu + 2)];
      for (const io of ios) assert.equal(yield* endOf(io), '0');
    }),
  );
  for (const { join } of users) yield* join();
  assert.equal(yield* dmTableStatus(md, true), '0 8 delay 0 0 0');
});

kernelTest('its lines say what it was given, devices by number', function* lines(world) {
  yield* disks(world);
  for (const [words, printed] of [
    ['disk0 0 0', '1:0 0 0'],
    ['disk0 1 2 disk1 3 4', '1:0 1 2 1:1 3 4'],
    ['disk0 1 2 disk1 3 4 1:0 5 6', '1:0 1 2 1:1 3 4 1:0 5 6'],
  ]) {
    const md = yield* world.device(`0 4 delay ${words}`);
    assert.equal(yield* dmTableStatus(md, false), `0 4 delay ${printed}`);
  }
});

kernelTest('a wrong line is refused with its reason, and keeps no device open', function* refused(world) {
  yield* disks(world);
  const md = yield* world.create();
  for (const [words, reason] of [
    ['', 'Requires exactly 3, 6 or 9 arguments'],
    ['disk0 0 1 disk1', 'Requires exactly 3, 6 or 9 arguments'],
    ['disk0 x 1', 'Invalid device sector'],
    ['disk0 0 1s', 'Invalid delay'],
    ['disk0 0 1000001', 'Invalid delay'],
    ['disk9 0 1', 'Device lookup failed'],
    ['disk0 0 1 disk9 0 1', 'Device lookup failed'],
    ['disk0 0 1 disk1 0 1 disk1 0 -1', 'Invalid delay'],
  ]) {
    assert.equal(errnoText(yield* dmTableLoad(md, `0 4 delay ${words}`)), '-EINVAL');
    assert.equal(world.log.at(-2), `device-mapper: table: 254:0: delay: ${reason}`);
  }
  assert.equal(yield* dmTableLoad(md, '0 4 delay disk0 0 1 disk1 13 1'), -22);
  assert.equal(
    world.log.at(-2),
    'device-mapper: table: 254:0: disk1 too small for target: start=13, len=4, dev_size=16',
  );
});
