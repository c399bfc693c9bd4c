/**
 * Planted violations of the request queue: drivers that do what they must not, and a disk that lies.
 */
import { BIO_RW_BARRIER, BIO_RW_UNPLUG, Bio, REQ_WRITE } from '../../src/block/bio.ts';
import { BlockDevice } from '../../src/block/block-device.ts';
import { blkRequeueRequest, blkStartRequest } from '../../src/block/elevator.ts';
import { __blkEndRequestAll } from '../../src/block/end-request.ts';
import { markOrdseq, QUEUE_ORDSEQ_BAR, QUEUE_ORDSEQ_DRAIN } from '../../src/block/ordered-seq.ts';
import { blkPeekRequest } from '../../src/block/peek-request.ts';
import { CMD_FLUSH, Request } from '../../src/block/request.ts';
import { addRequestDisk, RequestDisk } from '../../src/block/request-disk.ts';
import { blkRunQueue, blkStartQueue, blkStopQueue, queueDrivers, RequestQueue } from '../../src/block/request-queue.ts';
import { declareCachedMedia } from '../../src/block/write-cache.ts';
import type { FindingKind } from '../../src/machine/finding.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import type { Program } from '../../src/machine/machine.ts';
import { submitIo, waitIo } from '../../src/scenarios/user-io.ts';
import { spinLockIrqsave, spinUnlockIrqrestore } from '../../src/shared/atomics-lock.ts';
import { memory, staticWords } from '../../src/shared/memory.ts';
import type { Planted } from './held.ts';

const DISKS = 2;
const SECTORS = 4;
const slots = { request: 16, 'request-queue': DISKS, 'request-disk': DISKS };

/** Two inline disks. The driver of the first may be replaced. */
class Disks {
  readonly #words = staticWords(DISKS);
  readonly #media = Array.from({ length: DISKS }, () => declareCachedMedia(SECTORS));

