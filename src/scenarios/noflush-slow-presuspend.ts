/**
 * A noflush suspend whose presuspend takes its time, while kdmflush maps a bio that the target hands back.
 *
 * All on one CPU: where what is handed back goes to the head of the deferred list at once, kdmflush meets the same bio again and again until the
 * suspender shuts the gate, for which it needs the CPU.
 */
import { REQ_WRITE } from '../block/bio.ts';
import { DM_MAPIO_REQUEUE, dmNoflushSuspending } from '../core/device-mapper.ts';
import { doResume, doSuspend } from '../core/ioctl.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../core/suspend.ts';
import { errnoText } from '../machine/errno.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { COMPLETION_WORDS, complete, declareCompletion, waitForCompletion } from '../shared/completion.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { bindScripts, remap } from '../targets/scripted.ts';
import { DEVICE_WORDS, Device } from './device.ts';
import type { Scenario } from './scenario.ts';
import { submitIo, waitIo } from './user-io.ts';

function build(): Program {
  const device = new Device();
  const error = staticWords(1);
  const asked = declareCompletion('&asked');
  const answered = declareCompletion('&answered');
  bindScripts([
    {
      *map(ti, clone): Kernel<number> {
        return (yield* dmNoflushSuspending(ti)) ? DM_MAPIO_REQUEUE : remap(ti, clone);
      },
      *presuspend(ti): Kernel<void> {
        if (!(yield* dmNoflushSuspending(ti))) return;
        yield* complete(asked, HERE);
        yield* waitForCompletion(answered, HERE);
      },
    },
  ]);
  return {
    setup: () => device.create({ mode: 'hardirq', table: '0 4 scripted disk0 0 0' }),
    actors: [
      {
        name: 'suspender',
        cpu: 0,
        *run(): Kernel<void> {
          yield* doSuspend(device.md, 0);
          const io = yield* submitIo(device.bdev, { sector: 0, size: 1, flags: REQ_WRITE, stamp: 7 });
          yield* doResume(device.md, 0);
          yield* doSuspend(device.md, DM_SUSPEND_NOFLUSH_FLAG);
          yield* doResume(device.md, DM_SUSPEND_NOFLUSH_FLAG);
          memory.words[error] = (yield* waitIo(io)).error;
        },
      },
      {
        name: 'log-writer',
        cpu: 0,
        *run(): Kernel<void> {
          yield* waitForCompletion(asked, HERE);
          yield* complete(answered, HERE);
        },
      },
    ],
    outcome: () => `bio ${errnoText(memory.words[error] as number)}`,
  };
}

export const noflushSlowPresuspend: Scenario = {
  name: 'noflush-slow-presuspend',
  title: 'a noflush suspend whose presuspend sleeps, and a deferred bio that the target hands back meanwhile',
  cpus: 1,
  staticWords: DEVICE_WORDS + 2 * COMPLETION_WORDS + 1,
  outcomes: ['bio 0'],
  stepLimit: 20_000,
  build,
};
