import assert from 'node:assert/strict';
import { BlockDevice } from '../../../src/block/block-device.ts';
import { dmTableLoad, doResume } from '../../../src/core/ioctl.ts';
import { errnoText } from '../../../src/machine/errno.ts';
import type { Kernel } from '../../../src/machine/kernel.ts';
import { endOf, kernelTest, load, stored, type World, write } from '../../support/kernel.ts';
import { ONE_GROUP, pathsOf, QUEUEING, status, TWO_GROUPS, table, tell } from './support.ts';

const RUNS = { runs: 2 };

/** Words of a table, and how they are printed where that differs: devices by number, the repeat count of 2.6.20. */
const tables: readonly (readonly [string, string])[] = [
  ['0 0 0 0', '0 0 0 0 '],
  ['1 queue_if_no_path 0 0 0', '1 queue_if_no_path 0 0 0 '],
  [`0 0 ${ONE_GROUP}`, '0 0 1 1 round-robin 0 2 1 1:0 1 1:1 1 '],
  [`${QUEUEING} ${TWO_GROUPS}`, '1 queue_if_no_path 0 2 1 round-robin 0 1 1 1:0 1 round-robin 0 1 1 1:1 1 '],
  [
    '0 0 2 2 round-robin 0 1 0 1:0 round-robin 0 1 1 disk1 7',
    '0 0 2 2 round-robin 0 1 1 1:0 1000 round-robin 0 1 1 1:1 7 ',
  ],
  ['0 1 simulated 1 1 round-robin 0 1 1 disk0 1', '0 1 simulated 1 1 round-robin 0 1 1 1:0 1 '],
  ['0 4 simulated 50 retry ok 1 1 round-robin 0 1 1 disk0 1', '0 4 simulated 50 retry ok 1 1 round-robin 0 1 1 1:0 1 '],
  [
    '8 queue_mode bio pg_init_delay_msecs 0 pg_init_retries 3 queue_if_no_path retain_attached_hw_handler 0 0 0',
    '8 queue_if_no_path pg_init_retries 3 pg_init_delay_msecs 0 retain_attached_hw_handler queue_mode bio 0 0 0 ',
  ],
];

kernelTest(
  'the table line prints what it was given, and makes the same again',
  function* same(world) {
    const { md } = yield* pathsOf(world, '0 0 0 0');
    for (const [words, printed] of tables) {
      for (const line of [words, printed]) {
        yield* load(md, `0 8 multipath ${line}`);
        assert.equal(yield* doResume(md, 0), 0);
        assert.equal(yield* table(md), printed);
      }
    }
  },
  RUNS,
);

kernelTest(
  'the status line says how groups and paths are',
  function* states(world) {
    const { md } = yield* pathsOf(world, `${QUEUEING} ${TWO_GROUPS}`);
    // Before the first I/O it is to be queued, and no group is active.
    assert.equal(yield* status(md), '2 1 0 0 2 1 E 0 1 0 1:0 A 0 E 0 1 0 1:1 A 0 ');
    assert.equal(yield* endOf(yield* write(md, 0)), '0');
    assert.equal(yield* status(md), '2 0 0 0 2 1 A 0 1 0 1:0 A 0 E 0 1 0 1:1 A 0 ');
    yield* tell(md, 'fail_path 1:0');
    assert.equal(yield* endOf(yield* write(md, 0)), '0');
    assert.equal(yield* status(md), '2 0 0 0 2 2 E 0 1 0 1:0 F 1 A 0 1 0 1:1 A 0 ');
    yield* tell(md, 'fail_path 1:1');
    const io = yield* write(md, 0);
    assert.equal(yield* status(md), '2 0 0 0 2 1 E 0 1 0 1:0 F 1 E 0 1 0 1:1 F 1 ');
    yield* tell(md, 'reinstate_path 1:0');
    assert.equal(yield* endOf(io), '0');
    // The count of failures stays.
    assert.equal(yield* status(md), '2 0 0 0 2 1 A 0 1 0 1:0 A 1 E 0 1 0 1:1 F 1 ');
  },
  RUNS,
);

kernelTest(
  'without groups the status line ends early',
  function* none(world) {
    const { md } = yield* pathsOf(world, '1 queue_if_no_path 0 0 0');
    assert.equal(yield* status(md), '2 1 0 0 0 0 ');
  },
  RUNS,
);

