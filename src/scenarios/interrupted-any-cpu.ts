/**
 * Bios that end on any CPU, also on that of the suspender: a noflush suspend, a signal at any moment.
 *
 * Of two, one may be in flight while the other is deferred or pushed back. Whatever happens, each ends once: with 0, or with −EIO when
 * the suspend was interrupted before the bio was pushed back.
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

function build(bios: number): Program {
  const device = new Device();
  const suspender = new SignalTarget();
  const results = staticWords(bios + 1);
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
      ...Array.from({ length: bios }, (_, i) => ({
        name: `submitter${i}`,
        cpu: i,
        *run(): Kernel<void> {
          const io = yield* submitIo(device.bdev, { sector: i, size: 1, flags: REQ_WRITE, stamp: 10 * (i + 1) });
          memory.words[results + i] = (yield* waitIo(io)).error;
        },
      })),
      {
        name: 'suspender',
        cpu: bios,
        *run(): Kernel<void> {
          yield* suspender.open();
          const result = yield* doSuspend(device.md, DM_SUSPEND_NOFLUSH_FLAG);
          memory.words[results + bios] = result;
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
      const ends = Array.from({ length: bios }, (_, i) => `bio ${said(i)}`);
      return `${ends.join(', ')}, suspend ${said(bios)}`;
    },
  };
}

function interrupted(bios: number, name: string, title: string): Scenario {
  return {
    name,
    title,
    cpus: bios + 1,
    staticWords: DEVICE_WORDS + SIGNAL_TARGET_WORDS + bios + 1,
    build: () => build(bios),
  };
}

export const interruptedAnyCpu: readonly Scenario[] = [
  interrupted(1, 'interrupted-one', 'a bio that ends on any CPU, a noflush suspend, a signal at any moment'),
  interrupted(2, 'interrupted-two', 'two bios that end on any CPU, a noflush suspend, a signal at any moment'),
];
