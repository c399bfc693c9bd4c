import assert from 'node:assert/strict';
import { BIO_RW_BARRIER, BIO_RW_UNPLUG, REQ_WRITE } from '../../src/block/bio.ts';
import { cacheOf } from '../../src/block/request-disk.ts';
import { dmTableLoad, dmTableStatus } from '../../src/core/ioctl.ts';
import { EINVAL } from '../../src/machine/errno.ts';
import { submitIo } from '../../src/scenarios/user-io.ts';
import { bdevOf, endOf, kernelTest, stored, write } from '../support/kernel.ts';

const slots = { request: 44, 'request-queue': 3, 'request-disk': 2, 'dm-rq-target-io': 12 };

kernelTest('chunks lie on the stripes in turn, and a bio is split where they end', function* chunks(world) {
  const disks = [yield* world.disk({ mode: 'hardirq' }), yield* world.disk({ mode: 'softirq' })] as const;
  const md = yield* world.device('0 8 striped 2 2 disk0 1 disk1 4');
  assert.equal(yield* endOf(yield* write(md, 1, 6, 100)), '0');
  assert.deepEqual(
    [1, 2, 3, 4].map((sector) => stored(disks[0], sector)),
    [0, 100, 103, 104],
  );
  assert.deepEqual(
    [4, 5, 6, 7].map((sector) => stored(disks[1], sector)),
    [101, 102, 105, 0],
  );
});

kernelTest('the status of a striped target says which stripes have failed', function* status(world) {
  yield* world.disk();
  const second = yield* world.disk();
  const md = yield* world.device('0 8 striped 2 2 disk0 0 disk1 0');
  yield* second.failNext.set(1, HERE);
  assert.equal(yield* endOf(yield* write(md, 2, 1)), '-EIO');
  assert.equal(yield* dmTableStatus(md, true), '0 8 striped 2 1:0 1:1 1 AD');
});

kernelTest(
  'a barrier flushes each stripe once before and once after it',
  function* flushes(world) {
    const disks = [yield* world.requestDisk(), yield* world.requestDisk({ mode: 'hardirqDirect' })] as const;
    const md = yield* world.device('0 8 striped 2 2 disk0 0 disk1 0', true);
    const flags = REQ_WRITE | BIO_RW_UNPLUG;
    for (const [sector, stamp] of [
      [0, 10],
      [2, 11],
    ] as const)
      assert.equal(yield* endOf(yield* submitIo(bdevOf(md), { sector, size: 2, flags, stamp })), '0');
    assert.deepEqual([cacheOf(disks[0]).stored(0), cacheOf(disks[1]).stored(0)], [0, 0]);
    const barrier = { sector: 4, size: 1, flags: flags | BIO_RW_BARRIER, stamp: 20 };
    assert.equal(yield* endOf(yield* submitIo(bdevOf(md), barrier)), '0');
    assert.deepEqual(
      [cacheOf(disks[0]).stored(0), cacheOf(disks[0]).stored(2), cacheOf(disks[1]).stored(0)],
      [10, 20, 11],
    );
  },
  { slots },
);

kernelTest(
  'a request that crosses a chunk fails, and bios are not merged across one',
  function* crossing(world) {
    const disk = yield* world.requestDisk();
    yield* world.requestDisk();
    const md = yield* world.device('0 8 striped 2 2 disk0 0 disk1 0', true);
    const flags = REQ_WRITE;
    assert.equal(yield* endOf(yield* submitIo(bdevOf(md), { sector: 1, size: 2, flags, stamp: 1 })), '-EIO');
    const first = yield* submitIo(bdevOf(md), { sector: 1, size: 1, flags, stamp: 5 });
    const second = yield* submitIo(bdevOf(md), { sector: 2, size: 1, flags: flags | BIO_RW_UNPLUG, stamp: 6 });
    assert.deepEqual([yield* endOf(first), yield* endOf(second)], ['0', '0']);
    assert.equal(cacheOf(disk).read(1), 5);
  },
  { slots },
);

kernelTest(
  'a table line that makes no stripes is refused with the reason',
  function* refused(world) {
    yield* world.disk();
    const md = yield* world.create();
    for (const [words, reason] of [
      ['2', 'Not enough arguments'],
      ['0 2 disk0 0', 'Invalid stripe count'],
      ['1 0 disk0 0', 'Invalid chunk_size'],
      ['3 2 disk0 0 disk0 0 disk0 0', 'Target length not divisible by number of stripes'],
      ['2 3 disk0 0 disk0 0', 'Target length not divisible by chunk size'],
      ['2 2 disk0 0', 'Not enough destinations specified'],
      ['2 2 disk0 0 nowhere 0', "Couldn't parse stripe destination"],
    ]) {
      assert.equal(yield* dmTableLoad(md, `0 8 striped ${words}`), -EINVAL);
      assert.equal(world.log.splice(0)[0], `device-mapper: table: 254:0: striped: ${reason}`);
    }
  },
  { runs: 1 },
);