  *create(driver: number): Kernel<void> {
    for (const [minor, media] of this.#media.entries()) {
      const disk = yield* addRequestDisk({ name: `disk${minor}`, minor, sectors: SECTORS, mode: 'inline' }, media);
      memory.words[this.#words + minor] = disk.handle;
    }
    if (driver !== 0) this.queue(0).driver = driver;
  }

  disk(number: number): RequestDisk {
    return RequestDisk.at(memory.words[this.#words + number] as number);
  }

  queue(number: number): RequestQueue {
    return RequestQueue.at(this.disk(number).queue);
  }

  /** Nothing is started from now on. */
  *stop(): Kernel<void> {
    const { queueLock } = this.queue(0);
    const saved = yield* spinLockIrqsave(queueLock, HERE);
    yield* blkStopQueue(this.queue(0));
    yield* spinUnlockIrqrestore(queueLock, saved, HERE);
  }

  *start(): Kernel<void> {
    const { queueLock } = this.queue(0);
    const saved = yield* spinLockIrqsave(queueLock, HERE);
    yield* blkStartQueue(this.queue(0));
    yield* spinUnlockIrqrestore(queueLock, saved, HERE);
  }

  /** Writes to the first disk and waits for nothing. */
  *send(sector: number, flags: number): Kernel<void> {
    const bdev = BlockDevice.at(this.disk(0).bdev);
    yield* submitIo(bdev, { sector, size: 1, flags: REQ_WRITE | flags, stamp: 1 });
  }

  *write(sector: number, flags = BIO_RW_UNPLUG, number = 0): Kernel<void> {
    const bdev = BlockDevice.at(this.disk(number).bdev);
    yield* waitIo(yield* submitIo(bdev, { sector, size: 1, flags: REQ_WRITE | flags, stamp: 7 }));
  }
}

type RequestFn = (q: RequestQueue) => Kernel<void>;

/** The driver of a disk whose flushes and writes do nothing, with another request_fn. */
const driver = (name: string, requestFn: RequestFn): number =>
  queueDrivers.define(`planted ${name}`, {
    name: 'planted',
    requestFn,
    prepareFlushFn(rq): void {
      rq.cmd = CMD_FLUSH;
    },
    *softirqDoneFn(): Kernel<void> {},
  });

interface Plot {
  readonly requestFn?: RequestFn;
  /** Default: a barrier. */
  readonly task?: (disks: Disks) => Kernel<void>;
}

const barrier = (disks: Disks): Kernel<void> => disks.write(0, BIO_RW_BARRIER);

function plant(invariant: string, kind: FindingKind, title: string, plot: Plot): Planted {
  const { requestFn, task = barrier } = plot;
  const number = requestFn === undefined ? 0 : driver(title, requestFn);
  const build = (): Program => {
    const disks = new Disks();
    return { setup: () => disks.create(number), actors: [{ name: 'task0', cpu: 0, run: () => task(disks) }] };
  };
  const name = `planted-${invariant.toLowerCase()}-${title.toLowerCase().replaceAll(/[^a-z]+/g, '-')}`;
  return { invariant, kind, swaps: {}, scenario: { name, title, cpus: 1, slots, staticWords: 64, build } };
}

/** What comes next, started. */
function* next(q: RequestQueue): Kernel<Request> {
  const rq = (yield* blkPeekRequest(q)) as Request;
  blkStartRequest(q, rq);
  return rq;
}

export const plantedRequest: readonly Planted[] = [
  plant('I19', 'lock-order', 'two queue_locks are held', {
    *task(disks): Kernel<void> {
      yield* submitIo(BlockDevice.at(disks.disk(1).bdev), { sector: 0, size: 1, flags: 0, stamp: 0 });
      const saved = yield* spinLockIrqsave(disks.queue(0).queueLock, HERE);
      yield* blkRunQueue(disks.queue(1));
      yield* spinUnlockIrqrestore(disks.queue(0).queueLock, saved, HERE);
    },
  }),
  plant('I22', 'reorder', 'the barrier is started during its flush', {
    *requestFn(q): Kernel<void> {
      yield* next(q);
      blkStartRequest(q, Request.at(q.barRq));
    },
  }),
  plant('I23', 'reorder', 'the barrier is over before its flush', {
    *requestFn(q): Kernel<void> {
      yield* next(q);
      markOrdseq(q, QUEUE_ORDSEQ_BAR, 0);
    },
  }),
  {
    ...plant('I23', 'reorder', 'a barrier does not wait for a write', {
      *requestFn(q): Kernel<void> {
        yield* next(q);
        yield* blkPeekRequest(q);
        markOrdseq(q, QUEUE_ORDSEQ_DRAIN, 0);
      },
      *task(disks): Kernel<void> {
        yield* disks.stop();
        yield* disks.send(2, 0);
        yield* disks.send(0, BIO_RW_BARRIER);
        yield* disks.start();
      },
    }),
    message: /has drained its queue with 1 requests in flight/,
  },
  plant('I24', 'assertion', 'in_flight counts a request that nobody has', {
    *requestFn(q): Kernel<void> {
      q.inFlight++;
      yield* next(q);
    },
    task: (disks) => disks.write(0),
  }),
  plant('I25', 'double-completion', 'a flush ends twice', {
    *requestFn(q): Kernel<void> {
      const flush = yield* next(q);
      yield* __blkEndRequestAll(q, flush, 0);
      yield* __blkEndRequestAll(q, flush, 0);
    },
  }),
  plant('I26', 'lost-bio', 'a request ends before its bio', {
    *requestFn(q): Kernel<void> {
      const rq = yield* next(q);
      rq.sectors = 0;
      yield* __blkEndRequestAll(q, rq, 0);
    },
    task: (disks) => disks.write(0),
  }),
  plant('I26', 'reorder', 'the second bio of a request ends before the first', {
    *requestFn(q): Kernel<void> {
      const rq = yield* next(q);
      const first = Bio.at(rq.bioHead);
      const second = Bio.at(rq.bioTail);
      rq.bioHead = second.handle;
      second.next = first.handle;
      first.next = 0;
      rq.bioTail = first.handle;
      yield* __blkEndRequestAll(q, rq, 0);
    },
    *task(disks): Kernel<void> {
      yield* disks.send(0, 0);
      yield* disks.write(1);
    },
  }),
  plant('I40', 'reorder', 'a request overtakes a barrier', {
    *requestFn(q): Kernel<void> {
      const rq = yield* next(q);
      if (rq.cmd === CMD_FLUSH && q.last !== q.postFlushRq) {
        yield* __blkEndRequestAll(q, rq, 0);
        blkStartRequest(q, Request.at(q.last));
      }
    },
    *task(disks): Kernel<void> {
      yield* disks.stop();
      yield* disks.send(0, BIO_RW_BARRIER);
      yield* disks.send(2, 0);
      yield* disks.start();
    },
  }),
  plant('I41', 'lost-bio', 'a flush does nothing', {
    *task(disks): Kernel<void> {
      yield* disks.disk(0).lies.write(1, HERE);
      yield* disks.write(0);
      yield* disks.write(1, BIO_RW_BARRIER);
    },
  }),
  plant('I52', 'livelock', 'request_fn starts again what it has requeued', {
    *requestFn(q): Kernel<void> {
      for (;;) yield* blkRequeueRequest(q, yield* next(q));
    },
    task: (disks) => disks.write(0),
  }),
];
