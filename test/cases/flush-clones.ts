/**
 * The clones of a flush and what they share: one original, one slot of the device, one device. None of them ends it, marks it or
 * takes it away.
 */
import { BlockDevice } from '../../src/block/block-device.ts';
import { blkStartRequest } from '../../src/block/elevator.ts';
import { kblockd } from '../../src/block/kblockd.ts';
import { Request } from '../../src/block/request.ts';
import { RequestQueue } from '../../src/block/request-queue.ts';
import { inKdmflush } from '../../src/check/suspend.ts';
import { blkBarrierRq, DM_MAPIO_REQUEUE } from '../../src/core/device-mapper.ts';
import { DmTable, dmTableTarget } from '../../src/core/dm-table.ts';
import { dmClose, dmCreate, dmOpen, dmRemove, dmTableLoad, doResume } from '../../src/core/ioctl.ts';
import { MappedDevice } from '../../src/core/mapped-device.ts';
import { dmRqBarrier } from '../../src/core/rq-barrier.ts';
import { bindSeams, type Seams, seams } from '../../src/core/seams.ts';
import { queueWork, Work } from '../../src/irq/workqueue.ts';
import { EIO, errnoText } from '../../src/machine/errno.ts';
import { report } from '../../src/machine/finding.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { BARRIER } from '../../src/scenarios/request-device.ts';
import { memory, staticWords } from '../../src/shared/memory.ts';
import { Atomic } from '../../src/shared/word.ts';
import { bindScripts, remap, remapRequest } from '../../src/targets/scripted.ts';
import { actor, type Bench, expect, SCRIPTED } from './bench.ts';
import { type AcceptanceCase, CASE_CPUS } from './case.ts';
import { Journal } from './parts.ts';
import { PRESETS, TIMES } from './requests.ts';

const LINEAR = '0 8 linear disk0 0';

const queueOf = (bench: Bench): RequestQueue => RequestQueue.at(bench.md.queue);

/** Counts how often request_fn gives kdmflush a flush. */
function countHandOvers(): Atomic {
  const handed = new Atomic(staticWords(1));
  const { handToKdmflush } = seams;
  bindSeams({
    ...seams,
    *handToKdmflush(q, md, rq): Kernel<void> {
      yield* handed.add(1, HERE);
      yield* handToKdmflush(q, md, rq);
    },
  });
  return handed;
}

/** Another thread serves the flush; it may sleep too. */
const byKblockd: Partial<Seams> = {
  *handToKdmflush(q, md, rq): Kernel<void> {
    md.flushRequest = rq.handle;
    blkStartRequest(q, rq);
    yield* queueWork(kblockd(), Work.at(md.barrierWork), HERE);
  },
};

const ownThread: AcceptanceCase = {
  of: 'seed 002',
  sentence: 'each clone of a flush is mapped by the kdmflush of its device, whoever has sent the barrier',
  presets: PRESETS,
  planted: byKblockd,
  times: TIMES,
  build(bench) {
    const asked = new Atomic(staticWords(1));
    bindScripts([
      {
        numFlushRequests: 2,
        *mapRq(ti, clone): Kernel<number> {
          if (blkBarrierRq(clone)) {
            expect('whether kdmflush maps it', inKdmflush(bench.md.address), true);
            yield* asked.add(1, HERE);
          }
          return remapRequest(ti, clone);
        },
      },
    ]);
    return {
      *setup(): Kernel<void> {
        yield* bench.scripted();
      },
      actors: [0, 1].map((cpu) => actor(`writer${cpu}`, cpu, () => bench.write(cpu, 2 * cpu, 1, 10 + cpu, BARRIER))),
      *verify(): Kernel<void> {
        expect('ends', yield* bench.ends(0, 1), ['0', '0']);
        expect('clones', yield* asked.read(HERE), 8);
      },
    };
  },
};

/** What the target says to both clones of the first attempt, how the barrier ends, and how many attempts that takes. */
const BOTH_SAY = [
  [-EIO, '-EIO', 1],
  [DM_MAPIO_REQUEUE, '0', 2],
] as const;

const once: AcceptanceCase = {
  of: 'seed 002',
  sentence: 'the clones of one flush end it once, and put it back once',
  presets: PRESETS,
  bugs: ['rqb-original-completed-per-clone', 'rqb-original-requeued-per-clone'],
  times: TIMES,
  build(bench) {
    const answer = staticWords(1);
    const asked = new Atomic(staticWords(1));
    const handed = countHandOvers();
    bindScripts([
      {
        numFlushRequests: 2,
        *mapRq(ti, clone): Kernel<number> {
          const number = yield* asked.add(1, HERE);
          // The first clone is over: if that is the end of the flush, or puts it back, that has been done.
          if (number === 1) {
            expect('whether the barrier is over', queueOf(bench).origBarRq === 0, false);
            expect('whether the flush is on its queue', Request.at(bench.md.flushRequest).queued, 0);
          }
          return number < 2 ? (memory.words[answer] as number) : remapRequest(ti, clone);
        },
      },
    ]);
    return {
      *setup(): Kernel<void> {
        yield* bench.scripted();
      },
      actors: [
        actor('writer', 0, function* write(): Kernel<void> {
          for (const [said, end, attempts] of BOTH_SAY) {
            memory.words[answer] = said;
            yield* asked.set(0, HERE);
            yield* handed.set(0, HERE);
            yield* bench.write(0, 0, 0, 0, BARRIER);
            expect('barrier', yield* bench.ends(0), [end]);
            expect('flushes that kdmflush was given', yield* handed.read(HERE), attempts);
            expect('clones', yield* asked.read(HERE), 2 * attempts);
          }
        }),
      ],
    };
  },
};

