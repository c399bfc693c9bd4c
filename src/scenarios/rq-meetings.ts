/**
 * Small meetings of requests and flushes of a request-based device, each of which one mistake spoils: the clones of a flush end on two
 * CPUs at once, or are refused by the target's map; the flushes of two barriers follow each other; the device is removed as soon as
 * its last I/O has ended; paths fail.
 */
import { BIO_RW_UNPLUG, REQ_WRITE } from '../block/bio.ts';
import type { BlockDevice } from '../block/block-device.ts';
import { blkBarrierRq, DM_MAPIO_REMAPPED, DM_MAPIO_REQUEUE } from '../core/device-mapper.ts';
import { dmClose, dmOpen, dmRemove } from '../core/ioctl.ts';
import { dmTargetMessage } from '../core/target-message.ts';
import { EIO, EOPNOTSUPP, errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import { CHOICE_SCENARIO, type Kernel } from '../machine/kernel.ts';
import type { Actor, Program } from '../machine/machine.ts';
import { ops } from '../machine/operations.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { Atomic } from '../shared/word.ts';
import { bindScripts, remapRequest } from '../targets/scripted.ts';
import {
  BARRIER,
  NO_REQUESTS,
  REQUEST_DEVICE_WORDS,
  RequestDevice,
  requestDeviceWords,
  requestSlots,
} from './request-device.ts';
import { flushResult } from './rq-barrier.ts';
import type { Scenario } from './scenario.ts';
import { submitIo, waitIo } from './user-io.ts';

const said = (word: number): string => errnoText(memory.words[word] as number);

/** Writes the first sector, or nothing, and gives how that ends. */
function* write(bdev: BlockDevice, size: 0 | 1, flags: number): Kernel<number> {
  const io = yield* submitIo(bdev, { sector: 0, size, flags: REQ_WRITE | flags, stamp: 7 });
  return (yield* waitIo(io)).error;
}

/** Sends a barrier with one sector or without data, and notes in `result` how it ends. */
function barrierWriter(device: RequestDevice, cpu: number, size: 0 | 1, result: number): Actor {
  return {
    name: `writer${cpu}`,
    cpu,
    *run(): Kernel<void> {
      memory.words[result] = yield* write(device.bdev, size, BARRIER);
    },
  };
}

/** A barrier over two disks: the flush of the one fails, the other refuses flushes. */
function buildTwoDisks(): Program {
  const device = new RequestDevice(2);
  const result = staticWords(1);
  return {
    *setup(): Kernel<void> {
      const table = '0 8 striped 2 1 disk0 0 disk1 0';
      yield* device.create({ table, anyCpu: true, latencyUs: [20, 0], others: { barriers: 'refuse' } });
      yield* device.disk.failFlush.set(1, HERE);
    },
    actors: [barrierWriter(device, 0, 0, result)],
    outcome: () => `barrier ${said(result)}`,
  };
}

const ERRORS = [-EIO, -EOPNOTSUPP] as const;

/**
 * A barrier over a target with two flushes. To the clones of the first attempt its map says one of `answers`, the others are well. Like
 * any target that waits for its I/O, it counts what it has sent down and has not seen again.
 */
function buildMap(answers: readonly number[]): Program {
  const device = new RequestDevice();
  const words = staticWords(5);
  const [asked, first, result] = [words, words + 1, words + 3];
  const below = new Atomic(words + 4);
  bindScripts([
    {
      numFlushRequests: 2,
      *mapRq(ti, clone): Kernel<number> {
        if (!blkBarrierRq(clone)) return remapRequest(ti, clone);
        // Clones of a flush are all mapped by kdmflush.
        const number = (memory.words[asked] as number)++;
        if (number < 2) {
          const answer = answers[yield* ops.choice(CHOICE_SCENARIO, answers.length, HERE)] as number;
          memory.words[first + number] = answer;
          if (answer !== DM_MAPIO_REMAPPED) return answer;
        }
        yield* below.add(1, HERE);
        return remapRequest(ti, clone);
      },
      *rqEndIo(_ti, clone, error): Kernel<number> {
        if (blkBarrierRq(clone)) yield* below.add(-1, HERE);
        return error;
      },
    },
  ]);
  return {
    setup: () => device.create({ table: '0 4 scripted disk0 0 0' }),
    actors: [barrierWriter(device, 0, 1, result)],
    *verify(): Kernel<void> {
      const left = memory.words[below.word] as number;
      if (left !== 0) report('leak', '', `a target waits for ${left} requests that have ended`);
      const expected = flushResult([0, 1].map((number) => memory.words[first + number] as number));
      if (memory.words[result] !== expected)
        report('wrong-error', 'I43', `the barrier ends with ${said(result)}, not with ${errnoText(expected)}`);
    },
    outcome: () => `barrier ${said(result)}`,
  };
}

/** Two writers, each with a barrier; the second has another one. */
function buildTwoBarriers(): Program {
  const device = new RequestDevice();
  const results = staticWords(3);
  return {
    setup: () => device.create({ table: '0 4 linear disk0 0', mode: 'inline' }),
    actors: [
      barrierWriter(device, 0, 0, results),
      {
        name: 'writer1',
        cpu: 1,
        *run(): Kernel<void> {
          memory.words[results + 1] = yield* write(device.bdev, 0, BARRIER);
          memory.words[results + 2] = yield* write(device.bdev, 0, BARRIER);
        },
      },
    ],
    outcome: () => `barriers ${[0, 1, 2].map((number) => said(results + number)).join(', ')}`,
  };
}

/**
 * Two writers over a disk that ends each request inside its request_fn. What the second one writes may stand in the device's queue
 * meanwhile, since it does not ask that the queue be run.
 */
function buildInline(): Program {
  const device = new RequestDevice();
  const results = staticWords(2);
  return {
    setup: () => device.create({ table: '0 4 linear disk0 0', mode: 'inline' }),
    actors: [0, 1].map((number) => ({
      name: `writer${number}`,
      cpu: number,
      *run(): Kernel<void> {
        memory.words[results + number] = yield* write(device.bdev, 1, number === 0 ? BIO_RW_UNPLUG : 0);
      },
    })),
    outcome: () => `writes ${said(results)}, ${said(results + 1)}`,
  };
}

/** A writer that removes the device as soon as its write, or its barrier, has ended. */
function buildLast(flags: number): Program {
  const device = new RequestDevice();
  const results = staticWords(2);
  return {
    setup: () => device.create({ table: '0 4 linear disk0 0', anyCpu: true }),
    actors: [
      {
        name: 'writer',
        cpu: 0,
        *run(): Kernel<void> {
          const { md, bdev } = device;
          yield* dmOpen(md);
          memory.words[results] = yield* write(bdev, 1, flags);
          yield* dmClose(md);
          memory.words[results + 1] = yield* dmRemove(md);
        },
      },
    ],
    outcome: () => `I/O ${said(results)}, remove ${said(results + 1)}`,
  };
}

/** A write over a multipath that does not queue and loses its path. */
function buildLastPath(): Program {
  const device = new RequestDevice();
  const result = staticWords(1);
  return {
    setup: () => device.create({ table: '0 4 multipath 0 0 1 1 round-robin 0 1 0 disk0' }),
    actors: [
      {
        name: 'writer',
        cpu: 0,
        *run(): Kernel<void> {
          memory.words[result] = yield* write(device.bdev, 1, BIO_RW_UNPLUG);
        },
      },
      { name: 'administrator', cpu: 1, run: () => failPath(device) },
    ],
    outcome: () => `write ${said(result)}`,
  };
}

/** A write over a multipath whose first path fails it: it goes through the second one. */
function buildFailover(): Program {
  const device = new RequestDevice(2);
  const result = staticWords(1);
  return {
    *setup(): Kernel<void> {
      yield* device.create({ table: '0 4 multipath 0 0 1 1 round-robin 0 2 0 disk0 disk1', anyCpu: true });
      yield* device.disk.failNext.set(1, HERE);
    },
    actors: [
      {
        name: 'writer',
        cpu: 0,
        *run(): Kernel<void> {
          memory.words[result] = yield* write(device.bdev, 1, BIO_RW_UNPLUG);
        },
      },
    ],
    outcome: () => `write ${said(result)}`,
  };
}

function* failPath(device: RequestDevice): Kernel<void> {
  yield* dmTargetMessage(device.md, 0, 'fail_path disk0');
}

const scenario = (name: string, title: string, words: number, build: () => Program, disks = 1): Scenario => ({
  name,
  title,
  cpus: 2,
  slots: requestSlots(2, disks),
  staticWords: words,
  notIn: NO_REQUESTS,
  build,
});

const LAST_WORDS = REQUEST_DEVICE_WORDS + 2;
const MAP_WORDS = REQUEST_DEVICE_WORDS + 5;

export const rqMeetings: readonly Scenario[] = [
  scenario(
    'rq-flush-two-disks',
    'the flush of one disk fails while another disk refuses flushes',
    requestDeviceWords(2) + 1,
    buildTwoDisks,
    2,
  ),
  scenario('rq-flush-map', 'the map of a target refuses one of its two flushes, or both, in all ways', MAP_WORDS, () =>
    buildMap([DM_MAPIO_REMAPPED, DM_MAPIO_REQUEUE, ...ERRORS]),
  ),
  scenario('rq-flush-unmapped', 'the map of a target fails both of its flushes', MAP_WORDS, () => buildMap(ERRORS)),
  scenario('rq-two-barriers', 'the barriers of two writers', REQUEST_DEVICE_WORDS + 3, buildTwoBarriers),
  scenario('rq-inline', 'two writes over a disk that ends requests inside its request_fn', LAST_WORDS, buildInline),
  scenario('rq-last-write', 'a write, and the device removed as soon as it has ended', LAST_WORDS, () =>
    buildLast(BIO_RW_UNPLUG),
  ),
  scenario('rq-last-barrier', 'a barrier, and the device removed as soon as it has ended', LAST_WORDS, () =>
    buildLast(BARRIER),
  ),
  scenario(
    'rq-last-path',
    'a write over a multipath that does not queue and loses its path',
    REQUEST_DEVICE_WORDS + 1,
    buildLastPath,
  ),
  scenario(
    'rq-failover',
    'a write over a multipath whose first path fails',
    requestDeviceWords(2) + 1,
    buildFailover,
    2,
  ),
];
