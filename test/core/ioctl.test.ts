import assert from 'node:assert/strict';
import { Bio } from '../../src/block/bio.ts';
import { BlockDevice, closeBlockDevice, openBlockDevice } from '../../src/block/block-device.ts';
import { DmTable } from '../../src/core/dm-table.ts';
import { DmTarget } from '../../src/core/dm-target.ts';
import {
  dmClose,
  dmCreate,
  dmOpen,
  dmPut,
  dmRemove,
  dmTableLoad,
  dmTableStatus,
  doResume,
  doSuspend,
} from '../../src/core/ioctl.ts';
import { MappedDevice } from '../../src/core/mapped-device.ts';
import { Work, Workqueue } from '../../src/irq/workqueue.ts';
import { EBUSY, EINVAL, ENOMEM, ENXIO } from '../../src/machine/errno.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { Mempool } from '../../src/shared/mempool.ts';
import { Task } from '../../src/shared/task.ts';
import { bdevOf, endOf, kernelTest, load, write } from '../support/kernel.ts';

/** How many of everything that a device is made of there are. */
const census = (): number[] =>
  [MappedDevice, BlockDevice, Mempool, Bio, Workqueue, Work, DmTable, DmTarget, Task].map(({ live }) => live().length);

kernelTest('a new device has no table and no size, and is active', function* born(world) {
  const md = yield* world.create();
  assert.equal(yield* dmTableStatus(md, false), '');
  assert.equal(yield* bdevOf(md).capacity.read(HERE), 0);
  assert.equal(yield* md.eventNr.read(HERE), 0);
});

kernelTest('a name and a number are given once', function* taken(world) {
  yield* world.create();
  yield* world.disk();
  const before = census();
  assert.equal(yield* dmCreate({ name: 'dm0', minor: 7 }), -EBUSY);
  assert.equal(yield* dmCreate({ name: 'other', minor: 0 }), -EBUSY);
  assert.equal(yield* dmCreate({ name: 'disk0', minor: 8 }), -EBUSY);
  assert.deepEqual(census(), before);
});

kernelTest(
  'of two that create the same device at once one gets it',
  function* rivals(world) {
    const results: (MappedDevice | number)[] = [];
    const creators = [1, 2].map((cpu) =>
      world.start(cpu, function* create(): Kernel<void> {
        results.push(yield* dmCreate({ name: 'dm0', minor: 0 }));
      }),
    );
    for (const { join } of creators) yield* join();
    assert.equal(results.filter((result) => result === -EBUSY).length, 1);
    assert.equal(MappedDevice.live().length, 1);
  },
  { runs: 100 },
);

const SCARCE: readonly { readonly what: string; readonly slots: Record<string, number> }[] = [
  { what: 'mapped device', slots: { 'mapped-device': 0 } },
  { what: 'block device', slots: { 'block-device': 0 } },
  { what: 'pool', slots: { mempool: 3 } },
  { what: 'bio for a pool', slots: { bio: 1 } },
  { what: 'work queue', slots: { workqueue: 0 } },
];
for (const { what, slots } of SCARCE)
  kernelTest(
    `a device for which there is no ${what} is not made, and leaves nothing behind`,
    function* scarce() {
      const before = census();
      assert.equal(yield* dmCreate({ name: 'dm0', minor: 0 }), -ENOMEM);
      assert.deepEqual(census(), before);
    },
    { slots, runs: 5 },
  );

kernelTest(
  'a table for which there is no memory is refused',
  function* noTable(world) {
    const md = yield* world.device('0 4 zero');
    assert.equal(yield* dmTableLoad(md, '0 2 error'), -ENOMEM);
    assert.equal(yield* dmTableStatus(md, false), '0 4 zero ');
  },
  { slots: { 'dm-table': 1 } },
);

kernelTest(
  'a target for which there is no memory refuses its table',
  function* noTarget(world) {
    const md = yield* world.device('0 4 zero');
    assert.equal(yield* dmTableLoad(md, '0 2 zero\n2 2 error'), -EINVAL);
    assert(world.log.includes('device-mapper: table: 254:0: error: Cannot allocate target'));
    assert.deepEqual([DmTable.live().length, DmTarget.live().length], [1, 1]);
  },
  { slots: { 'dm-target': 2 } },
);

kernelTest('an open device is not removed', function* busy(world) {
  const md = yield* world.device('0 4 zero');
  assert.equal(yield* dmOpen(md), 0);
  assert.equal(yield* dmRemove(md), -EBUSY);
  assert.equal(yield* endOf(yield* write(md, 0)), '0');
  assert.equal(yield* dmClose(md), 0);
  assert.equal(yield* dmRemove(md), 0);
});

kernelTest('a device that another one maps is open', function* stacked(world) {
  yield* world.disk();
  const lower = yield* world.device('0 8 linear disk0 0');
  const upper = yield* world.device('0 4 linear dm0 2\n4 2 linear dm0 0');
  assert.equal(bdevOf(lower).openCount, 2);
  assert.equal(yield* dmRemove(lower), -EBUSY);
  assert.equal(yield* endOf(yield* write(upper, 2, 3)), '0');
  assert.equal(yield* dmRemove(upper), 0);
  assert.equal(bdevOf(lower).openCount, 0);
  assert.equal(yield* dmRemove(lower), 0);
});

