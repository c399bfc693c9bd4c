/**
 * A file system is written, written back and synced while its device is suspended with a freeze, and resumed.
 *
 * A writer waits while the file system is frozen, and its fsync ends after the resume.
 */
import { fsWrite, SB_UNFROZEN, type SuperBlock } from '../block/file-system.ts';
import { writebackSingleInode } from '../block/page-cache.ts';
import { doResume, doSuspend } from '../core/ioctl.ts';
import { errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { DEVICE_WORDS, Device } from './device.ts';
import { FS_USER_WORDS, FsUser } from './fs-user.ts';
import type { Scenario } from './scenario.ts';

/** The file system says that it is frozen. A writer that had passed its test may have made a page dirty since. */
function checkFrozen(sb: SuperBlock): void {
  if (memory.words[sb.frozen.word] === SB_UNFROZEN)
    report('assertion', 'I33', 'a suspend with lockfs leaves the file system unfrozen');
}

function build(): Program {
  const device = new Device();
  const fs = new FsUser(device);
  const results = staticWords(2);
  return {
    *setup(): Kernel<void> {
      yield* device.create({ mode: 'hardirq', table: '0 4 linear disk0 0' });
      yield* fs.mount();
    },
    actors: [
      {
        name: 'writer',
        cpu: 0,
        *run(): Kernel<void> {
          memory.words[results] = yield* fs.writeAndSync(0, 7);
        },
      },
      {
        name: 'suspender',
        cpu: 1,
        *run(): Kernel<void> {
          memory.words[results + 1] = yield* doSuspend(device.md, 0);
          checkFrozen(fs.sb);
          yield* doResume(device.md, 0);
        },
      },
      { name: 'pdflush', cpu: 2, run: () => writebackSingleInode(fs.inode) },
    ],
    verify: () => fs.umount(),
    outcome: () =>
      `fsync ${errnoText(memory.words[results] as number)}, suspend ${errnoText(memory.words[results + 1] as number)}`,
  };
}

/** Nobody but the freeze writes the page. */
function buildDirty(): Program {
  const device = new Device();
  const fs = new FsUser(device);
  const result = staticWords(1);
  return {
    *setup(): Kernel<void> {
      yield* device.create({ mode: 'hardirq', table: '0 4 linear disk0 0' });
      yield* fs.mount();
      yield* fsWrite(fs.sb, 0, 7);
    },
    actors: [
      {
        name: 'suspender',
        cpu: 0,
        *run(): Kernel<void> {
          memory.words[result] = yield* doSuspend(device.md, 0);
          checkFrozen(fs.sb);
          yield* doResume(device.md, 0);
        },
      },
    ],
    verify: () => fs.umount(),
    outcome: () => `suspend ${errnoText(memory.words[result] as number)}`,
  };
}

export const freezeDirty: Scenario = {
  name: 'freeze-dirty',
  title: 'a device is suspended with a freeze while its file system has a dirty page',
  cpus: 1,
  staticWords: DEVICE_WORDS + FS_USER_WORDS + 1,
  outcomes: ['suspend 0'],
  build: buildDirty,
};

export const frozenWriter: Scenario = {
  name: 'frozen-writer',
  title: 'a file system is written and synced while its device is frozen and suspended',
  cpus: 3,
  staticWords: DEVICE_WORDS + FS_USER_WORDS + 2,
  outcomes: ['fsync 0, suspend 0'],
  build,
};