/** A line, and the reason for which it is refused. */
const wrong: readonly (readonly [string, string])[] = [
  ['', 'invalid number of feature args'],
  ['9 a b c d e f g h i 0 0 0', 'invalid number of feature args'],
  ['x 0 0 0', 'invalid number of feature args'],
  ['3 queue_if_no_path 0', 'invalid number of feature args'],
  ['1 queue 0 0 0', 'Unrecognised multipath feature request'],
  ['1 pg_init_retries 0 0 0', 'Unrecognised multipath feature request'],
  ['2 pg_init_retries 0 0 0 0', 'pg_init_retries must be between 1 and 50'],
  ['2 pg_init_retries 51 0 0 0', 'pg_init_retries must be between 1 and 50'],
  ['2 pg_init_delay_msecs 60001 0 0 0', 'pg_init_delay_msecs must be between 0 and 60000'],
  ['2 queue_mode rq 0 0 0', "Unknown 'queue_mode' requested"],
  ['0', 'invalid number of hardware handler args'],
  ['0 1', 'invalid number of hardware handler args'],
  ['0 0', 'invalid number of priority groups'],
  ['0 0 many 1', 'invalid number of priority groups'],
  ['0 0 1', 'invalid initial priority group number'],
  ['0 0 1 first', 'invalid initial priority group number'],
  ['0 0 1 0', 'invalid initial priority group'],
  ['0 0 0 1', 'invalid initial priority group'],
  ['0 0 2 1 round-robin 0 1 0 disk0', 'priority group count mismatch'],
  ['0 0 0 0 round-robin 0 1 0 disk0', 'priority group count mismatch'],
  ['0 0 1 1 round-robin', 'not enough priority group arguments'],
  ['0 0 1 1 square-robin 0 1 0 disk0', 'unknown path selector type'],
  ['0 0 1 1 round-robin x 1 0 disk0', 'invalid number of path selector args'],
  ['0 0 1 1 round-robin 0', 'invalid number of paths'],
  ['0 0 1 1 round-robin 0 0 0', 'invalid number of paths'],
  ['0 0 1 1 round-robin 0 1', 'invalid number of selector args'],
  ['0 0 1 1 round-robin 0 1 x disk0', 'invalid number of selector args'],
  ['0 0 1 1 round-robin 0 2 1 disk0 1 disk1', 'not enough path parameters'],
  ['0 0 1 1 round-robin 0 1 0 disk9', 'error getting device'],
  ['0 0 1 1 round-robin 0 1 0 dm0', 'error getting device'],
  ['0 1 none 1 1 round-robin 0 1 0 disk0', 'error attaching hardware handler'],
  ['0 2 simulated soon 1 1 round-robin 0 1 0 disk0', 'simulated hwh: invalid time'],
  ['0 3 simulated 5 never 1 1 round-robin 0 1 0 disk0', 'simulated hwh: invalid answer never'],
  ['0 11 simulated 5 ok ok ok ok ok ok ok ok ok 1 1 round-robin 0 1 0 disk0', 'simulated hwh: too many answers'],
  ['0 0 1 1 round-robin 0 1 2 disk0 1 1', 'round-robin ps: incorrect number of arguments'],
  ['0 0 1 1 round-robin 0 1 1 disk0 often', 'round-robin ps: invalid repeat count'],
];

function* refuses(world: World, words: string): Kernel<string> {
  const md = yield* world.create();
  assert.equal(errnoText(yield* dmTableLoad(md, `0 8 multipath ${words}`)), '-EINVAL', words);
  assert.equal(world.log.at(-1), 'device-mapper: ioctl: error adding target to table');
  return (world.log.at(-2) ?? '').replace('device-mapper: table: 254:0: multipath: ', '');
}

for (const [words, reason] of wrong)
  kernelTest(
    `\`multipath ${words}\` is refused: ${reason}`,
    function* refused(world) {
      const disks = [yield* world.disk(), yield* world.disk()];
      assert.equal(yield* refuses(world, words), reason);
      for (const disk of disks) assert.equal(BlockDevice.at(disk.bdev).openCount, 0);
    },
    RUNS,
  );

kernelTest(
  'a path that is too small for the target is refused by name',
  function* small(world) {
    yield* world.disk();
    yield* world.disk();
    const md = yield* world.create();
    assert.equal(errnoText(yield* dmTableLoad(md, `0 12 error\n12 8 multipath 0 0 ${ONE_GROUP}`)), '-EINVAL');
    assert.equal(
      world.log.at(-2),
      'device-mapper: table: 254:0: disk0 too small for target: start=12, len=8, dev_size=16',
    );
  },
  RUNS,
);

kernelTest(
  'it stands beside other targets, and does not move sectors',
  function* beside(world) {
    const disk0 = yield* world.disk();
    const md = yield* world.device('0 2 zero\n2 4 multipath 0 0 1 1 round-robin 0 1 0 disk0\n6 2 linear disk0 8');
    assert.equal(yield* endOf(yield* write(md, 1, 7, 70)), '0');
    assert.deepEqual(
      [1, 2, 3, 4, 5, 8, 9].map((sector) => stored(disk0, sector)),
      [0, 71, 72, 73, 74, 75, 76],
    );
  },
  RUNS,
);
