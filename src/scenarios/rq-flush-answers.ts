/**
 * A flush of two clones that go to two disks and come back on any CPUs, saying what is chosen: what the flush then comes to.
 *
 * It is small enough for a search through all interleavings. The barrier waits in a stopped queue, which is then started for a moment:
 * request_fn hands the flush over, and the queue is stopped again before kdmflush, on the same CPU, can run. From then on nobody moves but
 * kdmflush, who makes the clones and waits for them, the disks, and their interrupts. No timer runs: a stopped queue is not plugged.
 * The queues of the disks have nothing in common, so the two ends meet in store_barrier_error and in what the device counts.
 *
 * A flush that is wanted back stays in the stopped queue, as in a suspend. Nobody makes it again: a second attempt would be gone through
 * as often as there are interleavings of the first one.
 */
import { REQ_WRITE } from '../block/bio.ts';
import { BlockDevice } from '../block/block-device.ts';
import { blkStartRequest } from '../block/elevator.ts';
import { __blkEndRequestAll } from '../block/end-request.ts';
import { blkPeekRequest } from '../block/peek-request.ts';
import { addRequestDisk, RequestDisk } from '../block/request-disk.ts';
import { RequestQueue } from '../block/request-queue.ts';
import { cachedMediaWords, declareCachedMedia } from '../block/write-cache.ts';
import {
  DM_ENDIO_REQUEUE,
  DM_MAPIO_REMAPPED,
  type DmRqTargetIo,
  dmRemapRequest,
  type Request,
} from '../core/device-mapper.ts';
import { dmCreate, dmTableLoad, doResume } from '../core/ioctl.ts';
import { MappedDevice } from '../core/mapped-device.ts';
import { startQueue, stopAndFlush, stopQueue } from '../core/rq-queue.ts';
import { EIO, ENXIO, EOPNOTSUPP, errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import { CHOICE_SCENARIO, type Kernel, resolved } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { ops } from '../machine/operations.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { spinLockIrq, spinUnlockIrq } from '../shared/spinlock.ts';
import { bindScripts } from '../targets/scripted.ts';
import { BARRIER, NO_REQUESTS, requestSlots } from './request-device.ts';
import type { Scenario } from './scenario.ts';
import { submitIo, waitIo } from './user-io.ts';

const CLONES = 2;
const SECTORS = 1;

/** What a clone may say. */
export const ANSWERS: readonly number[] = [0, -EIO, -ENXIO, DM_ENDIO_REQUEUE, -EOPNOTSUPP];

/** What clones that say so come to: the highest rank; among other errors the first one, and any may be that. */
function endsOf(answers: readonly number[]): number[] {
  if (answers.includes(-EOPNOTSUPP)) return [-EOPNOTSUPP];
  if (answers.includes(DM_ENDIO_REQUEUE)) return [DM_ENDIO_REQUEUE];
  const errors = [...new Set(answers.filter((answer) => answer !== 0))];
  return errors.length === 0 ? [0] : errors;
}

const answerText = (answer: number): string => (answer > 0 ? 'REQUEUE' : errnoText(answer));

const line = (answers: readonly number[], end: number): string =>
  `${answers.map(answerText).join(' and ')}: ${answerText(end)}`;

class Flush {
  /** What each clone of the first attempt says. */
  readonly #says = staticWords(CLONES);
  readonly #disks = staticWords(CLONES);
  readonly #media = Array.from({ length: CLONES }, () => declareCachedMedia(SECTORS));
  readonly #md = staticWords(1);
  readonly #end = staticWords(1);

  static readonly WORDS = CLONES * (2 + cachedMediaWords(SECTORS)) + 2;

  get #answers(): number[] {
    return [...memory.words.subarray(this.#says, this.#says + CLONES)];
  }

  *setup(): Kernel<void> {
    for (const [minor, media] of this.#media.entries()) {
      const options = { name: `disk${minor}`, minor, sectors: SECTORS, mode: 'hardirqDirect', anyCpu: true } as const;
      const disk = yield* addRequestDisk({ ...options, nrRequests: 1, latencyUs: [20, 0] }, media);
      memory.words[this.#disks + minor] = disk.handle;
    }
    const md = yield* dmCreate({ name: 'dm0', minor: 0, requestBased: true, nrRequests: 1 });
    if (typeof md === 'number') report('assertion', '', `create gives ${errnoText(md)}`);
    memory.words[this.#md] = md.handle;
    yield* dmTableLoad(md, `0 ${SECTORS} scripted disk0 0 0`);
    yield* doResume(md, 0);
  }

  *run(): Kernel<void> {
    const w = memory.words;
    for (let clone = 0; clone < CLONES; clone++)
      w[this.#says + clone] = ANSWERS[yield* ops.choice(CHOICE_SCENARIO, ANSWERS.length, HERE)] as number;
    const md = MappedDevice.at(w[this.#md] as number);
    const q = RequestQueue.at(md.queue);
    yield* stopQueue(q);
    const barrier = { sector: 0, size: 0, flags: REQ_WRITE | BARRIER, stamp: 0 };
    const io = yield* submitIo(BlockDevice.at(md.bdev), barrier);
    yield* startQueue(md);
    yield* stopAndFlush(md);
    w[this.#end] = yield* endPutBack(q);
    yield* startQueue(md);
    const { error } = yield* waitIo(io);
    if (w[this.#end] === 0) w[this.#end] = error;
  }

  *map(clone: Request, { info }: DmRqTargetIo): Kernel<number> {
    const w = memory.words;
    dmRemapRequest(clone, RequestDisk.at(w[this.#disks + info] as number).bdev, 0);
    return DM_MAPIO_REMAPPED;
  }

  says({ info }: DmRqTargetIo): number {
    return memory.words[this.#says + info] as number;
  }

  check(): void {
    if (!endsOf(this.#answers).includes(memory.words[this.#end] as number))
      report('wrong-error', 'I43', `the flush ends so: ${this.outcome()}`);
  }

  outcome(): string {
    return line(this.#answers, memory.words[this.#end] as number);
  }
}

/** Ends the flush that is in the queue again; gives REQUEUE, or 0 if there is none. */
function* endPutBack(q: RequestQueue): Kernel<number> {
  yield* spinLockIrq(q.queueLock, HERE);
  const flush = yield* blkPeekRequest(q);
  if (flush !== null) {
    blkStartRequest(q, flush);
    yield* __blkEndRequestAll(q, flush, 0);
  }
  yield* spinUnlockIrq(q.queueLock, HERE);
  return flush === null ? 0 : DM_ENDIO_REQUEUE;
}

function build(): Program {
  const flush = new Flush();
  bindScripts([
    {
      numFlushRequests: CLONES,
      mapRq: (_ti, clone, tio) => flush.map(clone, tio),
      rqEndIo: (_ti, _clone, _error, tio) => resolved(flush.says(tio)),
    },
  ]);
  return {
    setup: () => flush.setup(),
    actors: [{ name: 'writer', cpu: 0, run: () => flush.run() }],
    *verify(): Kernel<void> {
      flush.check();
    },
    outcome: () => flush.outcome(),
  };
}

export const rqFlushAnswers: Scenario = {
  name: 'rq-flush-answers',
  title: 'two clones of a flush come back from two disks, at once and with any answers',
  cpus: 2,
  slots: { ...requestSlots(1), 'request-disk': 2, 'request-queue': 3, request: 18 },
  staticWords: Flush.WORDS,
  outcomes: ANSWERS.flatMap((one) => ANSWERS.flatMap((two) => endsOf([one, two]).map((end) => line([one, two], end)))),
  notIn: NO_REQUESTS,
  build,
};
