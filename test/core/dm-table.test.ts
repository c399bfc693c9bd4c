import assert from 'node:assert/strict';
import { test } from 'tap';
import { DmTable, dmTableFindTarget, parseTable } from '../../src/core/dm-table.ts';
import { DmTarget } from '../../src/core/dm-target.ts';
import { dmTableClear, dmTableLoad, dmTableStatus, doResume, doSuspend } from '../../src/core/ioctl.ts';
import type { MappedDevice } from '../../src/core/mapped-device.ts';
import { errnoText } from '../../src/machine/errno.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { bdevOf, endOf, kernelTest, load, targetOf, type World, write } from '../support/kernel.ts';

test('a table has a line for each target: where it begins, how long it is, its type, its words', async (t) => {
  t.strictSame(parseTable('0 8 linear disk0 4\n8 4\tzero'), [
    { start: 0, len: 8, type: 'linear', argv: ['disk0', '4'] },
    { start: 8, len: 4, type: 'zero', argv: [] },
  ]);
});

test('blank lines and comments of a table mean nothing', async (t) => {
  t.strictSame(parseTable('# all of it\n\n  0 8 zero  # the rest\n   \n'), [
    { start: 0, len: 8, type: 'zero', argv: [] },
  ]);
  t.strictSame(parseTable('# nothing'), []);
});

test('a line without two numbers and a type is refused with its number', async (t) => {
  for (const line of ['0 8', '0', 'zero', 'x 8 zero', '0 8.5 zero', '-1 8 zero', '0 0x8 zero'])
    t.equal(parseTable(`\n${line}`), 'Invalid format on line 2 of table');
});

/** Loads a table; gives the error and what the kernel log says. */
function* refusedLoad(world: World, md: MappedDevice, table: string): Kernel<string[]> {
  world.log.length = 0;
  const result = yield* dmTableLoad(md, table);
  return [errnoText(result), ...world.log];
}

const ADDING = 'device-mapper: ioctl: error adding target to table';
const LIMITS = 'device-mapper: ioctl: unable to set up device queue for new table.';
const many = (count: number): string => Array.from({ length: count }, (_, i) => `${i} 1 zero`).join('\n');

const REFUSED: readonly { readonly what: string; readonly table: string; readonly log: readonly string[] }[] = [
  { what: 'no lines', table: '', log: ['device-mapper: ioctl: populate_table: no targets specified'] },
  { what: 'a bad line', table: '0 8', log: ['device-mapper: table: 254:0: Invalid format on line 1 of table'] },
  {
    what: 'a target without sectors',
    table: '0 0 zero',
    log: ['device-mapper: table: 254:0: zero-length target', ADDING],
  },
  {
    what: 'more sectors than can be counted',
    table: '0 4294967297 zero',
    log: ['device-mapper: table: 254:0: too large device', ADDING],
  },
  {
    what: 'a type that nobody has registered',
    table: '0 8 nosuch',
    log: ['device-mapper: table: 254:0: nosuch: unknown target type', ADDING],
  },
  { what: 'a gap', table: '0 2 zero\n3 2 zero', log: ['device-mapper: table: 254:0: zero: Gap in table', ADDING] },
  { what: 'a late begin', table: '1 2 zero', log: ['device-mapper: table: 254:0: zero: Gap in table', ADDING] },
  {
    what: 'an overlap',
    table: '0 2 zero\n1 2 error',
    log: ['device-mapper: table: 254:0: error: Gap in table', ADDING],
  },
  { what: 'too many targets', table: many(9), log: ['device-mapper: table: 254:0: more than 8 targets', ADDING] },
  {
    what: 'linear without a sector',
    table: '0 8 linear disk0',
    log: ['device-mapper: table: 254:0: linear: Invalid argument count', ADDING],
  },
  {
    what: 'linear with a word too many',
    table: '0 8 linear disk0 0 0',
    log: ['device-mapper: table: 254:0: linear: Invalid argument count', ADDING],
  },
  {
    what: 'a sector that is no number',
    table: '0 8 linear disk0 x',
    log: ['device-mapper: table: 254:0: linear: Invalid device sector', ADDING],
  },
  {
    what: 'a sector that no word can hold',
    table: '0 8 linear disk0 4294967296',
    log: ['device-mapper: table: 254:0: linear: Invalid device sector', ADDING],
  },
  {
    what: 'a device that is not there',
    table: '0 8 linear nosuch 0',
    log: ['device-mapper: table: 254:0: linear: Device lookup failed', ADDING],
  },
  {
    what: 'the device itself',
    table: '0 8 linear dm0 0',
    log: ['device-mapper: table: 254:0: linear: Device lookup failed', ADDING],
  },
  {
    what: 'the device itself by its number',
    table: '0 8 linear 254:0 0',
    log: ['device-mapper: table: 254:0: linear: Device lookup failed', ADDING],
  },
  {
    what: 'a target that is longer than the device below',
    table: '0 17 linear disk0 0',
    log: ['device-mapper: table: 254:0: disk0 too small for target: start=0, len=17, dev_size=16', LIMITS],
  },
  {
    what: 'a target that begins too late on the device below',
    table: '0 2 zero\n2 8 linear disk0 9',
    log: ['device-mapper: table: 254:0: disk0 too small for target: start=9, len=8, dev_size=16', LIMITS],
  },
  {
    what: 'words behind zero',
    table: '0 8 zero please',
    log: ['device-mapper: table: 254:0: zero: No arguments required', ADDING],
  },
  {
    what: 'a script that nobody wrote',
    table: '0 8 scripted disk0 0 7',
    log: ['device-mapper: table: 254:0: scripted: Invalid script number', ADDING],
  },
];

