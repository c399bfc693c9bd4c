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
import { NO_PATH_FS_WORDS, NoPathFs } from './no-path-fs.ts';
import type { Scenario } from './scenario.ts';

function build(): Program {
  const stuck = new NoPathFs();
  const { fs } = stuck;
  const result = staticWords(1);
  return {
    setup: () => stuck.setup(),
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
          memory.words[result] = yield* stuck.replaceTable('0 4 linear disk0 0');
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
  staticWords: NO_PATH_FS_WORDS + 1,
  outcomes: ['resume 0'],
  build,
};
