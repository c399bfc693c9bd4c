/**
 * A suspend that freezes the file system of its device, and one that must not; what is left when it fails.
 */
import assert from 'node:assert/strict';
import { hangDisk, releaseDisk } from '../../src/block/disk-faults.ts';
import {
  freezeBdev,
  fsFsync,
  fsWrite,
  mountBdev,
  SB_FREEZE_TRANS,
  SB_UNFROZEN,
  type SuperBlock,
  thawBdev,
  umountBdev,
} from '../../src/block/file-system.ts';
import { Inode } from '../../src/block/inode.ts';
import { bdgetAlways } from '../../src/core/bdev-policy.ts';
import { dmTableEvent } from '../../src/core/device-mapper.ts';
import { dmWaitEvent } from '../../src/core/event.ts';
import { DM_SKIP_LOCKFS_FLAG, dmRemove, doResume, doSuspend } from '../../src/core/ioctl.ts';
import {
  DMF_BLOCK_IO_FOR_SUSPEND,
  DMF_FROZEN,
  DMF_NOFLUSH_SUSPENDING,
  DMF_SUSPENDED,
  MappedDevice,
  SUSPEND_PHASES,
} from '../../src/core/mapped-device.ts';
import { DM_SUSPEND_LOCKFS_FLAG, DM_SUSPEND_NOFLUSH_FLAG, dmResume, dmSuspend } from '../../src/core/suspend.ts';
import { EBUSY, EINTR, EINVAL, EIO, ENOMEM } from '../../src/machine/errno.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { NO_PATH, PathTarget } from '../../src/scenarios/path-target.ts';
import { sendSignal } from '../../src/shared/task.ts';
import {
  bdevOf,
  endOf,
  kernelTest,
  type Started,
  stored,
  targetOf,
  until,
  type World,
  write,
} from '../support/kernel.ts';

const TABLE = '0 4 linear disk0 0';

function* mount(readOnly = false): Kernel<SuperBlock> {
  const sb = yield* mountBdev('dm0', readOnly);
  assert(typeof sb !== 'number', 'mount fails');
  return sb;
}

function* flagsOf(md: MappedDevice): Kernel<number> {
  return (
    (yield* md.flags.read(HERE)) & (DMF_BLOCK_IO_FOR_SUSPEND | DMF_SUSPENDED | DMF_NOFLUSH_SUSPENDING | DMF_FROZEN)
  );
}

const inPhase = (md: MappedDevice, phase: (typeof SUSPEND_PHASES)[number]) => (): boolean =>
  md.phase.value === SUSPEND_PHASES.indexOf(phase);

/** Suspends on another CPU, and notes what that gives. */
function suspendOn(world: World, cpu: number, md: MappedDevice, flags: number): { started: Started; result: number[] } {
  const result: number[] = [];
  const started = world.start(cpu, function* suspend(): Kernel<void> {
    result.push(yield* dmSuspend(md, flags));
  });
  return { started, result };
}

kernelTest('a suspend writes what is dirty, and freezes until the resume', function* freezes(world) {
  const disk = yield* world.disk({ mode: 'hardirq' });
  const md = yield* world.device(TABLE);
  const sb = yield* mount();
  yield* fsWrite(sb, 2, 7);
  assert.equal(stored(disk, 2), 0);
  assert.equal(yield* doSuspend(md, 0), 0);
  assert.equal(stored(disk, 2), 7);
  assert.equal(yield* sb.frozen.read(HERE), SB_FREEZE_TRANS);
  assert.equal(yield* flagsOf(md), DMF_BLOCK_IO_FOR_SUSPEND | DMF_SUSPENDED | DMF_FROZEN);
  assert.equal(yield* doResume(md, 0), 0);
  assert.equal(yield* sb.frozen.read(HERE), SB_UNFROZEN);
  assert.equal(yield* flagsOf(md), 0);
  yield* umountBdev(sb);
});

for (const { how, flags } of [
  { how: 'noflush', flags: DM_SUSPEND_NOFLUSH_FLAG },
  { how: 'nolockfs', flags: DM_SKIP_LOCKFS_FLAG },
])
  kernelTest(`a ${how} suspend freezes nothing: writers go on, and what is dirty stays`, function* skips(world) {
    const disk = yield* world.disk();
    const md = yield* world.device(TABLE);
    const sb = yield* mount();
    yield* fsWrite(sb, 0, 7);
    assert.equal(yield* doSuspend(md, flags), 0);
    assert.equal((yield* flagsOf(md)) & DMF_FROZEN, 0);
    yield* fsWrite(sb, 1, 8);
    assert.equal(stored(disk, 0), 0);
    assert.equal(yield* doResume(md, 0), 0);
    assert.equal(yield* fsFsync(sb), 0);
    assert.deepEqual([stored(disk, 0), stored(disk, 1)], [7, 8]);
    yield* umountBdev(sb);
  });

