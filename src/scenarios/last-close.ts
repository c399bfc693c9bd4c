/**
 * The device is removed as soon as its last bio has ended, by the one who waited for it.
 *
 * The bio may end in an interrupt on another CPU, which is then still on its way out of dec_pending. Whatever that does after
 * the end of the bio must not need the device.
 */
import { REQ_WRITE } from '../block/bio.ts';
import { dmClose, dmOpen, dmRemove } from '../core/ioctl.ts';
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
    setup: () => device.create({ mode: 'hardirq', anyCpu: true, table: '0 4 linear disk0 0' }),
    actors: [
      {
        name: 'last-closer',
        cpu: 0,
        *run(): Kernel<void> {
          const md = device.md;
          yield* dmOpen(md);
          const io = yield* submitIo(device.bdev, { sector: 0, size: 1, flags: REQ_WRITE, stamp: 7 });
          const { error } = yield* waitIo(io);
          yield* dmClose(md);
          memory.words[results] = error;
          memory.words[results + 1] = yield* dmRemove(md);
        },
      },
    ],
    outcome: () =>
      `bio ${errnoText(memory.words[results] as number)}, remove ${errnoText(memory.words[results + 1] as number)}`,
  };
}

export const lastClose: Scenario = {
  name: 'last-close',
  title: 'one bio that ends on another CPU, the device removed as soon as it has ended',
  cpus: 2,
  staticWords: DEVICE_WORDS + 2,
  build,
};
