/**
 * The stall of seed 004: an fsync holds i_mutex and waits for a write that the target keeps, since it has no path. The way out is a
 * table that works, and it is of another size.
 *
 * A resize that waits for an inode waits for the fsync, which waits for the resume. Where a noflush suspend must not resize, a
 * table of the same size is loaded next.
 */
import { dmTableLoad, doResume, doSuspend } from '../core/ioctl.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../core/suspend.ts';
import { errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { bindScripts } from '../targets/scripted.ts';
import { DEVICE_WORDS, Device } from './device.ts';
import { FS_USER_WORDS, FsUser } from './fs-user.ts';
import { NO_PATH, PATH_TARGET_WORDS, PathTarget } from './path-target.ts';
import type { Scenario } from './scenario.ts';

/** Loads a table, suspends with noflush and resumes. */
export function* replaceTable(device: Device, table: string): Kernel<number> {
  const loaded = yield* dmTableLoad(device.md, table);
  if (loaded !== 0) report('assertion', '', `load gives ${errnoText(loaded)}`);
  yield* doSuspend(device.md, DM_SUSPEND_NOFLUSH_FLAG);
  return yield* doResume(device.md, DM_SUSPEND_NOFLUSH_FLAG);
}

function build(): Program {
  const device = new Device();
  const fs = new FsUser(device);
  const path = new PathTarget(NO_PATH);
  const results = staticWords(2);
  bindScripts([path]);
  return {
    *setup(): Kernel<void> {
      path.init();
      yield* device.create({ mode: 'hardirq', table: '0 4 scripted disk0 0 0' });
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
        name: 'admin',
        cpu: 1,
        *run(): Kernel<void> {
          const resized = yield* replaceTable(device, '0 6 linear disk0 0');
          memory.words[results + 1] = resized;
          if (resized !== 0) yield* replaceTable(device, '0 4 linear disk0 0');
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
  staticWords: DEVICE_WORDS + FS_USER_WORDS + PATH_TARGET_WORDS + 2,
  build,
};
