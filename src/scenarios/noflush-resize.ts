/**
 * The stall of seed 004: an fsync holds i_mutex and waits for a write that the target keeps, since it has no path. The way out is a
 * table that works, and it is of another size.
 *
 * A resize that waits for an inode waits for the fsync, which waits for the resume. Where a noflush suspend must not resize, a
 * table of the same size is loaded next.
 */
import { errnoText } from '../machine/errno.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { NO_PATH_FS_WORDS, NoPathFs } from './no-path-fs.ts';
import type { Scenario } from './scenario.ts';

function build(): Program {
  const stuck = new NoPathFs();
  const { fs } = stuck;
  const results = staticWords(2);
  return {
    setup: () => stuck.setup(),
    actors: [
      {
        name: 'writer',
        cpu: 0,
        *run(): Kernel<void> {
          memory.words[results] = yield* fs.writeAndSync(0, 7);
        },
      },
      {
        name: 'admin',
        cpu: 1,
        *run(): Kernel<void> {
          const resized = yield* stuck.replaceTable('0 6 linear disk0 0');
          memory.words[results + 1] = resized;
          if (resized !== 0) yield* stuck.replaceTable('0 4 linear disk0 0');
        },
      },
    ],
    verify: () => fs.umount(),
    outcome: () =>
      `fsync ${errnoText(memory.words[results] as number)}, resize ${errnoText(memory.words[results + 1] as number)}`,
  };
}

export const noflushResize: Scenario = {
  name: 'noflush-resize',
  title: 'a table of another size for a device whose fsync waits for a path',
  cpus: 2,
  staticWords: NO_PATH_FS_WORDS + 2,
  build,
};
