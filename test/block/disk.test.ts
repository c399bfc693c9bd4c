import assert from 'node:assert/strict';
import { test } from 'tap';
import { REQ_WRITE } from '../../src/block/bio.ts';
import { BlockDevice } from '../../src/block/block-device.ts';
import { DISK_MODES, type Disk, type DiskOptions } from '../../src/block/disk.ts';
import { hangDisk, releaseDisk } from '../../src/block/disk-faults.ts';
import { Alarm } from '../../src/irq/alarm.ts';
import { CHOICE_LATENCY, type ChoiceKind, type Kernel, resolved } from '../../src/machine/kernel.ts';
import { bindOperations, ops } from '../../src/machine/operations.ts';
import { type IoRequest, submitIo, type UserIo, waitIo } from '../../src/scenarios/user-io.ts';
import { memory } from '../../src/shared/memory.ts';
import { cpu, cpuBase } from '../../src/shared/per-cpu.ts';
import { CPU_HARDIRQ_DEPTH, CPU_SOFTIRQ_DEPTH } from '../../src/shared/per-cpu-layout.ts';
import { DISK_SECTORS, endOf, hasEnded, kernelTest, runKernel, stored, type World, write } from '../support/kernel.ts';

/** I/O to the disk itself. */
const io = (disk: Disk, request: Partial<IoRequest>): Kernel<UserIo> =>
  submitIo(BlockDevice.at(disk.bdev), { sector: 0, size: 1, flags: 0, stamp: 0, ...request });
const put = (disk: Disk, sector: number, stamp: number, size = 1): Kernel<UserIo> =>
  io(disk, { sector, size, stamp, flags: REQ_WRITE });

for (const mode of DISK_MODES) {
  kernelTest(`a ${mode} disk stores what is written and gives it back`, function* data(world) {
    const disk = yield* world.disk({ mode });
    assert.equal(yield* endOf(yield* put(disk, 3, 70, 4)), '0');
    assert.deepEqual(
      [2, 3, 6, 7].map((sector) => stored(disk, sector)),
      [0, 70, 73, 0],
    );
    assert.deepEqual(yield* waitIo(yield* io(disk, { sector: 5 })), { error: 0, value: 72 });
    assert.deepEqual(yield* waitIo(yield* io(disk, { sector: DISK_SECTORS - 1 })), { error: 0, value: 0 });
  });

  kernelTest(`a ${mode} disk refuses what lies beyond its end`, function* beyond(world) {
    const disk = yield* world.disk({ mode });
    assert.equal(yield* endOf(yield* put(disk, DISK_SECTORS - 1, 1, 2)), '-EIO');
    assert.equal(stored(disk, DISK_SECTORS - 1), 0);
  });

  kernelTest(
    `a ${mode} disk fails as often as it is told, moves no data then, and works again`,
    function* faults(world) {
      const disk = yield* world.disk({ mode });
      yield* disk.failNext.set(2, HERE);
      const ends: string[] = [];
      for (let i = 0; i < 4; i++) ends.push(yield* endOf(yield* put(disk, i, 90 + i)));
      assert.deepEqual(ends, ['-EIO', '-EIO', '0', '0']);
      assert.deepEqual(
        [0, 1, 2, 3].map((sector) => stored(disk, sector)),
        [0, 0, 92, 93],
      );
    },
  );

  kernelTest(
    `a fault of a ${mode} disk hits one of those who come at once`,
    function* oneFault(world) {
      const disk = yield* world.disk({ mode });
      yield* disk.failNext.set(1, HERE);
      const ends: string[] = [];
      const tasks = [0, 1, 2].map((number) =>
        world.start(number, function* writer(): Kernel<void> {
          ends.push(yield* endOf(yield* put(disk, number, 5)));
        }),
      );
      for (const { join } of tasks) yield* join();
      assert.deepEqual(ends.sort(), ['-EIO', '0', '0']);
      assert.equal(yield* disk.failNext.read(HERE), 0);
    },
    { runs: 300 },
  );
}

for (const mode of ['hardirq', 'softirq'] as const)
  kernelTest(
    `a ${mode} disk that hangs ends nothing until it is released, and then all`,
    function* hang(world) {
      const [hung, other] = [yield* world.disk({ mode }), yield* world.disk({ mode })];
      yield* hangDisk(hung);
      const ios = [yield* put(hung, 0, 1), yield* put(hung, 1, 2)];
      for (let i = 0; i < 3; i++) assert.equal(yield* endOf(yield* put(other, i, 3)), '0');
      assert(!ios.some(hasEnded));
      yield* releaseDisk(hung);
      ios.push(yield* put(hung, 2, 4));
      for (const each of ios) assert.equal(yield* endOf(each), '0');
      assert.deepEqual(
        [0, 1, 2].map((sector) => stored(hung, sector)),
        [1, 2, 4],
      );
    },
    { runs: 100 },
  );

