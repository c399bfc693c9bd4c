/**
 * One bio in flight and a suspend that waits for it: the shortest way through the wait for the last I/O.
 */
import { REQ_WRITE } from '../block/bio.ts';
import { doResume, doSuspend } from '../core/ioctl.ts';
import { errnoText } from '../machine/errno.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { DEVICE_WORDS, Device } from './device.ts';
import type { Scenario } from './scenario.ts';
import { submitIo, waitIo } from './user-io.ts';

function build(): Program {
  const device = new Device();
  const results = staticWords(2);
  return {
    setup: () => device.create({ mode: 'hardirq', table: '0 4 linear disk0 0' }),
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
          memory.words[results + 1] = yield* doSuspend(device.md, 0);
          yield* doResume(device.md, 0);
        },
      },
    ],
    outcome: () =>
      `bio ${errnoText(memory.words[results] as number)}, suspend ${errnoText(memory.words[results + 1] as number)}`,
  };
}

export const drain: Scenario = {
  name: 'drain',
  title: 'one bio in flight, a suspend that waits for it',
  cpus: 2,
  staticWords: DEVICE_WORDS + 2,
  outcomes: ['bio 0, suspend 0'],
  build,
};
