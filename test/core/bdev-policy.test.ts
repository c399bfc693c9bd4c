/**
 * Resizing a device under noflush by each policy of spec B11: the acceptance cases of seed 004 (spec E4, S4).
 */
import assert from 'node:assert/strict';
import { fsFsync, fsWrite, mountBdev, type SuperBlock, umountBdev } from '../../src/block/file-system.ts';
import { bdlookup, bdput, Inode } from '../../src/block/inode.ts';
import { writebackSingleInode } from '../../src/block/page-cache.ts';
import {
  bdgetAlways,
  bdgetUnlessNoflush,
  bdlookupInNoflush,
  heldForLife,
  iSizeWriteUnderIMutex,
} from '../../src/core/bdev-policy.ts';
import { dmTableStatus, doResume, doSuspend } from '../../src/core/ioctl.ts';
import type { MappedDevice } from '../../src/core/mapped-device.ts';
import type { Seams } from '../../src/core/seams.ts';
import { DM_SUSPEND_NOFLUSH_FLAG, dmSuspended } from '../../src/core/suspend.ts';
import { EINVAL, errnoText } from '../../src/machine/errno.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { NO_PATH, PathTarget } from '../../src/scenarios/path-target.ts';
import { memory } from '../../src/shared/memory.ts';
import { bdevOf, endOf, kernelTest, load, read, type Started, until, type World, write } from '../support/kernel.ts';
import type { ExpectedFinding } from '../support/model.ts';

const POLICIES = [
  { policy: bdgetAlways, resizes: true, holds: 'in every suspend' },
  { policy: bdgetUnlessNoflush, resizes: false, holds: 'in a flushing suspend' },
  { policy: bdlookupInNoflush, resizes: true, holds: 'in every suspend if it is in memory' },
  { policy: heldForLife, resizes: true, holds: 'for life' },
] as const;

/** A policy where an fsync of the device's file does not stop a resize, and where it does. */
const SIZE_WRITES: readonly { readonly how: string; readonly swaps: Partial<Seams> }[] = [
  { how: 'without i_mutex', swaps: {} },
  { how: 'under i_mutex', swaps: { iSizeWrite: iSizeWriteUnderIMutex } },
];

const SMALL = '0 4 linear disk0 0';
const LARGE = '0 6 linear disk0 0';

function* capacityOf(md: MappedDevice): Kernel<number> {
  return yield* bdevOf(md).capacity.read(HERE);
}

/** Size in the inode, −1 when there is none in memory. */
function* iSizeOf(md: MappedDevice): Kernel<number> {
  const inode = yield* bdlookup(bdevOf(md));
  if (inode === null) return -1;
  const size = yield* inode.iSize.read(HERE);
  yield* bdput(inode);
  return size;
}

/** Suspends with noflush, binds a table and resumes; gives what the resume says. */
function* replace(md: MappedDevice, table: string): Kernel<number> {
  yield* load(md, table);
  assert.equal(yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG), 0);
  return yield* doResume(md, DM_SUSPEND_NOFLUSH_FLAG);
}

function* mount(): Kernel<SuperBlock> {
  const sb = yield* mountBdev('dm0');
  assert(typeof sb !== 'number', 'mount fails');
  return sb;
}

/** A device that keeps I/O for want of a path. */
function* withoutPath(world: World): Kernel<MappedDevice> {
  const path = new PathTarget(NO_PATH);
  path.init();
  return yield* world.device(`0 4 scripted disk0 0 ${world.script(path)}`);
}