kernelTest('a writer waits while the file system is frozen', function* waits(world) {
  const disk = yield* world.disk();
  const md = yield* world.device(TABLE);
  const sb = yield* mount();
  assert.equal(yield* doSuspend(md, 0), 0);
  let done = false;
  const { task, join } = world.start(1, function* writer(): Kernel<void> {
    yield* fsWrite(sb, 0, 7);
    done = true;
    assert.equal(yield* fsFsync(sb), 0);
  });
  yield* until(() => task.blockedOn === sb.sWaitUnfrozen.word);
  assert.equal(done, false);
  yield* sendSignal(task, HERE);
  assert.equal(yield* doResume(md, 0), 0);
  yield* join();
  assert.equal(stored(disk, 0), 7);
  yield* umountBdev(sb);
});

kernelTest('a device without a file system is frozen too, and nobody can mount one', function* bare(world) {
  yield* world.disk();
  const md = yield* world.device(TABLE);
  assert.equal(yield* doSuspend(md, 0), 0);
  assert.equal((yield* flagsOf(md)) & DMF_FROZEN, DMF_FROZEN);
  assert.equal(yield* mountBdev('dm0'), -EBUSY);
  assert.equal(yield* doResume(md, 0), 0);
  yield* umountBdev(yield* mount());
});

kernelTest('a file system that is mounted read-only is not told of the freeze', function* readOnly(world) {
  yield* world.disk();
  const md = yield* world.device(TABLE);
  const sb = yield* mount(true);
  assert.equal(yield* doSuspend(md, 0), 0);
  assert.deepEqual([(yield* flagsOf(md)) & DMF_FROZEN, yield* sb.frozen.read(HERE)], [DMF_FROZEN, SB_UNFROZEN]);
  assert.equal(yield* doResume(md, 0), 0);
  yield* umountBdev(sb);
});

kernelTest(
  'a suspend that is interrupted after the freeze thaws again',
  function* interrupted(world) {
    const disk = yield* world.disk({ mode: 'hardirq' });
    const md = yield* world.device(TABLE);
    const sb = yield* mount();
    yield* hangDisk(disk);
    const io = yield* write(md, 0);
    const { started, result } = suspendOn(world, 1, md, DM_SUSPEND_LOCKFS_FLAG);
    yield* until(inPhase(md, 'wait'));
    assert.equal(yield* sb.frozen.read(HERE), SB_FREEZE_TRANS);
    yield* sendSignal(started.task, HERE);
    yield* started.join();
    assert.deepEqual(result, [-EINTR]);
    assert.deepEqual([yield* flagsOf(md), yield* sb.frozen.read(HERE)], [0, SB_UNFROZEN]);
    yield* releaseDisk(disk);
    assert.equal(yield* endOf(io), '0');
    yield* umountBdev(sb);
  },
  { runs: 60 },
);

kernelTest(
  'a signal does not interrupt the freeze itself',
  function* uninterruptible(world) {
    const disk = yield* world.disk({ mode: 'hardirq' });
    const md = yield* world.device(TABLE);
    const sb = yield* mount();
    yield* fsWrite(sb, 0, 7);
    yield* hangDisk(disk);
    const { started, result } = suspendOn(world, 1, md, DM_SUSPEND_LOCKFS_FLAG);
    yield* until(inPhase(md, 'freeze'));
    yield* sendSignal(started.task, HERE);
    yield* releaseDisk(disk);
    yield* started.join();
    // When the wait came, nothing was in flight any more.
    assert.deepEqual(result, [0]);
    assert.equal(stored(disk, 0), 7);
    assert.equal(yield* dmResume(md), 0);
    yield* umountBdev(sb);
  },
  { runs: 60 },
);

kernelTest(
  'the freeze of a suspend and that of a user count: the last thaw counts',
  function* counted(world) {
    yield* world.disk();
    const md = yield* world.device(TABLE);
    const sb = yield* mount();
    const inode = Inode.at(sb.inode);
    const frozen = yield* freezeBdev(inode);
    assert.equal(frozen, sb.handle);
    assert.equal(yield* doSuspend(md, 0), 0);
    assert.equal(inode.fsfreezeCount, 2);
    assert.equal(yield* thawBdev(inode, frozen), 0);
    assert.equal(yield* sb.frozen.read(HERE), SB_FREEZE_TRANS);
    assert.equal(yield* doResume(md, 0), 0);
    assert.equal(yield* sb.frozen.read(HERE), SB_UNFROZEN);
    assert.equal(yield* thawBdev(inode, frozen), -EINVAL);
    yield* umountBdev(sb);
  },
  { runs: 20 },
);

