/**
 * Two bios, a noflush suspend, a signal at any moment, completions on any CPU.
 *
 * One may be in flight while the other is deferred or pushed back. Whatever happens, each ends once: with 0, or with −EIO when the
 * suspend was interrupted before the bio was pushed back.
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

const BIOS = 2;

function build(): Program {
  const device = new Device();
  const suspender = new SignalTarget();
  const results = staticWords(BIOS + 1);
  bindScripts([
    {
      *endIo(ti): Kernel<number> {
        return (yield* dmNoflushSuspending(ti)) ? DM_ENDIO_REQUEUE : 0;
      },
    },
  ]);
  return {
    setup: () => device.create({ mode: 'hardirq', anyCpu: true, table: '0 4 scripted disk0 0 0' }),
    actors: [
      ...Array.from({ length: BIOS }, (_, i) => ({
        name: `submitter${i}`,
        cpu: i,
        *run(): Kernel<void> {
          const io = yield* submitIo(device.bdev, { sector: i, size: 1, flags: REQ_WRITE, stamp: 10 * (i + 1) });
          memory.words[results + i] = (yield* waitIo(io)).error;
        },
      })),
      {
        name: 'suspender',
        cpu: 2,
        *run(): Kernel<void> {
          yield* suspender.open();
          const result = yield* doSuspend(device.md, DM_SUSPEND_NOFLUSH_FLAG);
          memory.words[results + BIOS] = result;
          if (result === 0) yield* doResume(device.md, 0);
          yield* suspender.close();
        },
      },
      {
        name: 'signaller',
        cpu: 0,
        *run(): Kernel<void> {
          yield* suspender.send();
        },
      },
    ],
    outcome(): string {
      const said = (i: number): string => errnoText(memory.words[results + i] as number);
      return `bio ${said(0)}, bio ${said(1)}, suspend ${said(BIOS)}`;
    },
  };
}

export const interruptedTwo: Scenario = {
  name: 'interrupted-two',
  title: 'two bios that end on any CPU, a noflush suspend, a signal at any moment',
  cpus: 3,
  staticWords: DEVICE_WORDS + SIGNAL_TARGET_WORDS + BIOS + 1,
  build,
};