for (const { policy, resizes, holds } of POLICIES) {
  const swaps = { bdevPolicy: policy };

  kernelTest(
    `${policy.name}: a noflush suspend ${resizes ? 'resizes' : 'refuses to resize'} a device whose inode nobody has`,
    function* absent(world) {
      yield* world.disk();
      const md = yield* world.device(SMALL);
      const inMemory = policy === heldForLife;
      assert.equal(yield* iSizeOf(md), inMemory ? 4 : -1);
      assert.equal(yield* replace(md, LARGE), resizes ? 0 : -EINVAL);
      assert.equal(yield* capacityOf(md), resizes ? 6 : 4);
      assert.equal(yield* iSizeOf(md), inMemory ? 6 : -1);
      assert.equal(yield* dmSuspended(md), !resizes);
      assert.equal(yield* dmTableStatus(md, false), `0 ${resizes ? 6 : 4} linear 1:0 0`);
      if (!resizes) assert.equal(yield* replaceSuspended(md, '0 4 zero'), 0);
    },
    { swaps },
  );

  kernelTest(
    `${policy.name}: a flushing suspend resizes the inode too, which is held ${holds}`,
    function* flushing(world) {
      yield* world.disk();
      const md = yield* world.device(SMALL);
      const sb = yield* mount();
      yield* load(md, LARGE);
      assert.equal(yield* doSuspend(md, 0), 0);
      assert.notEqual(md.suspendedBdev, 0);
      assert.equal(yield* doResume(md, 0), 0);
      assert.deepEqual([yield* capacityOf(md), yield* iSizeOf(md)], [6, 6]);
      assert.equal(md.suspendedBdev !== 0, policy === heldForLife);
      yield* umountBdev(sb);
    },
    { swaps },
  );

  kernelTest(
    `${policy.name}: a bio that is parked beyond the new end fails, and one before it does not`,
    function* shrunk(world) {
      yield* world.disk();
      const md = yield* withoutPath(world);
      const sb = yield* mount();
      const [inside, beyond] = [yield* write(md, 1), yield* write(md, 3)];
      const result = yield* replace(md, '0 2 linear disk0 0');
      assert.equal(result, resizes ? 0 : -EINVAL);
      if (!resizes) assert.equal(yield* replaceSuspended(md, SMALL), 0);
      assert.equal(yield* endOf(inside), '0');
      assert.equal(yield* endOf(beyond), resizes ? '-EIO' : '0');
      yield* umountBdev(sb);
    },
    { swaps },
  );

  if (resizes) {
    kernelTest(
      `${policy.name}: the sectors of a device that has grown are there after the resume, and were not before`,
      function* grown(world) {
        yield* world.disk();
        const md = yield* withoutPath(world);
        const held = yield* write(md, 0);
        assert.equal(yield* endOf(yield* read(md, 5)), '-EIO');
        assert.equal(yield* replace(md, LARGE), 0);
        assert.equal(yield* endOf(held), '0');
        assert.equal(yield* endOf(yield* read(md, 5)), '0');
      },
      { swaps },
    );

    kernelTest(
      `${policy.name}: two who resize at once, and one who mounts, leave one size everywhere`,
      function* rivals(world) {
        yield* world.disk();
        const md = yield* world.device(SMALL);
        const resizer = (cpu: number, size: number): Started =>
          world.start(cpu, function* resize(): Kernel<void> {
            yield* load(md, `0 ${size} linear disk0 0`);
            yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG);
            // The other one's resume may come in between.
            const result = yield* doResume(md, DM_SUSPEND_NOFLUSH_FLAG);
            assert([0, -EINVAL].includes(result), errnoText(result));
          });
        const started = [resizer(1, 5), resizer(2, 7)];
        const sb = yield* mount();
        for (const { join } of started) yield* join();
        yield* doResume(md, DM_SUSPEND_NOFLUSH_FLAG);
        const capacity = yield* capacityOf(md);
        assert.equal(yield* iSizeOf(md), capacity);
        assert.equal(yield* dmTableStatus(md, false), `0 ${capacity} linear 1:0 0`);
        yield* umountBdev(sb);
      },
      { swaps, runs: 300 },
    );
  }
}

/** The device is suspended already. */
function* replaceSuspended(md: MappedDevice, table: string): Kernel<number> {
  yield* load(md, table);
  return yield* doResume(md, DM_SUSPEND_NOFLUSH_FLAG);
}

const I51 = (lock: string): ExpectedFinding => ({
  kind: 'deadlock',
  invariant: 'I51',
  message: new RegExp(`holds suspend_lock of dm0 and waits for ${lock}`),
});

/** Somebody waits for a write that the target keeps, with a lock of the inode held; the way out is another table. */
function* parkedHolder(world: World, resizes: boolean, hold: (sb: SuperBlock) => Kernel<void>): Kernel<void> {
  yield* world.disk();
  const md = yield* withoutPath(world);
  const sb = yield* mount();
  yield* fsWrite(sb, 0, 7);
  const holder = world.start(1, () => hold(sb));
  const { writeback } = Inode.at(sb.inode);
  yield* until(() => memory.words[writeback.word] !== 0);
  assert.equal(yield* replace(md, LARGE), resizes ? 0 : -EINVAL);
  if (!resizes) assert.equal(yield* replaceSuspended(md, SMALL), 0);
  yield* holder.join();
  yield* umountBdev(sb);
}

for (const { policy, resizes } of POLICIES)
  for (const { how, swaps } of SIZE_WRITES) {
    const gets = policy === bdgetAlways;
    kernelTest(
      `${policy.name}, ${how}: an inode that is being written back ${gets ? 'stalls' : 'does not stall'} a noflush suspend`,
      (world) => parkedHolder(world, resizes, (sb) => writebackSingleInode(Inode.at(sb.inode))),
      { swaps: { ...swaps, bdevPolicy: policy }, ...(gets ? { finding: I51('I_LOCK of an inode') } : {}) },
    );
    const mutex = resizes && how === 'under i_mutex';
    kernelTest(
      `${policy.name}, ${how}: an fsync that waits for a path ${mutex ? 'stalls' : 'does not stall'} the resize`,
      (world) =>
        parkedHolder(world, resizes, function* fsync(sb): Kernel<void> {
          assert.equal(yield* fsFsync(sb), 0);
        }),
      { swaps: { ...swaps, bdevPolicy: policy }, ...(mutex ? { finding: I51('i_mutex') } : {}) },
    );
  }
