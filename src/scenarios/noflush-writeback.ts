/**
 * Write-back has I_LOCK of the device's inode and waits for a write that the target keeps, since it has no path. The way out is a
 * table that works, of the same size.
 */
import { fsWrite } from '../block/file-system.ts';
import { writebackSingleInode } from '../block/page-cache.ts';
import { errnoText } from '../machine/errno.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { bindScripts } from '../targets/scripted.ts';
import { DEVICE_WORDS, Device } from './device.ts';
import { FS_USER_WORDS, FsUser } from './fs-user.ts';
import { replaceTable } from './noflush-resize.ts';
import { NO_PATH, PATH_TARGET_WORDS, PathTarget } from './path-target.ts';
import type { Scenario } from './scenario.ts';

function build(): Program {
  const device = new Device();
  const fs = new FsUser(device);
  const path = new PathTarget(NO_PATH);
  const result = staticWords(1);
  bindScripts([path]);
  return {
    *setup(): Kernel<void> {
      path.init();
      yield* device.create({ mode: 'hardirq', table: '0 4 scripted disk0 0 0' });
      yield* fs.mount();
    },
    actors: [
      {
        name: 'pdflush',
        cpu: 0,
        *run(): Kernel<void> {
          yield* fsWrite(fs.sb, 0, 7);
          yield* writebackSingleInode(fs.inode);
        },
      },
      {
        name: 'admin',
        cpu: 1,
        *run(): Kernel<void> {
          memory.words[result] = yield* replaceTable(device, '0 4 linear disk0 0');
        },
      },
    ],
    verify: () => fs.umount(),
    outcome: () => `resume ${errnoText(memory.words[result] as number)}`,
  };
}

export const noflushWriteback: Scenario = {
  name: 'noflush-writeback',
  title: 'a new table for a device whose write-back waits for a path',
  cpus: 2,
  staticWords: DEVICE_WORDS + FS_USER_WORDS + PATH_TARGET_WORDS + 1,
  outcomes: ['resume 0'],
  build,
};
