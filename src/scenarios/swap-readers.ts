/**
 * A table is replaced while others use the device: `dmsetup table`, `dmsetup message`, and pdflush, which asks whether it is
 * congested.
 *
 * There is a table at every moment, the old one or the new one. When the resume has returned, the device below the old table is
 * closed, so that an administrator can use it for something else. What lies beyond the end of the new table fails.
 */
import { REQ_WRITE } from '../block/bio.ts';
import { BlockDevice, minorLock } from '../block/block-device.ts';
import { addDisk, declareMedia } from '../block/disk.ts';
import { syncSbInodes } from '../block/page-cache.ts';
import { dmTableLoad, dmTableStatus, doResume, doSuspend } from '../core/ioctl.ts';
import { dmTargetMessage } from '../core/target-message.ts';
import { errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Actor, Program } from '../machine/machine.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { spinLock, spinUnlock } from '../shared/spinlock.ts';
import { DEVICE_SECTORS, DEVICE_WORDS, Device } from './device.ts';
import { FS_USER_WORDS, FsUser } from './fs-user.ts';
import type { Scenario } from './scenario.ts';
import { submitIo, waitIo } from './user-io.ts';

const MULTIPATH = '0 4 multipath 0 0 1 1 round-robin 0 1 1 disk0 1';

/** Suspends, binds a table, resumes; all of it works. */
function* replace({ md }: Device, table: string): Kernel<void> {
  const steps = [yield* dmTableLoad(md, table), yield* doSuspend(md, 0), yield* doResume(md, 0)];
  const failed = steps.find((result) => result !== 0);
  if (failed !== undefined) report('assertion', '', `a step of the replacement gives ${errnoText(failed)}`);
}

/** `dmsetup table`, while somebody replaces the table. */
const reader = (device: Device): Actor => ({
  name: 'reader',
  cpu: 1,
  *run(): Kernel<void> {
    const table = yield* dmTableStatus(device.md, false);
    if (table === '') report('assertion', '', 'the device shows no table while one takes the place of the other');
  },
});

/** Opening it exclusively would give −EBUSY otherwise. */
function* expectClosed(bdev: BlockDevice): Kernel<void> {
  yield* spinLock(minorLock, HERE);
  const { openCount } = bdev;
  yield* spinUnlock(minorLock, HERE);
  if (openCount > 0)
    report('leak', '', 'the device below the old table is still open although the resume has returned');
}

/** `dmsetup message`: what it asks for is so already. The new table's target takes no messages. */
const operator = (device: Device): Actor => ({
  name: 'operator',
  cpu: 2,
  *run(): Kernel<void> {
    yield* dmTargetMessage(device.md, 0, 'reinstate_path disk0');
  },
});

function buildSwapTable(): Program {
  const device = new Device();
  const spare = declareMedia(DEVICE_SECTORS);
  return {
    *setup(): Kernel<void> {
      yield* device.create({ mode: 'hardirq', table: MULTIPATH });
      yield* addDisk({ name: 'disk1', minor: 1, sectors: DEVICE_SECTORS, mode: 'hardirq' }, spare);
    },
    actors: [
      {
        name: 'admin',
        cpu: 0,
        *run(): Kernel<void> {
          yield* replace(device, '0 4 linear disk1 0');
          yield* expectClosed(BlockDevice.at(device.disk.bdev));
        },
      },
      reader(device),
      operator(device),
    ],
    outcome: () => 'replaced',
  };
}

function buildCongested(): Program {
  const device = new Device();
  const fs = new FsUser(device);
  const written = staticWords(1);
  return {
    *setup(): Kernel<void> {
      yield* device.create({ mode: 'hardirq', table: MULTIPATH });
      yield* fs.mount();
    },
    actors: [
      { name: 'admin', cpu: 0, run: () => replace(device, MULTIPATH) },
      { name: 'pdflush', cpu: 1, run: () => syncSbInodes(fs.inode) },
      {
        name: 'writer',
        cpu: 2,
        *run(): Kernel<void> {
          memory.words[written] = yield* fs.writeAndSync(0, 7);
        },
      },
    ],
    verify: () => fs.umount(),
    outcome: () => `fsync ${errnoText(memory.words[written] as number)}`,
  };
}

/** A write that waits for the resume, and lies beyond the end of the table that is bound meanwhile. */
function buildSmaller(): Program {
  const device = new Device();
  const written = staticWords(1);
  return {
    setup: () => device.create({ mode: 'hardirq', table: '0 8 linear disk0 0' }),
    actors: [
      { name: 'admin', cpu: 0, run: () => replace(device, '0 4 linear disk0 0') },
      {
        name: 'writer',
        cpu: 1,
        *run(): Kernel<void> {
          const io = yield* submitIo(device.bdev, { sector: 6, size: 1, flags: REQ_WRITE, stamp: 7 });
          memory.words[written] = (yield* waitIo(io)).error;
        },
      },
    ],
    outcome: () => `bio ${errnoText(memory.words[written] as number)}`,
  };
}

export const swapReaders: readonly Scenario[] = [
  {
    name: 'swap-table',
    title: 'a table over one disk is replaced by one over another while somebody reads it and a message comes',
    cpus: 3,
    staticWords: DEVICE_WORDS + DEVICE_SECTORS,
    outcomes: ['replaced'],
    build: buildSwapTable,
  },
  {
    name: 'swap-congested',
    title: "a multipath's table is replaced while pdflush asks whether the device is congested",
    cpus: 3,
    staticWords: DEVICE_WORDS + FS_USER_WORDS + 1,
    outcomes: ['fsync 0'],
    build: buildCongested,
  },
  {
    name: 'swap-smaller',
    title: 'a table is replaced by a smaller one, and a write that lies beyond its end',
    cpus: 2,
    staticWords: DEVICE_WORDS + 1,
    outcomes: ['bio 0', 'bio -EIO'],
    build: buildSmaller,
  },
];
