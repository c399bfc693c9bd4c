/**
 * A flush of two clones that go to two disks and come back on any CPUs, saying what is chosen: what the barrier then ends with.
 *
 * The queues of the disks have nothing in common, so the two ends meet only in store_barrier_error. There is nothing else in it, so
 * that a search can go through many interleavings.
 */
import { REQ_WRITE } from '../block/bio.ts';
import { BlockDevice } from '../block/block-device.ts';
import { addRequestDisk, RequestDisk } from '../block/request-disk.ts';
import { cachedMediaWords, declareCachedMedia } from '../block/write-cache.ts';
import {
  blkBarrierRq,
  DM_ENDIO_REQUEUE,
  DM_MAPIO_REMAPPED,
  type DmRqTargetIo,
  dmRemapRequest,
  type Request,
} from '../core/device-mapper.ts';
import { dmCreate, dmTableLoad, doResume } from '../core/ioctl.ts';
import { EIO, ENXIO, EOPNOTSUPP, errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import { CHOICE_SCENARIO, type Kernel } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { ops } from '../machine/operations.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { bindScripts } from '../targets/scripted.ts';
import { BARRIER, NO_REQUESTS, requestSlots } from './request-device.ts';
import { flushResult } from './rq-barrier.ts';
import type { Scenario } from './scenario.ts';
import { submitIo, waitIo } from './user-io.ts';

const CLONES = 2;
const SECTORS = 1;

/** What a clone may say. */
export const ANSWERS: readonly number[] = [0, -EIO, -ENXIO, DM_ENDIO_REQUEUE, -EOPNOTSUPP];

/** What the barrier may end with: among errors of one rank the first one counts, and either clone may be it. */
const endsOf = (answers: readonly number[]): number[] => [
  ...new Set([flushResult(answers), flushResult([...answers].reverse())]),
];

const line = (answers: readonly number[], end: number): string =>
  `${answers.map((answer) => (answer > 0 ? 'REQUEUE' : errnoText(answer))).join(' and ')}: ${errnoText(end)}`;

/** What the two clones of the first attempt have said; a second attempt is well. */
class Flush {
  readonly #said = staticWords(CLONES);
  /** 1 when a clone has been asked. */
  readonly #asked = staticWords(CLONES);
  readonly #disks = staticWords(CLONES);

  disk(number: number): RequestDisk {
    return RequestDisk.at(memory.words[this.#disks + number] as number);
  }

  *plugIn(minor: number, media: number): Kernel<void> {
    const options = { name: `disk${minor}`, minor, sectors: SECTORS, mode: 'hardirqDirect', anyCpu: true } as const;
    const disk = yield* addRequestDisk({ ...options, nrRequests: 1, latencyUs: [20, 0] }, media);
    memory.words[this.#disks + minor] = disk.handle;
  }

  get said(): number[] {
    return [...memory.words.subarray(this.#said, this.#said + CLONES)];
  }

  *map(clone: Request, tio: DmRqTargetIo): Kernel<number> {
    const number = blkBarrierRq(clone) ? tio.info : 0;
    dmRemapRequest(clone, this.disk(number).bdev, 0);
    return DM_MAPIO_REMAPPED;
  }

  *answer({ info }: DmRqTargetIo): Kernel<number> {
    const w = memory.words;
    if (w[this.#asked + info] !== 0) return 0;
    w[this.#asked + info] = 1;
    const answer = ANSWERS[yield* ops.choice(CHOICE_SCENARIO, ANSWERS.length, HERE)] as number;
    w[this.#said + info] = answer;
    return answer;
  }
}

function build(): Program {
  const flush = new Flush();
  const device = staticWords(1);
  const result = staticWords(1);
  const media = [declareCachedMedia(SECTORS), declareCachedMedia(SECTORS)];
  bindScripts([
    {
      numFlushRequests: CLONES,
      mapRq: (_ti, clone, tio) => flush.map(clone, tio),
      rqEndIo: (_ti, _clone, _error, tio) => flush.answer(tio),
    },
  ]);
  return {
    *setup(): Kernel<void> {
      for (const [minor, words] of media.entries()) yield* flush.plugIn(minor, words);
      const md = yield* dmCreate({ name: 'dm0', minor: 0, requestBased: true, nrRequests: 1 });
      if (typeof md === 'number') report('assertion', '', `create gives ${errnoText(md)}`);
      yield* dmTableLoad(md, `0 ${SECTORS} scripted disk0 0 0`);
      yield* doResume(md, 0);
      memory.words[device] = md.bdev;
    },
    actors: [
      {
        name: 'writer',
        cpu: 0,
        *run(): Kernel<void> {
          const request = { sector: 0, size: 0, flags: REQ_WRITE | BARRIER, stamp: 0 };
          const io = yield* submitIo(BlockDevice.at(memory.words[device] as number), request);
          memory.words[result] = (yield* waitIo(io)).error;
        },
      },
    ],
    *verify(): Kernel<void> {
      const end = memory.words[result] as number;
      if (!endsOf(flush.said).includes(end))
        report('wrong-error', 'I43', `the flush ends so: ${line(flush.said, end)}`);
    },
    outcome: () => line(flush.said, memory.words[result] as number),
  };
}

export const rqFlushAnswers: Scenario = {
  name: 'rq-flush-answers',
  title: 'two clones of a flush come back from two disks, at once and with any answers',
  cpus: 2,
  slots: { ...requestSlots(1), 'request-disk': 2, 'request-queue': 3, request: 18 },
  staticWords: 3 * CLONES + 2 + 2 * cachedMediaWords(SECTORS),
  outcomes: ANSWERS.flatMap((one) => ANSWERS.flatMap((two) => endsOf([one, two]).map((end) => line([one, two], end)))),
  notIn: NO_REQUESTS,
  build,
};