/** The next flush may come as soon as this one has ended: request_fn looks whether the slot is free. */
const freeBeforeEnd: AcceptanceCase = {
  of: 'seed 002',
  sentence: 'the slot of a flush is free before the flush ends, since another barrier may come at once',
  presets: PRESETS,
  bugs: ['rqb-second-flush-request'],
  slow: { file: 'src/variants/bugs/rqb-second-flush-request.ts', func: 'dmRqBarrierWork' },
  times: TIMES,
  build: (bench) => ({
    *setup(): Kernel<void> {
      yield* bench.requestDisk({ mode: 'inline' });
      yield* bench.device(LINEAR, true);
    },
    actors: [0, 1].map((cpu) =>
      actor(`writer${cpu}`, cpu, function* write(): Kernel<void> {
        for (let i = 0; i <= cpu; i++) {
          yield* bench.write(cpu, 0, 0, 0, BARRIER);
          expect('barrier', yield* bench.ends(cpu), ['0']);
        }
      }),
    ),
    *verify(): Kernel<void> {
      expect('the slot', bench.md.flushRequest, 0);
    },
  }),
};

const freeBeforeReturn: AcceptanceCase = {
  of: 'seed 002',
  sentence: 'the slot of a flush is free before the flush goes back to the queue',
  presets: PRESETS,
  bugs: ['rqb-second-flush-request'],
  times: TIMES,
  build(bench) {
    const asked = new Atomic(staticWords(1));
    const handed = countHandOvers();
    const { requeueFlush } = seams;
    bindSeams({
      ...seams,
      *requeueFlush(q, flush): Kernel<void> {
        expect('the slot', MappedDevice.at(q.queuedata).flushRequest, 0);
        yield* requeueFlush(q, flush);
      },
    });
    bindScripts([
      {
        *mapRq(ti, clone): Kernel<number> {
          return (yield* asked.add(1, HERE)) === 0 ? DM_MAPIO_REQUEUE : remapRequest(ti, clone);
        },
      },
    ]);
    return {
      *setup(): Kernel<void> {
        yield* bench.scripted();
      },
      actors: [actor('writer', 0, () => bench.write(0, 0, 0, 0, BARRIER))],
      *verify(): Kernel<void> {
        expect('barrier', yield* bench.ends(0), ['0']);
        expect('flushes that kdmflush was given', yield* handed.read(HERE), 2);
      },
    };
  },
};

const removal: AcceptanceCase = {
  of: 'seed 002',
  sentence: 'who has waited for a barrier may close and remove the device at once, while kdmflush is not done with it',
  presets: PRESETS,
  bugs: ['kdmflush-destroys-itself'],
  slow: { file: 'src/core/rq-barrier.ts', func: 'dmRqBarrierWork' },
  times: TIMES,
  build: (bench) => ({
    *setup(): Kernel<void> {
      // The flush ends in kdmflush itself: no interrupt has the device.
      yield* bench.requestDisk({ mode: 'inline' });
      yield* bench.device(LINEAR, true);
    },
    actors: [
      actor('writer', 1, function* write(): Kernel<void> {
        const { md } = bench;
        expect('open', errnoText(yield* dmOpen(md)), '0');
        yield* bench.write(0, 0, 0, 0, BARRIER);
        expect('barrier', yield* bench.ends(0), ['0']);
        expect('how often it is still open', yield* dmClose(md), 0);
        expect('remove', errnoText(yield* dmRemove(md)), '0');
      }),
    ],
  }),
};

const unmarked: AcceptanceCase = {
  of: 'seed 002',
  sentence: 'what a clone of a flush says is not copied into the flush, and the flush has no clone of its own',
  presets: PRESETS,
  bugs: ['rqb-pc-status-copy', 'rqb-prep-clones-flush'],
  times: TIMES,
  build(bench) {
    bindScripts([
      {
        numFlushRequests: 2,
        *rqEndIo(_ti, clone, error): Kernel<number> {
          // A driver may leave what its device has said.
          if (blkBarrierRq(clone)) clone.errors = -EIO;
          return error;
        },
      },
    ]);
    return {
      *setup(): Kernel<void> {
        yield* bench.scripted();
        yield* bench.requestDiskAt(0).failFlush.set(1, HERE);
      },
      actors: [actor('writer', 0, () => bench.write(0, 0, 1, 10, BARRIER))],
      *verify(): Kernel<void> {
        expect('barrier', yield* bench.ends(0), ['-EIO']);
        const { preFlushRq, postFlushRq } = queueOf(bench);
        for (const [what, handle] of Object.entries({ preFlushRq, postFlushRq })) {
          const { errors, special } = Request.at(handle);
          expect(what, { errors, special }, { errors: 0, special: 0 });
        }
      },
    };
  },
};

