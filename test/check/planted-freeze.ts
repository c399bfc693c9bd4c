/**
 * Planted violations around the block device of a mapped device: its size, its freezing, and the locks of its inode.
 */

import { fsFsync, fsWrite, mountBdev, umountBdev } from '../../src/block/file-system.ts';
import { bdlookup, bdput } from '../../src/block/inode.ts';
import { type BdevPolicy, heldForLife, iSizeWriteUnderIMutex } from '../../src/core/bdev-policy.ts';
import { dmTableLoad, doResume, doSuspend } from '../../src/core/ioctl.ts';
import { thaw } from '../../src/core/lock-fs.ts';
import { DMF_FROZEN, SUSPEND_PHASES } from '../../src/core/mapped-device.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../src/core/suspend.ts';
import { type Kernel, resolved } from '../../src/machine/kernel.ts';
import { waitIo } from '../../src/scenarios/user-io.ts';
import { current, sendSignal } from '../../src/shared/task.ts';
import { type Bench, type Planted, plant } from './held.ts';

const IDLE = SUSPEND_PHASES.indexOf('idle');

/** A table that is longer. */
function* grow(bench: Bench): Kernel<void> {
  yield* dmTableLoad(bench.md, '0 6 linear disk0 0');
  yield* doSuspend(bench.md, DM_SUSPEND_NOFLUSH_FLAG);
  yield* doResume(bench.md, 0);
}

function* writeAndSync(): Kernel<void> {
  const sb = yield* mountBdev('dm0');
  if (typeof sb === 'number') throw new Error('mount');
  yield* fsWrite(sb, 0, 7);
  yield* fsFsync(sb);
  yield* umountBdev(sb);
}

function* freezeAndThaw(bench: Bench): Kernel<void> {
  yield* doSuspend(bench.md, 0);
  yield* doResume(bench.md, 0);
}

/** A suspend that a signal interrupts while the target keeps a bio; nothing is dirty, so the freeze does not wait. */
function* interrupted(bench: Bench): Kernel<void> {
  const io = yield* bench.write(0);
  yield* bench.suspender.open();
  yield* sendSignal(current(), HERE);
  yield* doSuspend(bench.md, 0);
  yield* bench.suspender.close();
  yield* bench.release();
  yield* waitIo(io);
}

/** Forgets that the device has been thawed: in a resume, or in a suspend that fails. */
const staysFrozen = (inResume: boolean): BdevPolicy => ({
  ...heldForLife,
  *release(md): Kernel<void> {
    if ((md.phase.value === IDLE) === inResume) yield* md.flags.set(DMF_FROZEN, HERE);
  },
});

/** Thaws a device that somebody else has frozen. */
function* freezeUnseen(bench: Bench): Kernel<void> {
  const inode = yield* bdlookup(bench.device.bdev);
  if (inode === null) throw new Error('no inode');
  inode.fsfreezeCount++;
  yield* bdput(inode);
}

const keeping = (bench: Bench) => bench.holding();
const givingBack = (bench: Bench) => ({ ...bench.holding(), presuspend: () => bench.release() });

export const plantedFreeze: readonly Planted[] = [
  plant('I32', 'assertion', 'A resize that forgets the inode', {
    tasks: [grow],
    swaps: { iSizeWrite: () => resolved(undefined) },
  }),
  plant('I32', 'assertion', 'A resize that forgets the capacity', {
    tasks: [
      function* forget(bench): Kernel<void> {
        yield* bench.device.bdev.capacity.write(5, HERE);
      },
    ],
  }),
  plant('I33', 'assertion', 'A freeze in a noflush suspend', {
    tasks: [grow],
    swaps: { mayFreeze: (lockfs) => lockfs },
  }),
  plant('I33', 'assertion', 'A resume that leaves the device frozen', {
    tasks: [freezeAndThaw],
    swaps: { bdevPolicy: staysFrozen(true) },
  }),
  plant('I33', 'assertion', 'A thaw of a device that is not frozen', {
    tasks: [
      function* thawUnfrozen(bench): Kernel<void> {
        yield* thaw(bench.md);
      },
    ],
  }),
  plant('I33', 'assertion', 'A freeze that nobody thaws', { tasks: [freezeUnseen] }),
  plant('I50', 'assertion', 'An aborted suspend that leaves the device frozen', {
    script: keeping,
    tasks: [interrupted],
    swaps: { bdevPolicy: staysFrozen(false) },
  }),
  plant('I51', 'deadlock', 'A resize that waits for an fsync', {
    script: givingBack,
    tasks: [writeAndSync, grow],
    swaps: { iSizeWrite: iSizeWriteUnderIMutex },
  }),
];
