/**
 * Two administrators and a file system: one suspends with a freeze, the other with noflush and a new table, both resume; a third
 * waits for an event. At the end the device is frozen, suspended and removed.
 *
 * Whoever comes second finds the device suspended, or finds it active again. Nothing is lost, and the writer goes on.
 */
import { DmTable } from '../core/dm-table.ts';
import { dmTableEvent, dmWaitEvent } from '../core/event.ts';
import { dmRemove, dmTableLoad, doResume, doSuspend } from '../core/ioctl.ts';
import { MappedDevice } from '../core/mapped-device.ts';
import { DM_SUSPEND_NOFLUSH_FLAG, dmSuspended } from '../core/suspend.ts';
import { EINVAL, errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { DEVICE_WORDS, Device } from './device.ts';
import { FS_USER_WORDS, FsUser } from './fs-user.ts';
import type { Scenario } from './scenario.ts';

function expect(what: string, result: number, allowed: readonly number[]): void {
  if (!allowed.includes(result)) report('assertion', '', `${what} gives ${errnoText(result)}`);
}

/** Suspends and resumes; the other one may have been faster with either. */
function* admin({ md }: Device, flags: number): Kernel<void> {
  expect('suspend', yield* doSuspend(md, flags), [0, -EINVAL]);
  expect('resume', yield* doResume(md, flags), [0, -EINVAL]);
}

/** Frozen and suspended, with nobody who has it open: it can be removed all the same. */
function* removeFrozen({ md }: Device): Kernel<void> {
  expect('suspend', yield* doSuspend(md, 0), [0]);
  expect('remove', yield* dmRemove(md), [0]);
  if (MappedDevice.live().length > 0) report('leak', 'I29', 'a device that was removed is left');
}

function build(): Program {
  const device = new Device();
  const fs = new FsUser(device);
  const active = staticWords(1);
  return {
    *setup(): Kernel<void> {
      yield* device.create({ mode: 'hardirq', table: '0 4 linear disk0 0' });
      yield* fs.mount();
    },
    actors: [
      {
        name: 'writer',
        cpu: 0,
        *run(): Kernel<void> {
          expect('fsync', yield* fs.writeAndSync(0, 7), [0]);
        },
      },
      { name: 'freezer', cpu: 1, run: () => admin(device, 0) },
      {
        name: 'loader',
        cpu: 2,
        *run(): Kernel<void> {
          // Before the load: nobody else brings a table, so the live one stays until then.
          yield* dmTableEvent(DmTable.at(device.md.map));
          expect('load', yield* dmTableLoad(device.md, '0 4 linear disk0 0'), [0]);
          yield* admin(device, DM_SUSPEND_NOFLUSH_FLAG);
        },
      },
      {
        name: 'waiter',
        cpu: 0,
        *run(): Kernel<void> {
          expect('wait', yield* dmWaitEvent(device.md, 0), [0]);
        },
      },
    ],
    *verify(): Kernel<void> {
      memory.words[active] = (yield* dmSuspended(device.md)) ? 0 : 1;
      yield* fs.umount();
      yield* removeFrozen(device);
    },
    outcome: () => (memory.words[active] === 1 ? 'active' : 'suspended'),
  };
}

export const admins: Scenario = {
  name: 'admins',
  title: 'a suspend with a freeze, one with noflush and a table, two resumes and an event at once',
  cpus: 3,
  staticWords: DEVICE_WORDS + FS_USER_WORDS + 1,
  outcomes: ['active'],
  build,
};
