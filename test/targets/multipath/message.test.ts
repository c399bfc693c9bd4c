import assert from 'node:assert/strict';
import { dmWaitEvent } from '../../../src/core/event.ts';
import { doResume, doSuspend } from '../../../src/core/ioctl.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../../src/core/suspend.ts';
import { dmTargetMessage } from '../../../src/core/target-message.ts';
import { errnoText } from '../../../src/machine/errno.ts';
import type { Kernel } from '../../../src/machine/kernel.ts';
import { endOf, hasEnded, kernelTest, stored, type World, write } from '../../support/kernel.ts';
import {
  breakPath,
  multipathOf,
  ONE_GROUP,
  type Paths,
  pathsOf,
  QUEUEING,
  rested,
  status,
  TWO_GROUPS,
  table,
  tell,
} from './support.ts';

/** Events of the device so far, when kmultipathd has nothing left to say. */
function* events({ md }: Paths): Kernel<number> {
  yield* rested();
  return yield* md.eventNr.read(HERE);
}

/** Sends a message that must be refused; gives what the kernel log says. */
function* refused(world: World, { md }: Paths, text: string, sector = 0): Kernel<string> {
  const before = world.log.length;
  assert.equal(errnoText(yield* dmTargetMessage(md, sector, text)), '-EINVAL', text);
  return world.log.slice(before).join('\n');
}

kernelTest('fail_path and reinstate_path change the path and make an event, once', function* paths(world) {
  const paths = yield* pathsOf(world, `0 0 ${ONE_GROUP}`);
  const { md } = paths;
  for (const [text, line, count] of [
    ['reinstate_path disk0', 'E 0 2 0 1:0 A 0 1:1 A 0 ', 0],
    ['fail_path disk0', 'E 0 2 0 1:0 F 1 1:1 A 0 ', 1],
    ['fail_path 1:0', 'E 0 2 0 1:0 F 1 1:1 A 0 ', 1],
    ['reinstate_path 1:0', 'E 0 2 0 1:0 A 1 1:1 A 0 ', 2],
    ['reinstate_path disk0', 'E 0 2 0 1:0 A 1 1:1 A 0 ', 2],
    ['fail_path disk0', 'E 0 2 0 1:0 F 2 1:1 A 0 ', 3],
  ] as const) {
    yield* tell(md, text);
    assert.equal(yield* status(md), `2 1 0 0 1 1 ${line}`);
    assert.equal(yield* events(paths), count, text);
  }
  assert.deepEqual(
    world.log.filter((line) => line.includes('Failing')),
    ['device-mapper: multipath: 254:0: Failing path 1:0.', 'device-mapper: multipath: 254:0: Failing path 1:0.'],
  );
});

kernelTest('a path in two groups fails in both', function* both(world) {
  const { md } = yield* pathsOf(world, '0 0 2 1 round-robin 0 1 0 disk0 round-robin 0 2 0 disk0 disk1');
  yield* tell(md, 'fail_path disk0');
  assert.equal(multipathOf(md).nrValidPaths, 1);
  assert.equal(yield* status(md), '2 1 0 0 2 1 E 0 1 0 1:0 F 1 E 0 2 0 1:0 F 1 1:1 A 0 ');
});

kernelTest(
  'queue_if_no_path and fail_if_no_path switch queueing, and what is queued then fails',
  function* queue(world) {
    const { md } = yield* pathsOf(world, `0 0 ${ONE_GROUP}`);
    for (const disk of ['disk0', 'disk1']) yield* tell(md, `fail_path ${disk}`);
    assert.equal(yield* endOf(yield* write(md, 0)), '-EIO');
    yield* tell(md, 'queue_if_no_path');
    assert.match(yield* table(md), /^1 queue_if_no_path 0 /);
    const io = yield* write(md, 0);
    assert(!hasEnded(io));
    yield* tell(md, 'fail_if_no_path');
    assert.match(yield* table(md), /^0 0 /);
    assert.equal(yield* endOf(io), '-EIO');
  },
);

kernelTest('switch_group sends I/O to another group and forgets what was bypassed', function* switches(world) {
  const { md, disks } = yield* pathsOf(world, `0 0 ${TWO_GROUPS}`);
  yield* tell(md, 'disable_group 2');
  yield* tell(md, 'switch_group 2');
  // The line names the group that I/O will go to.
  assert.equal(yield* status(md), '2 1 0 0 2 2 E 0 1 0 1:0 A 0 E 0 1 0 1:1 A 0 ');
  assert.equal(yield* endOf(yield* write(md, 0, 1, 5)), '0');
  assert.deepEqual([stored(disks[0], 0), stored(disks[1], 0)], [0, 5]);
  assert.equal(yield* status(md), '2 0 0 0 2 2 E 0 1 0 1:0 A 0 A 0 1 0 1:1 A 0 ');
});

kernelTest(
  'a disabled group is used only when nothing else works, an enabled one in its turn',
  function* disable(world) {
    const { md, disks } = yield* pathsOf(world, `0 0 ${TWO_GROUPS}`);
    assert.equal(yield* endOf(yield* write(md, 0, 1, 4)), '0');
    yield* tell(md, 'disable_group 1');
    assert.equal(yield* endOf(yield* write(md, 0, 1, 5)), '0');
    assert.deepEqual([stored(disks[0], 0), stored(disks[1], 0)], [4, 5]);
    assert.equal(yield* status(md), '2 0 0 0 2 2 D 0 1 0 1:0 A 0 A 0 1 0 1:1 A 0 ');
    yield* tell(md, 'fail_path disk1');
    assert.equal(yield* endOf(yield* write(md, 0, 1, 6)), '0');
    assert.equal(stored(disks[0], 0), 6);
    // The current group's letter is D all the same.
    assert.equal(yield* status(md), '2 0 0 0 2 1 D 0 1 0 1:0 A 0 E 0 1 0 1:1 F 1 ');
    yield* tell(md, 'reinstate_path disk1');
    yield* tell(md, 'enable_group 1');
    assert.equal(yield* endOf(yield* write(md, 0, 1, 7)), '0');
    assert.equal(stored(disks[0], 0), 7);
    assert.equal(yield* status(md), '2 0 0 0 2 1 A 0 1 0 1:0 A 0 E 0 1 0 1:1 A 1 ');
  },
);

