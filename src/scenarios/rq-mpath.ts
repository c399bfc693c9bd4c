/**
 * A request-based device whose requests must wait for a path, or for the activation of a group; whose table is replaced; which is removed.
 */
import { BIO_RW_UNPLUG, REQ_WRITE } from '../block/bio.ts';
import { dmClose, dmOpen, dmRemove, dmTableLoad, doResume, doSuspend } from '../core/ioctl.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../core/suspend.ts';
import { dmTargetMessage } from '../core/target-message.ts';
import { errnoText } from '../machine/errno.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { BARRIER, NO_REQUESTS, REQUEST_DEVICE_WORDS, RequestDevice, requestSlots } from './request-device.ts';
import type { Scenario } from './scenario.ts';
import { submitIo, type UserIo, waitIo } from './user-io.ts';

const ONE_PATH = '1 1 round-robin 0 1 1 disk0 1';
/** None is behind the one before, so that each has a request of its own. */
const SECTORS = [0, 2, 1, 3];
const said = (word: number): string => errnoText(memory.words[word] as number);

/** Two writes that find no path, a noflush suspend that takes them back, and the path's return. */
function buildTwo(): Program {
  const device = new RequestDevice();
  const words = staticWords(3);
  return {
    *setup(): Kernel<void> {
      yield* device.create({ table: `0 4 multipath 1 queue_if_no_path 0 ${ONE_PATH}` });
      yield* dmTargetMessage(device.md, 0, 'fail_path disk0');
    },
    actors: [
      {
        name: 'writer',
        cpu: 0,
        *run(): Kernel<void> {
          const { bdev } = device;
          const request = { size: 1, flags: REQ_WRITE | BIO_RW_UNPLUG, stamp: 7 };
          const ios = [
            yield* submitIo(bdev, { ...request, sector: 0 }),
            yield* submitIo(bdev, { ...request, sector: 2 }),
          ];
          for (const [number, io] of ios.entries()) memory.words[words + number] = (yield* waitIo(io)).error;
        },
      },
      {
        name: 'administrator',
        cpu: 1,
        *run(): Kernel<void> {
          memory.words[words + 2] = yield* doSuspend(device.md, DM_SUSPEND_NOFLUSH_FLAG);
          yield* dmTargetMessage(device.md, 0, 'reinstate_path disk0');
          yield* doResume(device.md, 0);
        },
      },
    ],
    outcome: () => `writes ${said(words)} and ${said(words + 1)}, suspend ${said(words + 2)}`,
  };
}

/** A write to a group that must be activated first. */
function buildActivation(): Program {
  const device = new RequestDevice();
  const result = staticWords(1);
  return {
    setup: () => device.create({ table: `0 4 multipath 0 2 simulated 5 ${ONE_PATH}` }),
    actors: [
      {
        name: 'writer',
        cpu: 0,
        *run(): Kernel<void> {
          const request = { sector: 0, size: 1, flags: REQ_WRITE | BIO_RW_UNPLUG, stamp: 7 };
          memory.words[result] = (yield* waitIo(yield* submitIo(device.bdev, request))).error;
        },
      },
    ],
    outcome: () => `write ${said(result)}`,
  };
}

/** Writes that request_fn is given together, and another table. */
function buildSwap(): Program {
  const device = new RequestDevice();
  const words = staticWords(SECTORS.length + 1);
  const table = '0 4 linear disk0 0';
  return {
    *setup(): Kernel<void> {
      yield* device.create({ table, anyCpu: true, nrRequests: SECTORS.length, depth: SECTORS.length });
      yield* dmTableLoad(device.md, table);
    },
    actors: [
      {
        name: 'writer',
        cpu: 0,
        *run(): Kernel<void> {
          const ios: UserIo[] = [];
          for (const [number, sector] of SECTORS.entries()) {
            const flags = REQ_WRITE | (number === SECTORS.length - 1 ? BIO_RW_UNPLUG : 0);
            ios.push(yield* submitIo(device.bdev, { sector, size: 1, stamp: 7, flags }));
          }
          for (const [number, io] of ios.entries()) memory.words[words + number] = (yield* waitIo(io)).error;
        },
      },
      {
        name: 'administrator',
        cpu: 1,
        *run(): Kernel<void> {
          memory.words[words + SECTORS.length] = yield* doResume(device.md, DM_SUSPEND_NOFLUSH_FLAG);
        },
      },
    ],
    outcome: () =>
      `writes ${SECTORS.map((_, number) => said(words + number)).join(', ')}, resume ${said(words + SECTORS.length)}`,
  };
}

/** A barrier without data over a disk that ends it at once, and the device removed as soon as it has ended. */
function buildRemoval(): Program {
  const device = new RequestDevice();
  const words = staticWords(2);
  return {
    setup: () => device.create({ table: '0 4 linear disk0 0', mode: 'inline' }),
    actors: [
      {
        name: 'writer',
        cpu: 1,
        *run(): Kernel<void> {
          const { md, bdev } = device;
          yield* dmOpen(md);
          const request = { sector: 0, size: 0, flags: REQ_WRITE | BARRIER, stamp: 0 };
          memory.words[words] = (yield* waitIo(yield* submitIo(bdev, request))).error;
          yield* dmClose(md);
          memory.words[words + 1] = yield* dmRemove(md);
        },
      },
    ],
    outcome: () => `barrier ${said(words)}, remove ${said(words + 1)}`,
  };
}

const common = { cpus: 2, slots: requestSlots(2), staticWords: REQUEST_DEVICE_WORDS + 3, notIn: NO_REQUESTS } as const;

export const rqMpath: readonly Scenario[] = [
  {
    ...common,
    name: 'rq-mpath-two',
    title: 'two writes over a multipath without a path, and a noflush suspend until the path is back',
    outcomes: ['writes 0 and 0, suspend 0'],
    build: buildTwo,
  },
  {
    ...common,
    name: 'rq-mpath-activation',
    title: 'a write over a multipath whose group must be activated',
    outcomes: ['write 0'],
    build: buildActivation,
  },
  {
    ...common,
    name: 'rq-swap',
    title: 'four writes, and another table that takes the place of the first',
    slots: requestSlots(SECTORS.length),
    staticWords: REQUEST_DEVICE_WORDS + SECTORS.length + 1,
    outcomes: ['writes 0, 0, 0, 0, resume 0'],
    build: buildSwap,
  },
  {
    ...common,
    name: 'rq-remove-after-barrier',
    title: 'a barrier that ends at once in kdmflush, and the device removed then',
    outcomes: ['barrier 0, remove 0'],
    build: buildRemoval,
  },
];