for (const { what, table, log } of REFUSED) {
  kernelTest(
    `a table with ${what} is refused, and the kernel log says why`,
    function* refused(world) {
      yield* world.disk();
      const md = yield* world.device('0 4 linear disk0 0');
      assert.deepEqual(yield* refusedLoad(world, md, table), ['-EINVAL', ...log]);
    },
    { runs: 3 },
  );
}

kernelTest('as many targets as a table holds are accepted', function* full(world) {
  const md = yield* world.create();
  assert.deepEqual(yield* refusedLoad(world, md, many(8)), ['0']);
});

kernelTest(
  'a refused table leaves the inactive one, every open count and all memory as they were',
  function* kept(world) {
    const disk = yield* world.disk();
    const md = yield* world.device('0 4 linear disk0 0');
    yield* load(md, '0 6 linear disk0 2');
    const opens = () => bdevOf(disk).openCount;
    const before = [md.newMap, opens(), DmTable.live().length, DmTarget.live().length];
    for (const { table } of REFUSED) {
      yield* dmTableLoad(md, `0 4 linear disk0 0\n${table === '' ? '?' : table}`);
      yield* dmTableLoad(md, table);
    }
    assert.deepEqual([md.newMap, opens(), DmTable.live().length, DmTarget.live().length], before);
    yield* doResume(md, 0);
    assert.equal(yield* dmTableStatus(md, false), '0 6 linear 1:0 2');
  },
);

kernelTest('a mapped device that has no size yet may be mapped', function* unsized(world) {
  const lower = yield* world.create();
  const md = yield* world.create();
  assert.deepEqual(yield* refusedLoad(world, md, '0 8 linear dm0 0'), ['0']);
  assert.equal(bdevOf(lower).openCount, 1);
});

kernelTest('a sector has the target that covers it, and none beyond the last', function* find(world) {
  const md = yield* world.device('0 2 zero\n2 3 error\n5 1 zero');
  const table = DmTable.at(md.map);
  const begins = [0, 1, 2, 4, 5, 6, 7, 1 << 30].map((sector) => dmTableFindTarget(table, sector)?.begin ?? null);
  assert.deepEqual(begins, [0, 0, 2, 2, 5, null, null, null]);
});

kernelTest('the size of a device is the size of its live table', function* sized(world) {
  const md = yield* world.create();
  const size = () => bdevOf(md).capacity.read(HERE);
  assert.equal(yield* size(), 0);
  yield* load(md, '0 6 zero\n6 4 error');
  assert.equal(yield* size(), 0);
  yield* doResume(md, 0);
  assert.equal(yield* size(), 10);
  yield* load(md, '0 3 zero');
  yield* doSuspend(md, 0);
  assert.equal(yield* size(), 10);
  yield* doResume(md, 0);
  assert.equal(yield* size(), 3);
});

kernelTest(
  'table and status lines name devices by number, and end with a space where a target has no words',
  function* text(world) {
    yield* world.disk();
    const lower = yield* world.device('0 8 linear disk0 8');
    const script = world.script({});
    const md = yield* world.device(
      `0 1 linear /dev/disk0 3\n1 1 linear /dev/mapper/dm0 2\n2 1 zero\n3 1 error any words\n4 1 scripted disk0 5 ${script}`,
    );
    assert.equal(
      yield* dmTableStatus(md, false),
      '0 1 linear 1:0 3\n1 1 linear 254:0 2\n2 1 zero \n3 1 error \n4 1 scripted 1:0 5 0',
    );
    assert.equal(yield* dmTableStatus(md, true), '0 1 linear \n1 1 linear \n2 1 zero \n3 1 error \n4 1 scripted ');
    assert.equal(yield* dmTableStatus(lower, false), '0 8 linear 1:0 8');
  },
);

kernelTest('the lines of a table make the same table again', function* roundTrip(world) {
  yield* world.disk();
  const md = yield* world.device('0 1 linear disk0 3\n1 2 zero\n3 4 error');
  const text = yield* dmTableStatus(md, false);
  yield* load(md, text);
  yield* doResume(md, 0);
  assert.equal(yield* dmTableStatus(md, false), text);
});

kernelTest('a device without a live table has no lines', function* none(world) {
  const md = yield* world.create();
  yield* load(md, '0 4 zero');
  assert.equal(yield* dmTableStatus(md, false), '');
});

kernelTest('a load replaces the table that was loaded before, and closes its device', function* replace(world) {
  const disk = yield* world.disk();
  const md = yield* world.create();
  yield* load(md, '0 4 linear disk0 0');
  yield* load(md, '0 5 zero');
  assert.equal(bdevOf(disk).openCount, 0);
  assert.equal(DmTable.live().length, 1);
  yield* doResume(md, 0);
  assert.equal(yield* dmTableStatus(md, false), '0 5 zero ');
});

kernelTest('a load touches neither the live table nor I/O', function* beside(world) {
  const disk = yield* world.disk();
  const md = yield* world.device('0 4 linear disk0 0');
  yield* load(md, '0 4 error');
  assert.equal(yield* endOf(yield* write(md, 0)), '0');
  assert.equal(bdevOf(disk).openCount, 1);
});

kernelTest('clear drops the inactive table, and does nothing where there is none', function* clear(world) {
  const disk = yield* world.disk();
  const md = yield* world.device('0 4 zero');
  yield* load(md, '0 4 linear disk0 0');
  yield* dmTableClear(md);
  assert.equal(bdevOf(disk).openCount, 0);
  yield* dmTableClear(md);
  yield* doSuspend(md, 0);
  yield* doResume(md, 0);
  assert.equal(targetOf(md).device, 0);
});
