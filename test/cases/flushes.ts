/**
 * How a request-based device makes and ends its clones: those of a flush in kdmflush, with waiting; those of other requests when it can.
 */

import { BIO_RW_BARRIER } from '../../src/block/bio.ts';
import { blkCompleteRequest } from '../../src/block/blk-softirq.ts';
import { BlockDevice } from '../../src/block/block-device.ts';
import { hangDisk, releaseDisk } from '../../src/block/disk-faults.ts';
import { blkUpdateRequest } from '../../src/block/end-request.ts';
import { Request } from '../../src/block/request.ts';
import { BLKPREP_KILL, BLKPREP_OK, RequestQueue } from '../../src/block/request-queue.ts';
import { inKdmflush } from '../../src/check/suspend.ts';
import { blkBarrierRq, DM_ENDIO_REQUEUE } from '../../src/core/device-mapper.ts';
import { DmRqTargetIo, tioOf } from '../../src/core/dm-rq-target-io.ts';
import { dmCreate, doResume, doSuspend } from '../../src/core/ioctl.ts';
import type { MappedDevice } from '../../src/core/mapped-device.ts';
import { dmRqBarrier } from '../../src/core/rq-barrier.ts';
import { rqCompleted } from '../../src/core/rq-end.ts';
import { dmPrepFn } from '../../src/core/rq-request-fn.ts';
import { bindSeams, type Seams, seams } from '../../src/core/seams.ts';
import { EIO, ENOMEM, errnoText } from '../../src/machine/errno.ts';
import { report } from '../../src/machine/finding.ts';
import { type Kernel, resolved } from '../../src/machine/kernel.ts';
import { BARRIER } from '../../src/scenarios/request-device.ts';
import { memory, staticWords } from '../../src/shared/memory.ts';
import { Mempool, mempoolAllocAtomic, mempoolFreer } from '../../src/shared/mempool.ts';
import { cpu, inInterrupt } from '../../src/shared/per-cpu.ts';
import { lockdepAssertHeld, spinLockIrq, spinUnlockIrq } from '../../src/shared/spinlock.ts';
import { Atomic } from '../../src/shared/word.ts';
import { bindScripts, remapRequest } from '../../src/targets/scripted.ts';
import { actor, expect, Moment } from './bench.ts';
import { type AcceptanceCase, CASE_CPUS } from './case.ts';
import { Journal } from './parts.ts';
import { PRESETS, TIMES } from './requests.ts';

const WRITE = BARRIER & ~BIO_RW_BARRIER;
const RECORDS_MAX = 16;

const giveBack = mempoolFreer(DmRqTargetIo);
const poolOf = (md: MappedDevice): Mempool => Mempool.at(md.rqTioPool);

/** All records of clones that there are, taken away for a while. */
class Drained {
  readonly #count = staticWords(1);
  readonly #records = staticWords(RECORDS_MAX);

