/**
 * Administrators at work on the same device: one creates or removes it, another asks for its status or sends I/O.
 *
 * Whoever finds the device may use it until he gives it back; when everybody has, a device that was removed is gone.
 */
import { dmNoflushSuspending } from '../core/device-mapper.ts';
import { findDevice } from '../core/find-device.ts';
import { dmCreate, dmPut, dmRemove, dmTableLoad, dmTableStatus, doResume } from '../core/ioctl.ts';
import { MappedDevice } from '../core/mapped-device.ts';
import { errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Actor, Program } from '../machine/machine.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { bindScripts } from '../targets/scripted.ts';
import { DEVICE_WORDS, Device } from './device.ts';
import type { Scenario } from './scenario.ts';

/** `dmsetup status -j 254 -m MINOR`: notes in `result` whether the device was found. */
function statusOf(minor: number, result: number): Actor {
  return {
    name: 'status',
    cpu: 1,
    *run(): Kernel<void> {
      const md = yield* findDevice(minor);
      if (md === null) return;
      yield* dmTableStatus(md, true);
      yield* dmPut(md);
      memory.words[result] = 1;
    },
  };
}

/** Everybody has given back what he had. */
function* nothingLeft(): Kernel<void> {
  if (MappedDevice.live().length > 0) report('leak', 'I29', 'a device that was removed is left');
}

function buildStatusRemove(): Program {
  const device = new Device();
  const results = staticWords(2);
  return {
    setup: () => device.create({ mode: 'hardirq', table: '0 4 linear disk0 0' }),
    actors: [
      {
        name: 'remover',
        cpu: 0,
        *run(): Kernel<void> {
          memory.words[results] = yield* dmRemove(device.md);
        },
      },
      statusOf(0, results + 1),
    ],
    verify: nothingLeft,
    outcome: () =>
      `remove ${errnoText(memory.words[results] as number)}, status ${memory.words[results + 1] === 1 ? 'found' : 'ENXIO'}`,
  };
}

function buildCreateStatus(): Program {
  const result = staticWords(1);
  return {
    actors: [
      {
        name: 'creator',
        cpu: 0,
        *run(): Kernel<void> {
          const md = yield* dmCreate({ name: 'dm0', minor: 0 });
          if (typeof md === 'number') report('assertion', '', `create gives ${errnoText(md)}`);
          yield* dmTableLoad(md, '0 4 error');
          yield* doResume(md, 0);
          yield* dmRemove(md);
        },
      },
      statusOf(0, result),
    ],
    verify: nothingLeft,
    outcome: () => `status ${memory.words[result] === 1 ? 'found' : 'ENXIO'}`,
  };
}

/** As multipath's presuspend may: what is held goes back to the core, or fails, as the answer says. */
function buildRemoveAsking(): Program {
  const device = new Device();
  const result = staticWords(1);
  bindScripts([
    {
      *presuspend(ti): Kernel<void> {
        yield* dmNoflushSuspending(ti);
      },
    },
  ]);
  return {
    setup: () => device.create({ mode: 'hardirq', table: '0 4 scripted disk0 0 0' }),
    actors: [
      {
        name: 'remover',
        cpu: 0,
        *run(): Kernel<void> {
          memory.words[result] = yield* dmRemove(device.md);
        },
      },
    ],
    verify: nothingLeft,
    outcome: () => `remove ${errnoText(memory.words[result] as number)}`,
  };
}

export const removeRaces: readonly Scenario[] = [
  {
    name: 'status-remove',
    title: 'a device is removed while somebody asks for its status by number',
    cpus: 2,
    staticWords: DEVICE_WORDS + 2,
    outcomes: ['remove 0, status found', 'remove 0, status ENXIO'],
    build: buildStatusRemove,
  },
  {
    name: 'create-status',
    title: 'a device is created and removed while somebody asks for its status by number',
    cpus: 2,
    staticWords: 1,
    outcomes: ['status found', 'status ENXIO'],
    build: buildCreateStatus,
  },
  {
    name: 'remove-asking',
    title: 'a device is removed whose target asks for NOFLUSH in its presuspend',
    cpus: 1,
    staticWords: DEVICE_WORDS + 1,
    outcomes: ['remove 0'],
    build: buildRemoveAsking,
  },
];