for (const mode of ['hardirq', 'softirq'] as const)
  kernelTest(
    `of several bios of a ${mode} disk that end on one CPU none is lost, however their interrupts fall`,
    function* crowd(world) {
      const disk = yield* world.disk({ mode });
      const ios: UserIo[] = [];
      for (let i = 0; i < 4; i++) ios.push(yield* put(disk, i, 10));
      for (const each of ios) assert.equal(yield* endOf(each), '0');
    },
    { runs: 1000 },
  );

/** Where the clones of a linear-like target end: the context, and the CPU. */
function* whereItEnds(world: World, options: Partial<DiskOptions>): Kernel<string> {
  yield* world.disk(options);
  let place = '';
  const script = world.script({
    endIo() {
      const w = memory.words;
      const depth = [w[cpuBase + CPU_HARDIRQ_DEPTH], w[cpuBase + CPU_SOFTIRQ_DEPTH]];
      place = `hard ${depth[0]} soft ${depth[1]} cpu ${cpu}`;
      return resolved(0);
    },
  });
  const md = yield* world.device(`0 4 scripted disk0 0 ${script}`);
  assert.equal(yield* endOf(yield* write(md, 0)), '0');
  return place;
}

/** Where bios end, over many schedules. */
function places(options: Partial<DiskOptions>): string[] {
  const { finding, outcomes } = runKernel(
    function* ends(world) {
      world.outcome = yield* whereItEnds(world, options);
    },
    { runs: 100 },
  );
  assert.equal(finding, null);
  return [...outcomes.keys()].sort();
}

test('an inline disk ends a bio in the submitter, a hardirq disk in the hard interrupt, a softirq disk in the softirq', async (t) => {
  t.strictSame(places({ mode: 'inline' }), ['hard 0 soft 0 cpu 0']);
  t.strictSame(places({ mode: 'hardirq' }), ['hard 1 soft 0 cpu 0']);
  t.strictSame(places({ mode: 'softirq' }), ['hard 0 soft 1 cpu 0']);
});

test('a disk interrupts the CPU that submitted, or any one if it is told so', async (t) => {
  t.strictSame(
    places({ mode: 'hardirq', anyCpu: true }),
    [0, 1, 2].map((number) => `hard 1 soft 0 cpu ${number}`),
  );
  t.strictSame(
    places({ mode: 'softirq', anyCpu: true }),
    [0, 1, 2].map((number) => `hard 0 soft 1 cpu ${number}`),
  );
});

test('a disk takes its shortest service time, or up to its spread longer', async (t) => {
  // A service time means nothing on the model machine, which always answers 0: the test answers in its place.
  const spreads = new Set<number>();
  let asked = 0;
  const answer = (kind: ChoiceKind, count: number): Kernel<number> => {
    assert.equal(kind, CHOICE_LATENCY);
    spreads.add(count);
    return resolved(asked++ % count);
  };
  const { finding, outcomes } = runKernel(
    function* serviceTime(world) {
      const disk = yield* world.disk({ mode: 'hardirq', latencyUs: [2, 4] });
      const begin = ops.nowUs();
      bindOperations({ ...ops, choice: answer });
      const each = yield* put(disk, 0, 1);
      // Until the interrupt actor takes a request it says how long it shall last, and from then on when it ends.
      const due = Alarm.live()[0]?.dueUs ?? begin;
      world.outcome = due >= begin ? 'taken' : String(due);
      yield* waitIo(each);
    },
    { runs: 200 },
  );
  t.equal(finding, null);
  t.strictSame([...spreads], [4]);
  t.strictSame([...outcomes.keys()].filter((outcome) => outcome !== 'taken').sort(), ['2', '3', '4', '5']);
});

test('two bios of a disk may end in either order', async (t) => {
  const { finding, outcomes } = runKernel(
    function* race(world) {
      const disk = yield* world.disk({ mode: 'hardirq', anyCpu: true });
      const order: string[] = [];
      const tasks = [1, 2].map((number) =>
        world.start(number, function* writer(): Kernel<void> {
          yield* endOf(yield* put(disk, number, number));
          order.push(String(number));
        }),
      );
      for (const { join } of tasks) yield* join();
      world.outcome = order.join();
    },
    { runs: 200 },
  );
  t.equal(finding, null);
  t.strictSame([...outcomes.keys()].sort(), ['1,2', '2,1']);
});