  /** While nobody else has any. On threads each CPU has slots of its own, so those are taken that this CPU could have. */
  *take(md: MappedDevice): Kernel<void> {
    for (;;) {
      const record = yield* mempoolAllocAtomic(DmRqTargetIo, poolOf(md), HERE);
      if (record === null) return;
      const place = memory.words[this.#count] as number;
      memory.words[this.#count] = place + 1;
      memory.words[this.#records + place] = record.handle;
    }
  }

  *back(): Kernel<void> {
    for (let count = memory.words[this.#count] as number; count > 0; count--)
      yield* giveBack(DmRqTargetIo.at(memory.words[this.#records + count - 1] as number), HERE);
    memory.words[this.#count] = 0;
  }
}

/** A flush without memory for a clone fails. */
const neverWaits: Partial<Seams> = {
  *dmRqBarrier(md): Kernel<number> {
    const record = yield* mempoolAllocAtomic(DmRqTargetIo, poolOf(md), HERE);
    if (record === null) return -ENOMEM;
    yield* giveBack(record, HERE);
    return yield* dmRqBarrier(md);
  },
};

const waiting: AcceptanceCase = {
  of: 'seed 002',
  sentence: 'the clones of a flush are made in kdmflush, which sleeps while there is no memory and then goes on',
  presets: PRESETS,
  bugs: ['rqb-alloc-in-request-fn'],
  planted: neverWaits,
  times: TIMES,
  build(bench) {
    const drained = new Drained();
    const asked = new Atomic(staticWords(1));
    const [taken, written] = [new Moment('taken'), new Moment('written')];
    bindScripts([
      {
        numFlushRequests: 2,
        *mapRq(ti, clone): Kernel<number> {
          expect('whether kdmflush maps it', inKdmflush(bench.md.address), true);
          yield* asked.add(1, HERE);
          return remapRequest(ti, clone);
        },
      },
    ]);
    return {
      *setup(): Kernel<void> {
        yield* bench.scripted();
      },
      actors: [
        actor('writer', 0, function* write(): Kernel<void> {
          yield* taken.wait();
          yield* bench.write(0, 0, 0, 0, BARRIER);
          yield* written.come();
        }),
        actor('keeper', CASE_CPUS - 1, function* keep(): Kernel<void> {
          yield* drained.take(bench.md);
          yield* taken.come();
          yield* written.wait();
          yield* bench.until(() => poolOf(bench.md).wait.head !== 0 || bench.ended(0)[0] === true);
          expect('whether the barrier has ended', bench.ended(0), [false]);
          expect('clones', yield* asked.read(HERE), 0);
          yield* drained.back();
        }),
      ],
      *verify(): Kernel<void> {
        expect('barrier', yield* bench.ends(0), ['0']);
        expect('clones', yield* asked.read(HERE), 2);
      },
    };
  },
};

/** All clones end through the softirq. */
const throughSoftirq: Partial<Seams> = {
  *dmCompleteRequest(clone, error): Kernel<void> {
    const tio = tioOf(clone);
    const original = Request.at(tio.orig);
    tio.error = error;
    original.completionData = clone.handle;
    yield* blkCompleteRequest(original, HERE);
  },
};

const inDriver: AcceptanceCase = {
  of: 'seed 002',
  sentence: 'the clones of a flush end where the driver below ends them, in its interrupt and with its queue_lock held',
  presets: PRESETS,
  planted: throughSoftirq,
  times: TIMES,
  build(bench) {
    const ended = new Atomic(staticWords(1));
    bindScripts([
      {
        numFlushRequests: 2,
        *rqEndIo(_ti, clone, error): Kernel<number> {
          if (blkBarrierRq(clone)) {
            expect('in an interrupt', inInterrupt(), true);
            lockdepAssertHeld(RequestQueue.at(bench.requestDiskAt(0).queue).queueLock, HERE);
            yield* ended.add(1, HERE);
          }
          return error;
        },
      },
    ]);
    return {
      *setup(): Kernel<void> {
        yield* bench.scripted();
      },
      actors: [
        actor('writer', 0, () => bench.write(0, 0, 1, 10, BARRIER)),
        actor('other', 1, () => bench.write(1, 2, 1, 11, WRITE)),
      ],
      *verify(): Kernel<void> {
        expect('ends', yield* bench.ends(0, 1), ['0', '0']);
        expect('clones', yield* ended.read(HERE), 4);
      },
    };
  },
};

/** Each end of a clone runs the queue. */
const alwaysRuns: Partial<Seams> = { rqCompleted: (md) => rqCompleted(md, true) };

const noRun: AcceptanceCase = {
  of: 'seed 002',
  sentence: 'the end of a clone of a flush never runs the queue of the device',
  presets: PRESETS,
  planted: alwaysRuns,
  times: TIMES,
  build(bench) {
    bindScripts([{}]);
    // For each CPU, whether it ends a clone of a flush: to its end, whatever interrupts that.
    const ending = staticWords(CASE_CPUS);
    const { dmEndRequest, runQueue } = seams;
    bindSeams({
      ...seams,
      *dmEndRequest(clone, error): Kernel<void> {
        const word = ending + cpu;
        const barrier = blkBarrierRq(clone);
        if (barrier) memory.words[word] = 1;
        yield* dmEndRequest(clone, error);
        if (barrier) memory.words[word] = 0;
      },
      *runQueue(q): Kernel<void> {
        if (memory.words[ending + cpu] !== 0) report('assertion', '', 'the end of a clone of a flush runs the queue');
        yield* runQueue(q);
      },
    });
    return {
      *setup(): Kernel<void> {
        yield* bench.scripted();
      },
      actors: [
        actor('writer', 0, () => bench.write(0, 0, 1, 10, BARRIER)),
        actor('other', 1, () => bench.write(1, 2, 1, 11, WRITE)),
      ],
      *verify(): Kernel<void> {
        expect('ends', yield* bench.ends(0, 1), ['0', '0']);
      },
    };
  },
};

const noTable: AcceptanceCase = {
  of: 'spec B16',
  sentence: 'without a table a flush fails with −EIO, and so does a write to a request-based device',
  presets: PRESETS,
  planted: { dmRqBarrier: () => resolved(0) },
  times: TIMES,
  build(bench) {
    bindScripts([{}]);
    const result = staticWords(1);
    return {
      *setup(): Kernel<void> {
        yield* bench.scripted();
      },
      actors: [
        actor('administrator', 1, function* bare(): Kernel<void> {
          const { map } = bench.md;
          yield* seams.setMap(bench.md, 0);
          memory.words[result] = yield* seams.dmRqBarrier(bench.md);
          yield* seams.setMap(bench.md, map);
          const md = yield* dmCreate({ name: 'dm1', minor: 1, requestBased: true });
          if (typeof md === 'number') report('assertion', '', `create gives ${errnoText(md)}`);
          yield* bench.write(0, 0, 1, 10, WRITE, BlockDevice.at(md.bdev));
          expect('write', yield* bench.ends(0), ['-EIO']);
        }),
      ],
      *verify(): Kernel<void> {
        expect('flush', errnoText(memory.words[result] as number), '-EIO');
        yield* bench.write(0, 0, 0, 0, BARRIER);
        expect('barrier', yield* bench.ends(0), ['0']);
      },
    };
  },
};

/** Who cannot be prepared fails. */
const neverDefers: Partial<Seams> = {
  *dmPrepFn(q, rq): Kernel<number> {
    return (yield* dmPrepFn(q, rq)) === BLKPREP_OK ? BLKPREP_OK : BLKPREP_KILL;
  },
};

const deferred: AcceptanceCase = {
  of: 'spec B13',
  sentence: 'a request for whose clone there is no memory stays in the queue, in its place, until there is some',
  presets: PRESETS,
  planted: neverDefers,
  times: TIMES,
  build(bench) {
    const drained = new Drained();
    const journal = new Journal(['0', '4']);
    bindScripts([
      {
        *mapRq(ti, clone): Kernel<number> {
          yield* journal.note(String(clone.sector));
          return remapRequest(ti, clone);
        },
      },
    ]);
    return {
      *setup(): Kernel<void> {
        yield* bench.scripted();
      },
      actors: [
        actor('writer', 0, function* write(): Kernel<void> {
          yield* drained.take(bench.md);
          yield* bench.write(0, 0, 1, 10, WRITE);
          yield* bench.write(1, 4, 1, 11, WRITE);
          expect('whether they have ended', bench.ended(0, 1), [false, false]);
          expect('maps', yield* journal.all(), []);
          yield* drained.back();
          expect('ends', yield* bench.ends(0, 1), ['0', '0']);
          expect('maps', yield* journal.all(), ['0', '4']);
        }),
      ],
    };
  },
};

/** A request is prepared whatever it has already. */
const neverKills: Partial<Seams> = {
  *dmPrepFn(q, rq): Kernel<number> {
    rq.special = 0;
    return yield* dmPrepFn(q, rq);
  },
};

const killed: AcceptanceCase = {
  of: 'spec B13',
  sentence: 'a request that has a clone before it is prepared is killed with −EIO, and the next one goes on',
  presets: PRESETS,
  planted: neverKills,
  times: TIMES,
  build(bench) {
    bindScripts([{}]);
    return {
      *setup(): Kernel<void> {
        yield* bench.scripted();
      },
      actors: [
        actor('administrator', 1, function* administrate(): Kernel<void> {
          expect('suspend', errnoText(yield* doSuspend(bench.md, 0)), '0');
          yield* bench.write(0, 0, 1, 10, WRITE);
          yield* bench.write(1, 4, 1, 11, WRITE);
          const q = RequestQueue.at(bench.md.queue);
          yield* spinLockIrq(q.queueLock, HERE);
          Request.at(q.first).special = q.first;
          yield* spinUnlockIrq(q.queueLock, HERE);
          expect('resume', errnoText(yield* doResume(bench.md, 0)), '0');
          expect('ends', yield* bench.ends(0, 1), ['-EIO', '0']);
        }),
      ],
    };
  },
};

const OLDER = 0;
const OWN = 2;
const NEWER = 4;

/** Whichever is handed back once comes again before all that is later than it. */
const requeued = (
  [
    ['an older request that comes back while a barrier drains is served again before the first flush', OLDER],
    ['the data of a barrier that come back are served again before the second flush', OWN],
  ] as const
).map(
  ([sentence, sector]): AcceptanceCase => ({
    of: 'spec B15',
    sentence,
    presets: PRESETS,
    bugs: ['rqb-drain-assumption'],
    times: TIMES,
    build(bench) {
      const journal = new Journal(['flush', `${OLDER}`, `${OWN}`, `${NEWER}`]);
      bindScripts([
        {
          *mapRq(ti, clone): Kernel<number> {
            yield* journal.note(blkBarrierRq(clone) ? 'flush' : `${clone.sector}`);
            return remapRequest(ti, clone);
          },
          rqEndIo: (_ti, _clone, error) => resolved(error === 0 ? 0 : DM_ENDIO_REQUEUE),
        },
      ]);
      return {
        *setup(): Kernel<void> {
          yield* bench.scripted();
        },
        actors: [
          actor('writer', 0, function* write(): Kernel<void> {
            const disk = bench.requestDiskAt(0);
            if (sector === OLDER) {
              yield* disk.failNext.set(1, HERE);
              yield* hangDisk(disk);
            }
            yield* bench.write(0, OLDER, 1, 10, WRITE);
            if (sector === OWN) {
              expect('older write', yield* bench.ends(0), ['0']);
              yield* disk.failNext.set(1, HERE);
            }
            yield* bench.write(1, OWN, 1, 11, BARRIER);
            yield* bench.write(2, NEWER, 1, 12, WRITE);
            if (sector === OLDER) yield* releaseDisk(disk);
          }),
        ],
        *verify(): Kernel<void> {
          expect(
            'ends',
            yield* bench.ends(...(sector === OWN ? [] : [0]), 1, 2),
            Array(sector === OWN ? 2 : 3).fill('0'),
          );
          const twice = (own: number): string[] => Array(own === sector ? 2 : 1).fill(`${own}`);
          const order = [...twice(OLDER), 'flush', ...twice(OWN), 'flush', `${NEWER}`];
          expect('what the target was asked', yield* journal.all(), order);
        },
      };
    },
  }),
);

/** What a target wants back has ended. */
const neverBack: Partial<Seams> = {
  dmRequeueUnmappedRequest: (clone) => seams.dmEndRequest(clone, 0),
};

const partly: AcceptanceCase = {
  of: 'spec B14',
  sentence:
    'of a request of several bios those before an error end, once, and the others are served again as one request',
  presets: PRESETS,
  planted: neverBack,
  times: TIMES,
  build(bench) {
    const asked = new Atomic(staticWords(1));
    const sizes = staticWords(2);
    const first = staticWords(1);
    bindScripts([
      {
        *mapRq(ti, clone): Kernel<number> {
          const number = yield* asked.add(1, HERE);
          memory.words[sizes + number] = clone.sectors;
          if (number === 0) memory.words[first] = clone.handle;
          return remapRequest(ti, clone);
        },
        rqEndIo: (_ti, _clone, error) => resolved(error === 0 ? 0 : DM_ENDIO_REQUEUE),
      },
    ]);
    return {
      *setup(): Kernel<void> {
        yield* bench.scripted();
        yield* bench.requestDiskAt(0).failNext.set(1, HERE);
        yield* hangDisk(bench.requestDiskAt(0));
        expect('suspend', errnoText(yield* doSuspend(bench.md, 0)), '0');
        for (const i of [0, 1, 2]) yield* bench.write(i, i, 1, 10 + i);
        expect('resume', errnoText(yield* doResume(bench.md, 0)), '0');
      },
      actors: [
        actor('disk', 1, function* serve(): Kernel<void> {
          const disk = bench.requestDiskAt(0);
          yield* bench.until(() => disk.active === 1);
          const q = RequestQueue.at(disk.queue);
          yield* spinLockIrq(q.queueLock, HERE);
          // The second bio fails, and the third has been served by then.
          for (const error of [0, -EIO, 0])
            yield* blkUpdateRequest(q, Request.at(memory.words[first] as number), error, 1);
          yield* spinUnlockIrq(q.queueLock, HERE);
          expect('bios that have ended', bench.ended(0, 1, 2), [true, false, false]);
          // What is left of the request, which is nothing, fails.
          yield* releaseDisk(disk);
        }),
      ],
      *verify(): Kernel<void> {
        expect('ends', yield* bench.ends(0, 1, 2), ['0', '0', '0']);
        expect('requests', yield* asked.read(HERE), 2);
        expect('their sizes', [memory.words[sizes], memory.words[sizes + 1]], [3, 2]);
        expect('what was written', [bench.cache.read(1), bench.cache.read(2)], [11, 12]);
      },
    };
  },
};

export const flushCases: readonly AcceptanceCase[] = [
  waiting,
  inDriver,
  noRun,
  noTable,
  deferred,
  killed,
  ...requeued,
  partly,
];
