/**
 * An administrator suspends a device without a freeze and removes it, while a user opens it, writes to it and closes it.
 *
 * Who is faster decides: the device is gone before it is opened, or it is busy and resumed.
 */
import { REQ_WRITE } from '../block/bio.ts';
import { closeBlockDevice, openBlockDevice } from '../block/block-device.ts';
import { DM_SKIP_LOCKFS_FLAG, dmRemove, doResume, doSuspend } from '../core/ioctl.ts';
import { ENXIO, errnoText } from '../machine/errno.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { DEVICE_WORDS, Device } from './device.ts';
import type { Scenario } from './scenario.ts';
import { submitIo, waitIo } from './user-io.ts';

function* openWriteClose(): Kernel<number> {
  const bdev = yield* openBlockDevice('dm0');
  if (bdev === null) return -ENXIO;
  const io = yield* submitIo(bdev, { sector: 0, size: 1, flags: REQ_WRITE, stamp: 7 });
  const { error } = yield* waitIo(io);
  yield* closeBlockDevice(bdev);
  return error;
}

function build(): Program {
  const device = new Device();
  const results = staticWords(2);
  return {
    setup: () => device.create({ mode: 'hardirq', table: '0 4 linear disk0 0' }),
    actors: [
      {
        name: 'user',
        cpu: 0,
        *run(): Kernel<void> {
          memory.words[results] = yield* openWriteClose();
        },
      },
      {
        name: 'admin',
        cpu: 1,
        *run(): Kernel<void> {
          const { md } = device;
          yield* doSuspend(md, DM_SKIP_LOCKFS_FLAG);
          const removed = yield* dmRemove(md);
          memory.words[results + 1] = removed;
          if (removed !== 0) yield* doResume(md, 0);
        },
      },
    ],
    outcome: () =>
      `write ${errnoText(memory.words[results] as number)}, remove ${errnoText(memory.words[results + 1] as number)}`,
  };
}

export const removeSuspended: Scenario = {
  name: 'remove-suspended',
  title: 'a device is suspended without a freeze and removed, while a user opens it, writes and closes it',
  cpus: 2,
  staticWords: DEVICE_WORDS + 2,
  outcomes: ['write 0, remove 0', 'write 0, remove -EBUSY', 'write -ENXIO, remove 0'],
  build,
};