kernelTest('the group that a table begins with takes the first I/O even when it is disabled', function* first(world) {
  const { md, disks } = yield* pathsOf(world, `0 0 ${TWO_GROUPS}`);
  yield* tell(md, 'disable_group 1');
  assert.equal(yield* endOf(yield* write(md, 0, 1, 5)), '0');
  assert.deepEqual([stored(disks[0], 0), stored(disks[1], 0)], [5, 0]);
});

kernelTest('each change wakes who waits for an event of the device', function* wakes(world) {
  const paths = yield* pathsOf(world, `0 0 ${TWO_GROUPS}`);
  let count = yield* events(paths);
  for (const text of [
    'fail_path disk0',
    'reinstate_path disk0',
    'switch_group 2',
    'disable_group 1',
    'enable_group 1',
  ]) {
    const seen = count;
    const waiter = world.start(1, function* waits(): Kernel<void> {
      assert.equal(yield* dmWaitEvent(paths.md, seen), 0);
    });
    yield* tell(paths.md, text);
    yield* waiter.join();
    count = yield* events(paths);
    assert.equal(count, seen + 1, text);
  }
});

kernelTest('a path that fails under I/O makes an event', function* underIo(world) {
  const paths = yield* pathsOf(world, `0 0 ${TWO_GROUPS}`, 'hardirq');
  yield* breakPath(paths.disks[0]);
  assert.equal(yield* endOf(yield* write(paths.md, 0)), '0');
  assert.equal(yield* events(paths), 1);
});

kernelTest('messages are taken while the device is suspended, and mean the same', function* suspended(world) {
  const paths = yield* pathsOf(world, `${QUEUEING} ${ONE_GROUP}`);
  const { md } = paths;
  assert.equal(yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG), 0);
  yield* tell(md, 'fail_path disk0');
  yield* tell(md, 'fail_if_no_path');
  assert.equal(yield* events(paths), 1);
  assert.equal(yield* doResume(md, 0), 0);
  assert.match(yield* table(md), /^0 0 /);
  assert.match(yield* status(md), /1:0 F 1 1:1 A 0 $/);
});

kernelTest('a wrong message is refused, and the log says why', function* wrong(world) {
  const paths = yield* pathsOf(world, `0 0 ${ONE_GROUP}`);
  const arity = (got: number): string =>
    `device-mapper: multipath: Invalid multipath message arguments. Expected 2 arguments, got ${got}.`;
  for (const [text, line] of [
    ['bogus', arity(1)],
    ['fail_path', arity(1)],
    ['fail_path disk0 disk1', arity(3)],
    ['queue_if_no_path now', 'device-mapper: multipath: Unrecognised multipath message received: queue_if_no_path'],
    ['bogus disk0', 'device-mapper: multipath: Unrecognised multipath message received: bogus'],
    ['fail_path disk9', 'device-mapper: multipath: message: error getting device disk9'],
    ['reinstate_path dm0', 'device-mapper: multipath: message: error getting device dm0'],
    ['switch_group 0', 'device-mapper: multipath: invalid PG number supplied to switch_pg_num'],
    ['switch_group 2', 'device-mapper: multipath: invalid PG number supplied to switch_pg_num'],
    ['disable_group one', 'device-mapper: multipath: invalid PG number supplied to bypass_pg'],
    ['enable_group 9', 'device-mapper: multipath: invalid PG number supplied to bypass_pg'],
  ] as const)
    assert.equal(yield* refused(world, paths, text), line);
  assert.equal(yield* events(paths), 0);
});

kernelTest('a device that is no path of the target is refused, and closed again', function* stranger(world) {
  const paths = yield* pathsOf(world, '0 0 1 1 round-robin 0 1 0 disk0');
  assert.equal(yield* refused(world, paths, 'fail_path disk1'), '');
  assert.equal(multipathOf(paths.md).nrValidPaths, 1);
});

kernelTest('messages go to the target that serves the sector', function* sectors(world) {
  yield* world.disk();
  const line = 'multipath 0 0 1 1 round-robin 0 1 0 disk0';
  const md = yield* world.device(`0 2 ${line}\n2 3 ${line}\n5 1 zero`);
  yield* tell(md, '  fail_path\tdisk0 ', 4);
  assert.deepEqual([multipathOf(md, 0).nrValidPaths, multipathOf(md, 1).nrValidPaths], [1, 0]);
});

kernelTest('the core refuses what is for no target', function* core(world) {
  yield* world.disk();
  const md = yield* world.device('0 4 linear disk0 0');
  const bare = yield* world.create();
  for (const [device, sector, text, line] of [
    [md, 0, ' ', 'Empty message received.'],
    [md, 0, '@bogus 1', 'Unsupported message sent to DM core: @bogus'],
    [md, 4, 'hello', 'Target message sector outside device.'],
    [md, 3, 'hello', 'Target type does not support messages'],
    [bare, 0, 'hello', 'The device has no table.'],
  ] as const) {
    assert.equal(errnoText(yield* dmTargetMessage(device, sector, text)), '-EINVAL');
    assert.equal(world.log.at(-1), `device-mapper: ioctl: ${line}`);
  }
});
