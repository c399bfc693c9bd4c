/**
 * One bio in flight, a noflush suspend, a signal at any moment.
 *
 * The target hands bios back while a noflush suspend is under way. Whatever happens, the bio ends once: with 0, or with −EIO
 * when the suspend was interrupted before the bio was pushed back.
 */
import { REQ_WRITE } from '../block/bio.ts';
import { DM_ENDIO_REQUEUE, dmNoflushSuspending } from '../core/device-mapper.ts';
import { doResume, doSuspend } from '../core/ioctl.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../core/suspend.ts';
import { errnoText } from '../machine/errno.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { bindScripts } from '../targets/scripted.ts';
import { DEVICE_WORDS, Device } from './device.ts';
import type { Scenario } from './scenario.ts';
import { SIGNAL_TARGET_WORDS, SignalTarget } from './signal-target.ts';
import { submitIo, waitIo } from './user-io.ts';

function build(): Program {
  const device = new Device();
  const suspender = new SignalTarget();
  const results = staticWords(2);
  bindScripts([
    {
      *endIo(ti): Kernel<number> {
        return (yield* dmNoflushSuspending(ti)) ? DM_ENDIO_REQUEUE : 0;
      },
    },
  ]);
  return {
    setup: () => device.create({ mode: 'hardirq', table: '0 4 scripted disk0 0 0' }),
    actors: [
      {
        name: 'submitter',
        cpu: 0,
        *run(): Kernel<void> {
          const io = yield* submitIo(device.bdev, { sector: 0, size: 1, flags: REQ_WRITE, stamp: 7 });
          const { error } = yield* waitIo(io);
          memory.words[results] = error;
        },
      },
      {
        name: 'suspender',
        cpu: 1,
        *run(): Kernel<void> {
          yield* suspender.open();
          const result = yield* doSuspend(device.md, DM_SUSPEND_NOFLUSH_FLAG);
          memory.words[results + 1] = result;
          if (result === 0) yield* doResume(device.md, 0);
          yield* suspender.close();
        },
      },
      {
        name: 'signaller',
        cpu: 2,
        *run(): Kernel<void> {
          yield* suspender.send();
        },
      },
    ],
    outcome: () =>
      `bio ${errnoText(memory.words[results] as number)}, suspend ${errnoText(memory.words[results + 1] as number)}`,
  };
}

export const interruptedNoflush: Scenario = {
  name: 'interrupted-noflush',
  title: 'one bio in flight, a noflush suspend, a signal at any moment',
  cpus: 3,
  staticWords: DEVICE_WORDS + SIGNAL_TARGET_WORDS + 2,
  build,
};
