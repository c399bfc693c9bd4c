/**
 * One bio in flight, a noflush suspend, a signal at any moment.
 *
 * The target hands bios back while a noflush suspend is under way. Whatever happens, the bio ends once: with 0, or with −EIO
 * when the suspend was interrupted before the bio was pushed back.
 */

import { REQ_WRITE } from '../block/bio.ts';
import { BlockDevice } from '../block/block-device.ts';
import { addDisk, declareMedia } from '../block/disk.ts';
import { DM_ENDIO_REQUEUE, dmNoflushSuspending } from '../core/device-mapper.ts';
import { dmCreate, dmTableLoad, doResume, doSuspend } from '../core/ioctl.ts';
import { MappedDevice } from '../core/mapped-device.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../core/suspend.ts';
import { errnoText } from '../machine/errno.ts';
import { bugOn } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { bindScripts } from '../targets/scripted.ts';
import type { Scenario } from './scenario.ts';
import { SignalTarget } from './signal-target.ts';
import { submitIo, waitIo } from './user-io.ts';

function build(): Program {
  const device = staticWords(1);
  const suspender = new SignalTarget();
  const results = staticWords(2);
  const media = declareMedia(4);
  bindScripts([
    {
      *endIo(ti): Kernel<number> {
        return (yield* dmNoflushSuspending(ti)) ? DM_ENDIO_REQUEUE : 0;
      },
    },
  ]);
  const md = (): MappedDevice => MappedDevice.at(memory.words[device] as number);
  return {
    *setup(): Kernel<void> {
      yield* addDisk({ name: 'disk0', minor: 0, sectors: 4, mode: 'hardirq' }, media);
      const created = yield* dmCreate({ name: 'dm0', minor: 0 });
      if (typeof created === 'number') throw new Error(errnoText(created));
      memory.words[device] = created.handle;
      bugOn((yield* dmTableLoad(created, '0 4 scripted disk0 0 0')) !== 0, 'table load');
      bugOn((yield* doResume(created, 0)) !== 0, 'first resume');
    },
    actors: [
      {
        name: 'submitter',
        cpu: 0,
        *run(): Kernel<void> {
          const io = yield* submitIo(BlockDevice.at(md().bdev), { sector: 0, size: 1, flags: REQ_WRITE, stamp: 7 });
          const { error } = yield* waitIo(io);
          memory.words[results] = error;
        },
      },
      {
        name: 'suspender',
        cpu: 1,
        *run(): Kernel<void> {
          yield* suspender.open();
          const result = yield* doSuspend(md(), DM_SUSPEND_NOFLUSH_FLAG);
          memory.words[results + 1] = result;
          if (result === 0) yield* doResume(md(), 0);
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
  staticWords: 16,
  build,
};