kernelTest(
  'a removed device leaves nothing behind: both tables, its pools, its thread and its name go',
  function* gone(world) {
    const disk = yield* world.disk();
    const before = census();
    const md = yield* world.device('0 2 linear disk0 0\n2 2 zero');
    yield* load(md, '0 4 linear disk0 4');
    assert.equal(yield* endOf(yield* write(md, 0, 3)), '0');
    assert.equal(yield* dmRemove(md), 0);
    assert.deepEqual(census(), before);
    assert.equal(bdevOf(disk).openCount, 0);
    assert.equal(yield* openBlockDevice('dm0'), null);
    assert.notEqual(yield* dmCreate({ name: 'dm0', minor: 0 }), -EBUSY);
  },
);

/** A script that notes its suspend hooks. */
const hooks = (calls: string[]) => ({
  *presuspend(): Kernel<void> {
    calls.push('presuspend');
  },
  *postsuspend(): Kernel<void> {
    calls.push('postsuspend');
  },
});

kernelTest(
  'an active device is suspended as far as its targets are concerned before it is taken apart',
  function* active(world) {
    yield* world.disk();
    const calls: string[] = [];
    const md = yield* world.device(`0 4 scripted disk0 0 ${world.script(hooks(calls))}`);
    assert.equal(yield* dmRemove(md), 0);
    assert.deepEqual(calls, ['presuspend', 'postsuspend']);
  },
);

kernelTest('a suspended device can be removed, and its targets are not suspended twice', function* suspended(world) {
  yield* world.disk();
  const calls: string[] = [];
  const md = yield* world.device(`0 4 scripted disk0 0 ${world.script(hooks(calls))}`);
  assert.equal(yield* doSuspend(md, 0), 0);
  assert.equal(yield* dmRemove(md), 0);
  assert.deepEqual(calls, ['presuspend', 'postsuspend']);
  assert.equal(MappedDevice.live().length, 0);
});

kernelTest('a device that is going away is not opened, neither by hand nor by a table', function* deleting(world) {
  const md = yield* world.device('0 4 zero');
  const other = yield* world.create();
  yield* md.holders.get(HERE);
  assert.equal(yield* dmRemove(md), 0);
  assert.equal(yield* dmOpen(md), -ENXIO);
  assert.equal(yield* openBlockDevice('dm0'), null);
  assert.equal(yield* dmTableLoad(other, '0 4 linear dm0 0'), -EINVAL);
  assert.equal(yield* dmRemove(md), -EBUSY);
  yield* dmPut(md);
  assert.equal(MappedDevice.live().length, 1);
});

kernelTest(
  'an open and a remove at once: one of them is refused',
  function* race(world) {
    const md = yield* world.device('0 4 zero');
    yield* md.holders.get(HERE);
    const results: number[] = [];
    const opener = world.start(1, function* open(): Kernel<void> {
      results[0] = yield* dmOpen(md);
    });
    const remover = world.start(2, function* remove(): Kernel<void> {
      results[1] = yield* dmRemove(md);
    });
    yield* opener.join();
    yield* remover.join();
    assert.deepEqual(results, results[0] === 0 ? [0, -EBUSY] : [-ENXIO, 0]);
    world.outcome = String(results);
    if (results[0] === 0) yield* dmClose(md);
    yield* dmPut(md);
  },
  { runs: 200 },
);

kernelTest(
  'two that load and resume at once leave the table of one of them',
  function* loaders(world) {
    yield* world.disk();
    const md = yield* world.device('0 4 zero');
    const loaders = [1, 2].map((cpu) =>
      world.start(cpu, function* swap(): Kernel<void> {
        assert.equal(yield* dmTableLoad(md, `0 ${cpu} linear disk0 ${cpu}`), 0);
        assert([0, -EINVAL].includes(yield* doResume(md, 0)));
      }),
    );
    for (const { join } of loaders) yield* join();
    yield* doResume(md, 0);
    assert.match(yield* dmTableStatus(md, false), /^0 ([12]) linear 1:0 \1$|^0 4 zero $/);
    assert.equal(DmTable.live().length, 1);
  },
  { runs: 200 },
);

kernelTest(
  'status can be asked for while tables come and go',
  function* asked(world) {
    const md = yield* world.device('0 4 zero');
    const swapper = world.start(1, function* swap(): Kernel<void> {
      for (const table of ['0 2 error', '0 3 zero']) {
        yield* load(md, table);
        assert.equal(yield* doResume(md, 0), 0);
      }
    });
    for (let i = 0; i < 5; i++) assert.match(yield* dmTableStatus(md, false), /^0 (4 zero|2 error|3 zero) $/);
    yield* swapper.join();
  },
  { runs: 3000 },
);

kernelTest('open counts of a block device go up and down', function* counts(world) {
  const disk = yield* world.disk();
  for (const name of ['disk0', '/dev/disk0', '1:0']) assert.equal(yield* openBlockDevice(name), bdevOf(disk));
  assert.deepEqual([yield* closeBlockDevice(bdevOf(disk)), yield* closeBlockDevice(bdevOf(disk))], [2, 1]);
  assert.equal(yield* openBlockDevice('disk1'), null);
});
