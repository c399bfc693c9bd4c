/**
 * Barriers on a request-based device: beside a suspend, and with a target whose two flushes go wrong in all ways.
 */
import { BIO_RW_UNPLUG, REQ_WRITE } from '../block/bio.ts';
import { blkBarrierRq, DM_ENDIO_REQUEUE } from '../core/device-mapper.ts';
import { doResume, doSuspend } from '../core/ioctl.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../core/suspend.ts';
import { dmTargetMessage } from '../core/target-message.ts';
import { EIO, EOPNOTSUPP, errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import { CHOICE_SCENARIO, type Kernel } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { ops } from '../machine/operations.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { Atomic } from '../shared/word.ts';
import { bindScripts } from '../targets/scripted.ts';
import { BARRIER, NO_REQUESTS, REQUEST_DEVICE_WORDS, RequestDevice, requestSlots } from './request-device.ts';
import type { Scenario } from './scenario.ts';
import { submitIo, waitIo } from './user-io.ts';

function* write(device: RequestDevice, sector: number, flags: number): Kernel<number> {
  const request = { sector, size: 1, flags: REQ_WRITE | flags, stamp: 7 + sector };
  return (yield* waitIo(yield* submitIo(device.bdev, request))).error;
}

/** A barrier between two writes, and a suspend of either kind at any moment. */
function buildSuspend(): Program {
  const device = new RequestDevice();
  const words = staticWords(3);
  return {
    setup: () => device.create({ table: '0 4 linear disk0 0' }),
    actors: [
      {
        name: 'writer',
        cpu: 0,
        *run(): Kernel<void> {
          memory.words[words] = yield* write(device, 0, BIO_RW_UNPLUG);
          memory.words[words + 1] = yield* write(device, 1, BARRIER);
        },
      },
      {
        name: 'suspender',
        cpu: 1,
        *run(): Kernel<void> {
          const noflush = yield* ops.choice(CHOICE_SCENARIO, 2, HERE);
          memory.words[words + 2] = yield* doSuspend(device.md, noflush === 0 ? 0 : DM_SUSPEND_NOFLUSH_FLAG);
          yield* doResume(device.md, 0);
        },
      },
    ],
    *verify(): Kernel<void> {
      if (device.cache.stored(0) !== 7 || device.cache.stored(1) !== 8)
        report('lost-bio', 'I41', 'a barrier has ended, and what it covers is not on the media');
    },
    outcome: () => `write ${said(words)}, barrier ${said(words + 1)}, suspend ${said(words + 2)}`,
  };
}

const said = (word: number): string => errnoText(memory.words[word] as number);

/** A barrier over a multipath whose one path fails, a noflush suspend that takes back what waits there, and the path's return. */
function buildMultipath(): Program {
  const device = new RequestDevice();
  const words = staticWords(2);
  return {
    setup: () => device.create({ table: '0 4 multipath 1 queue_if_no_path 0 1 1 round-robin 0 1 0 disk0' }),
    actors: [
      {
        name: 'writer',
        cpu: 0,
        *run(): Kernel<void> {
          memory.words[words] = yield* write(device, 1, BARRIER);
        },
      },
      {
        name: 'administrator',
        cpu: 1,
        *run(): Kernel<void> {
          yield* dmTargetMessage(device.md, 0, 'fail_path disk0');
          memory.words[words + 1] = yield* doSuspend(device.md, DM_SUSPEND_NOFLUSH_FLAG);
          yield* dmTargetMessage(device.md, 0, 'reinstate_path disk0');
          yield* doResume(device.md, 0);
        },
      },
    ],
    *verify(): Kernel<void> {
      if (device.cache.stored(1) !== 8)
        report('lost-bio', 'I41', 'a barrier has ended, and what it covers is not on the media');
    },
    outcome: () => `barrier ${said(words)}, suspend ${said(words + 1)}`,
  };
}

/** What a clone of a flush may say. */
const ANSWERS = [0, -EIO, -EOPNOTSUPP, DM_ENDIO_REQUEUE] as const;

/** What the flush of a barrier comes to: what any clone said, by rank. REQUEUE: the flush is made again, and all is well then. */
export function flushResult(answers: readonly number[]): number {
  if (answers.includes(-EOPNOTSUPP)) return -EOPNOTSUPP;
  if (answers.includes(DM_ENDIO_REQUEUE)) return 0;
  return answers.find((answer) => answer < 0) ?? 0;
}

/** An empty barrier over a target with two flushes. Each clone of the first attempt says what is chosen, the others are well. */
function buildErrors(): Program {
  const device = new RequestDevice();
  const words = staticWords(4);
  const asked = new Atomic(words);
  bindScripts([
    {
      numFlushRequests: 2,
      *rqEndIo(_ti, clone, error): Kernel<number> {
        if (!blkBarrierRq(clone)) return error;
        const number = yield* asked.add(1, HERE);
        if (number >= 2) return error;
        const answer = ANSWERS[yield* ops.choice(CHOICE_SCENARIO, ANSWERS.length, HERE)] as number;
        memory.words[words + 1 + number] = answer;
        return answer;
      },
    },
  ]);
  const answers = (): number[] => [memory.words[words + 1] as number, memory.words[words + 2] as number];
  return {
    setup: () => device.create({ table: '0 4 scripted disk0 0 0', anyCpu: true }),
    actors: [
      {
        name: 'writer',
        cpu: 0,
        *run(): Kernel<void> {
          const request = { sector: 0, size: 0, flags: REQ_WRITE | BARRIER, stamp: 0 };
          memory.words[words + 3] = (yield* waitIo(yield* submitIo(device.bdev, request))).error;
        },
      },
    ],
    *verify(): Kernel<void> {
      const expected = flushResult(answers());
      if (memory.words[words + 3] !== expected)
        report('wrong-error', 'I43', `the barrier ends with ${said(words + 3)}, not with ${errnoText(expected)}`);
    },
    outcome: () =>
      `${answers()
        .map((answer) => (answer > 0 ? 'REQUEUE' : errnoText(answer)))
        .join(' and ')}: ${said(words + 3)}`,
  };
}

export const rqBarrier: readonly Scenario[] = [
  {
    name: 'rq-barrier-suspend',
    title: 'a barrier on a request-based device, and a suspend of either kind',
    cpus: 2,
    slots: requestSlots(2),
    staticWords: REQUEST_DEVICE_WORDS + 3,
    outcomes: ['write 0, barrier 0, suspend 0'],
    notIn: NO_REQUESTS,
    build: buildSuspend,
  },
  {
    name: 'rq-barrier-mpath',
    title: 'a barrier over a multipath that loses its path, and a noflush suspend until the path is back',
    cpus: 2,
    slots: requestSlots(2),
    staticWords: REQUEST_DEVICE_WORDS + 2,
    outcomes: ['barrier 0, suspend 0'],
    notIn: NO_REQUESTS,
    build: buildMultipath,
  },
  {
    name: 'rq-flush-errors',
    title: 'the two flushes of a target go wrong in all ways, and end in any order',
    cpus: 2,
    slots: requestSlots(2),
    staticWords: REQUEST_DEVICE_WORDS + 4,
    notIn: NO_REQUESTS,
    build: buildErrors,
  },
];
