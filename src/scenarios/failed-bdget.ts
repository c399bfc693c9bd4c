/**
 * A noflush suspend that fails for want of an inode, when the target has handed its bio back already.
 *
 * The bio ends once: well, or with −EIO when it is mapped again before queueing is switched on again, since presuspend is not
 * undone. Where a noflush suspend needs no inode nothing fails, and the bio waits for the resume.
 */
import { REQ_WRITE } from '../block/bio.ts';
import { doResume, doSuspend } from '../core/ioctl.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../core/suspend.ts';
import { errnoText } from '../machine/errno.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { bindScripts } from '../targets/scripted.ts';
import { DEVICE_WORDS, Device } from './device.ts';
import { NO_PATH, PATH_TARGET_WORDS, PathTarget } from './path-target.ts';
import type { Scenario } from './scenario.ts';
import { submitIo, waitIo } from './user-io.ts';

function build(): Program {
  const device = new Device();
  const path = new PathTarget(NO_PATH);
  const results = staticWords(2);
  bindScripts([path]);
  return {
    *setup(): Kernel<void> {
      path.init();
      yield* device.create({ mode: 'hardirq', table: '0 4 scripted disk0 0 0' });
      device.bdev.failBdget.init(1);
    },
    actors: [
      {
        name: 'submitter',
        cpu: 0,
        *run(): Kernel<void> {
          const io = yield* submitIo(device.bdev, { sector: 0, size: 1, flags: REQ_WRITE, stamp: 7 });
          memory.words[results] = (yield* waitIo(io)).error;
        },
      },
      {
        name: 'suspender',
        cpu: 1,
        *run(): Kernel<void> {
          const result = yield* doSuspend(device.md, DM_SUSPEND_NOFLUSH_FLAG);
          memory.words[results + 1] = result;
          if (result === 0) yield* doResume(device.md, 0);
          else yield* path.setQueueing();
          yield* path.setPath(true);
        },
      },
    ],
    outcome: () =>
      `bio ${errnoText(memory.words[results] as number)}, suspend ${errnoText(memory.words[results + 1] as number)}`,
  };
}

export const failedBdget: Scenario = {
  name: 'failed-bdget',
  title: 'a noflush suspend that can fail for want of an inode, and a bio that the target has handed back',
  cpus: 2,
  staticWords: DEVICE_WORDS + PATH_TARGET_WORDS + 2,
  budget: { signals: 1, allocations: 1 },
  build,
};