/** Targets hear of each clone of a flush that ends, mapped or not. */
const heardOfAll: Partial<Seams> = {
  dmKillUnmappedRequest: (clone, error) => seams.dmCompleteRequest(clone, error),
};

/** What the target says to the first of three clones, how the barrier ends, and of which it hears. */
const FIRST_SAYS = [
  [-EIO, '-EIO', ['1', '2']],
  [DM_MAPIO_REQUEUE, '0', ['0', '1', '1', '2', '2']],
] as const;

const heard: AcceptanceCase = {
  of: 'seed 002',
  sentence: 'a target hears of each clone of a flush that it has mapped, and of no other',
  presets: PRESETS,
  bugs: ['rqb-kill-flag-shared'],
  planted: heardOfAll,
  times: TIMES,
  build(bench) {
    const answer = staticWords(1);
    const asked = new Atomic(staticWords(1));
    const journal = new Journal(['0', '1', '2']);
    bindScripts([
      {
        numFlushRequests: 3,
        *mapRq(ti, clone): Kernel<number> {
          return (yield* asked.add(1, HERE)) === 0 ? (memory.words[answer] as number) : remapRequest(ti, clone);
        },
        *rqEndIo(_ti, _clone, error, { info }): Kernel<number> {
          yield* journal.note(`${info}`);
          return error;
        },
      },
    ]);
    return {
      *setup(): Kernel<void> {
        yield* bench.scripted();
      },
      actors: [
        actor('writer', 0, function* write(): Kernel<void> {
          for (const [said, end, numbers] of FIRST_SAYS) {
            memory.words[answer] = said;
            yield* asked.set(0, HERE);
            yield* journal.forget();
            yield* bench.write(0, 0, 0, 0, BARRIER);
            expect('barrier', yield* bench.ends(0), [end]);
            expect('of which it hears', (yield* journal.all()).sort(), [...numbers]);
          }
        }),
      ],
    };
  },
};

/** A target of a request-based device gets one clone, however many flushes it needs. */
const oneForEach: Partial<Seams> = {
  *dmRqBarrier(md): Kernel<number> {
    const ti = dmTableTarget(DmTable.at(md.map), 0);
    const { numFlushRequests } = ti;
    ti.numFlushRequests = 1;
    const error = yield* dmRqBarrier(md);
    ti.numFlushRequests = numFlushRequests;
    return error;
  },
};

const sameNumber: AcceptanceCase = {
  of: 'seed 001',
  sentence: 'num_flush_requests means the same for a device of bios and for one of requests',
  presets: PRESETS,
  planted: oneForEach,
  times: TIMES,
  build(bench) {
    const requestBased = staticWords(1);
    const ofBios = new Journal(['0', '1', '2']);
    const ofRequests = new Journal(['0', '1', '2']);
    bindScripts([
      {
        numFlushRequests: 3,
        *map(ti, clone, { info }): Kernel<number> {
          if (clone.size === 0) yield* ofBios.note(`${info}`);
          return remap(ti, clone);
        },
        *mapRq(ti, clone, { info }): Kernel<number> {
          if (blkBarrierRq(clone)) yield* ofRequests.note(`${info}`);
          return remapRequest(ti, clone);
        },
      },
    ]);
    return {
      *setup(): Kernel<void> {
        yield* bench.requestDisk();
        yield* bench.device(SCRIPTED);
        const md = yield* dmCreate({ name: 'dm1', minor: 1, cpu: CASE_CPUS - 1, requestBased: true });
        if (typeof md === 'number') report('assertion', '', `create gives ${errnoText(md)}`);
        memory.words[requestBased] = md.bdev;
        expect('load', errnoText(yield* dmTableLoad(md, SCRIPTED)), '0');
        expect('resume', errnoText(yield* doResume(md, 0)), '0');
      },
      actors: [
        actor('writer of bios', 0, () => bench.write(0, 0, 1, 10, BARRIER)),
        actor('writer of requests', 1, () =>
          bench.write(1, 2, 1, 11, BARRIER, BlockDevice.at(memory.words[requestBased] as number)),
        ),
      ],
      *verify(): Kernel<void> {
        expect('ends', yield* bench.ends(0, 1), ['0', '0']);
        // Before the data and after it.
        const numbers = ['0', '1', '2', '0', '1', '2'];
        expect('flushes of bios', yield* ofBios.all(), numbers);
        expect('flushes of requests', yield* ofRequests.all(), numbers);
      },
    };
  },
};

export const flushCloneCases: readonly AcceptanceCase[] = [
  ownThread,
  once,
  freeBeforeEnd,
  freeBeforeReturn,
  removal,
  unmarked,
  heard,
  sameNumber,
];