kernelTest('a mounted device cannot be removed, a frozen one that nobody has open can', function* removed(world) {
  yield* world.disk();
  const md = yield* world.device(TABLE);
  const sb = yield* mount();
  assert.equal(yield* dmRemove(md), -EBUSY);
  yield* umountBdev(sb);
  assert.equal(yield* doSuspend(md, 0), 0);
  assert.equal((yield* flagsOf(md)) & DMF_FROZEN, DMF_FROZEN);
  assert.equal(yield* dmRemove(md), 0);
  assert.deepEqual([MappedDevice.live().length, Inode.live().length], [0, 0]);
});

kernelTest(
  'a second suspend during the freeze waits for the first one and is refused, for the user it is no error',
  function* second(world) {
    const disk = yield* world.disk({ mode: 'hardirq' });
    const md = yield* world.device(TABLE);
    const sb = yield* mount();
    yield* fsWrite(sb, 0, 7);
    yield* hangDisk(disk);
    const first = suspendOn(world, 1, md, DM_SUSPEND_LOCKFS_FLAG);
    yield* until(inPhase(md, 'freeze'));
    const second = suspendOn(world, 2, md, DM_SUSPEND_NOFLUSH_FLAG);
    yield* releaseDisk(disk);
    yield* first.started.join();
    yield* second.started.join();
    assert.deepEqual([first.result, second.result], [[0], [-EINVAL]]);
    assert.equal(yield* doSuspend(md, 0), 0);
    assert.equal(yield* doResume(md, 0), 0);
    yield* umountBdev(sb);
  },
  { runs: 60 },
);

kernelTest(
  'a resume during a suspend waits for its end, and then resumes what it has suspended',
  function* resume(world) {
    const disk = yield* world.disk({ mode: 'hardirq' });
    const md = yield* world.device(TABLE);
    const sb = yield* mount();
    yield* fsWrite(sb, 0, 7);
    yield* hangDisk(disk);
    const suspend = suspendOn(world, 1, md, DM_SUSPEND_LOCKFS_FLAG);
    yield* until(inPhase(md, 'freeze'));
    const results: number[] = [];
    const { join } = world.start(2, function* resumer(): Kernel<void> {
      results.push(yield* dmResume(md));
    });
    yield* releaseDisk(disk);
    yield* suspend.started.join();
    yield* join();
    assert.deepEqual([suspend.result, results, yield* flagsOf(md)], [[0], [0], 0]);
    yield* umountBdev(sb);
  },
  { runs: 60 },
);

kernelTest('an event comes through while the device is frozen and suspended', function* event(world) {
  yield* world.disk();
  const md = yield* world.device(TABLE);
  assert.equal(yield* doSuspend(md, 0), 0);
  const seen: number[] = [];
  const { join } = world.start(1, function* waiter(): Kernel<void> {
    seen.push(yield* dmWaitEvent(md, 0));
  });
  yield* dmTableEvent(targetOf(md));
  yield* join();
  assert.deepEqual(seen, [0]);
  assert.equal(yield* doResume(md, 0), 0);
});

kernelTest(
  'a flushing suspend that fails for want of an inode leaves I/O as it was',
  function* noInodeFlushing(world) {
    yield* world.disk({ mode: 'hardirq' });
    const md = yield* world.device(TABLE);
    bdevOf(md).failBdget.init(1);
    const io = yield* write(md, 0);
    assert.equal(yield* doSuspend(md, 0), -ENOMEM);
    assert.equal(world.log.at(-1), 'device-mapper: bdget failed in dm_suspend');
    assert.equal(yield* flagsOf(md), 0);
    assert.equal(yield* endOf(io), '0');
  },
  { swaps: { bdevPolicy: bdgetAlways } },
);

kernelTest(
  'a freeze under noflush never ends where the target has no path',
  function* deadlock(world) {
    yield* world.disk();
    const path = new PathTarget(NO_PATH);
    path.init();
    const md = yield* world.device(`0 4 scripted disk0 0 ${world.script(path)}`);
    const sb = yield* mount();
    yield* fsWrite(sb, 0, 7);
    yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG);
  },
  {
    swaps: { mayFreeze: (lockfs) => lockfs },
    oracles: false,
    finding: { kind: 'deadlock', message: /./ },
  },
);

kernelTest('an fsync that was told of no error has its page on the disk', function* errors(world) {
  const disk = yield* world.disk();
  const md = yield* world.device(TABLE);
  const sb = yield* mount();
  disk.failNext.init(1);
  yield* fsWrite(sb, 0, 7);
  assert.equal(yield* fsFsync(sb), -EIO);
  assert.equal(yield* fsFsync(sb), 0);
  yield* fsWrite(sb, 0, 8);
  assert.equal(yield* fsFsync(sb), 0);
  assert.equal(stored(disk, 0), 8);
  assert.equal(yield* endOf(yield* write(md, 1)), '0');
  yield* umountBdev(sb);
});
