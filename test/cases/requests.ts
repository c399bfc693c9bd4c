/**
 * Requests that pass a request-based device: commands, suspends, tables, and what a device says to barriers that it cannot keep.
 */
import { BIO_RW_BARRIER } from '../../src/block/bio.ts';
import { hangDisk, releaseDisk } from '../../src/block/disk-faults.ts';
import { blkEndRequestAll } from '../../src/block/end-request.ts';
import { blkExecuteRq } from '../../src/block/execute-rq.ts';
import { CMD_TEST_UNIT_READY, Request } from '../../src/block/request.ts';
import { RequestQueue } from '../../src/block/request-queue.ts';
import { DM_ENDIO_REQUEUE } from '../../src/core/device-mapper.ts';
import { freeRqClone, tioOf } from '../../src/core/dm-rq-target-io.ts';
import { dmTableLoad, doResume, doSuspend } from '../../src/core/ioctl.ts';
import { DM_TYPE_REQUEST_BASED, MappedDevice } from '../../src/core/mapped-device.ts';
import { storeBarrierError } from '../../src/core/rq-barrier.ts';
import { dmEndRequest } from '../../src/core/rq-end.ts';
import { stopQueue } from '../../src/core/rq-queue.ts';
import { type Seams, seams } from '../../src/core/seams.ts';
import { DM_SUSPEND_NOFLUSH_FLAG, quiesce } from '../../src/core/suspend.ts';
import { flushWorkqueue, Workqueue } from '../../src/irq/workqueue.ts';
import { EINTR, EINVAL, EIO, EOPNOTSUPP, errnoText } from '../../src/machine/errno.ts';
import { type Kernel, resolved } from '../../src/machine/kernel.ts';
import { bindKernelLog } from '../../src/machine/log.ts';
import { BARRIER } from '../../src/scenarios/request-device.ts';
import { memory, staticWords } from '../../src/shared/memory.ts';
import { Atomic } from '../../src/shared/word.ts';
import { bindScripts } from '../../src/targets/scripted.ts';
import { BARRIER_ERRORS } from '../support/barrier-errors.ts';
import { actor, expect, Moment, SCRIPTED } from './bench.ts';
import type { AcceptanceCase } from './case.ts';
import { countMaps } from './parts.ts';

export const PRESETS = ['unified', '2.6.33'];
const LINEAR = '0 8 linear disk0 0';
const WRITE = BARRIER & ~BIO_RW_BARRIER;
/** Each of these runs is a program of some hundred steps; the orders that count are few. */
export const TIMES = { schedules: 60, rounds: 10 };
/** A command that no disk knows. */
const NO_COMMAND = 99;

/** Every request ends well. */
const alwaysWell: Partial<Seams> = {
  *dmEndRequest(clone): Kernel<void> {
    const md = MappedDevice.at(tioOf(clone).md);
    const original = Request.at(tioOf(clone).orig);
    yield* freeRqClone(clone);
    yield* blkEndRequestAll(original, 0);
    yield* seams.rqCompleted(md, true);
  },
};

/** Every request fails. */
const neverWell: Partial<Seams> = {
  dmEndRequest: (clone) => dmEndRequest(clone, -EIO),
};

const packets: AcceptanceCase = {
  of: 'spec B13',
  sentence: 'a packet command goes to the disk below a request-based device, past writes, and its answer comes back',
  presets: PRESETS,
  planted: alwaysWell,
  times: TIMES,
  build(bench) {
    return {
      *setup(): Kernel<void> {
        yield* bench.requestDisk();
        yield* bench.device(LINEAR, true);
      },
      actors: [
        actor('commander', 0, function* command(): Kernel<void> {
          const q = RequestQueue.at(bench.md.queue);
          expect('a command', errnoText(yield* blkExecuteRq(q, CMD_TEST_UNIT_READY)), '0');
          expect('one that nobody knows', errnoText(yield* blkExecuteRq(q, NO_COMMAND)), errnoText(-EINVAL));
        }),
        actor('writer', 1, () => bench.write(0, 1, 1, 10, WRITE)),
      ],
      *verify(): Kernel<void> {
        expect('write', yield* bench.ends(0), ['0']);
        yield* bench.requestDiskAt(0).failNext.set(1, HERE);
        const q = RequestQueue.at(bench.md.queue);
        expect('a command that fails', errnoText(yield* blkExecuteRq(q, CMD_TEST_UNIT_READY)), errnoText(-EIO));
      },
    };
  },
};

/** The queue runs on. */
const neverStopped: Partial<Seams> = { stopAndFlush: (md) => flushWorkqueue(Workqueue.at(md.wq), HERE) };

const suspendKinds = [
  ['a flushing suspend of a request-based device lets what is under way end, and keeps the rest in the queue', 0],
  [
    'a noflush suspend of a request-based device lets what is under way end, and keeps the rest in the queue',
    DM_SUSPEND_NOFLUSH_FLAG,
  ],
] as const;

const suspends = suspendKinds.map(
  ([sentence, flag]): AcceptanceCase => ({
    of: 'spec B8',
    sentence,
    presets: PRESETS,
    planted: neverStopped,
    times: TIMES,
    build(bench) {
      const asked = countMaps();
      return {
        *setup(): Kernel<void> {
          yield* bench.scripted();
        },
        actors: [
          actor('writer', 0, function* write(): Kernel<void> {
            yield* bench.write(0, 0, 1, 10, WRITE);
            yield* bench.write(1, 2, 1, 11, BARRIER);
          }),
          actor('administrator', 1, function* administrate(): Kernel<void> {
            expect('suspend', errnoText(yield* doSuspend(bench.md, flag)), '0');
            expect('in flight', yield* bench.md.pending.read(HERE), 0);
            const before = yield* asked.read(HERE);
            yield* bench.write(2, 4, 1, 12, WRITE);
            yield* bench.pause();
            expect('maps since then', (yield* asked.read(HERE)) - before, 0);
            expect('whether the write has ended', bench.ended(2), [false]);
            expect('resume', errnoText(yield* doResume(bench.md, 0)), '0');
          }),
        ],
        *verify(): Kernel<void> {
          expect('ends', yield* bench.ends(0, 1, 2), ['0', '0', '0']);
          expect('what is on the media', [bench.cache.stored(0), bench.cache.stored(2)], [10, 11]);
        },
      };
    },
  }),
);

/** The queue stays stopped when a suspend is interrupted. */
const leftStopped: Partial<Seams> = {
  *quiesce(md, noflush): Kernel<number> {
    const result = yield* quiesce(md, noflush);
    if (result !== 0) yield* stopQueue(RequestQueue.at(md.queue));
    return result;
  },
};

const interrupted: AcceptanceCase = {
  of: 'spec B8',
  sentence: 'a suspend of a request-based device that a signal interrupts lets its queue run again',
  presets: PRESETS,
  planted: leftStopped,
  times: TIMES,
  build(bench) {
    const held = new Moment('held');
    return {
      *setup(): Kernel<void> {
        yield* bench.requestDisk();
        yield* bench.device(LINEAR, true);
        yield* hangDisk(bench.requestDiskAt(0));
        yield* bench.write(0, 0, 1, 10, WRITE);
      },
      actors: [
        actor('administrator', 1, function* administrate(): Kernel<void> {
          yield* bench.suspender.open();
          yield* held.come();
          expect('suspend', errnoText(yield* doSuspend(bench.md, DM_SUSPEND_NOFLUSH_FLAG)), errnoText(-EINTR));
          yield* bench.suspender.close();
          yield* bench.write(1, 2, 1, 11, BARRIER);
          yield* releaseDisk(bench.requestDiskAt(0));
        }),
        actor('user', 0, function* signal(): Kernel<void> {
          yield* held.wait();
          yield* bench.untilPhase('wait');
          yield* bench.suspender.send();
        }),
      ],
      *verify(): Kernel<void> {
        expect('ends', yield* bench.ends(0, 1), ['0', '0']);
        expect('suspend', errnoText(yield* doSuspend(bench.md, 0)), '0');
        expect('resume', errnoText(yield* doResume(bench.md, 0)), '0');
      },
    };
  },
};

/** The queue is stopped, and nobody waits for the flush that is being served. */
const unflushed: Partial<Seams> = {
  stopAndFlush: (md) => stopQueue(RequestQueue.at(md.queue)),
};

const inFlush: AcceptanceCase = {
  of: 'spec B8',
  sentence: 'a signal does not interrupt a suspend of a request-based device that waits for a flush',
  presets: PRESETS,
  planted: unflushed,
  times: TIMES,
  build(bench) {
    return {
      *setup(): Kernel<void> {
        yield* bench.requestDisk();
        yield* bench.device(LINEAR, true);
        yield* hangDisk(bench.requestDiskAt(0));
      },
      actors: [
        actor('administrator', 1, function* administrate(): Kernel<void> {
          yield* bench.suspender.open();
          yield* bench.write(0, 2, 1, 11, BARRIER);
          yield* bench.until(() => bench.md.flushRequest !== 0);
          expect('suspend', errnoText(yield* doSuspend(bench.md, 0)), '0');
          yield* bench.suspender.close();
          expect('the flush that is being served', bench.md.flushRequest, 0);
          expect('resume', errnoText(yield* doResume(bench.md, 0)), '0');
        }),
        actor('user', 0, function* signal(): Kernel<void> {
          // With the mistake there is nothing to see of the flush: the suspend waits for what is in flight at once.
          yield* bench.untilPhase('flush', 'wait');
          yield* bench.suspender.send();
          yield* releaseDisk(bench.requestDiskAt(0));
        }),
      ],
      *verify(): Kernel<void> {
        expect('ends', yield* bench.ends(0), ['0']);
      },
    };
  },
};

const TYPE_RULES = [
  ['0 4 linear disk0 0\n4 4 linear disk0 4', "Request-based dm doesn't support multiple targets yet"],
  ['0 4 linear disk0 0\n4 4 zero', "Inconsistent table: different target types can't be mixed up"],
  ['0 4 linear disk1 0', 'table load rejected: including non-request-stackable devices'],
] as const;

const REFUSED = 'unable to determine table type';

/** Each table is one of requests. */
const anyTable: Partial<Seams> = {
  setType(table): Kernel<null> {
    table.type = DM_TYPE_REQUEST_BASED;
    return resolved(null);
  },
};

const typeRules: AcceptanceCase = {
  of: 'spec B10',
  sentence:
    'a table of requests has one target, of one type, over devices with request queues, and the log says which rule it breaks',
  presets: PRESETS,
  planted: anyTable,
  times: TIMES,
  build(bench) {
    return {
      *setup(): Kernel<void> {
        yield* bench.requestDisk();
        yield* bench.disk(1);
        yield* bench.device(LINEAR, true);
      },
      actors: [
        actor('administrator', 1, function* load(): Kernel<void> {
          // Of this CPU's thread, as all that is said here.
          const log: string[] = [];
          bindKernelLog((line) => log.push(line));
          for (const [table, reason] of TYPE_RULES) {
            expect(table, errnoText(yield* dmTableLoad(bench.md, table)), errnoText(-EINVAL));
            expect(
              'log',
              log.splice(0),
              [reason, REFUSED].map((line) => `device-mapper: table: ${line}`),
            );
          }
          expect('another type', errnoText(yield* dmTableLoad(bench.md, '0 4 zero')), '0');
          expect('resume', errnoText(yield* doResume(bench.md, 0)), errnoText(-EINVAL));
          expect('log', log, ["device-mapper: core: can't change the device type after a table is bound"]);
          bindKernelLog(() => {});
          expect('resume with the old one', errnoText(yield* doResume(bench.md, 0)), '0');
        }),
        actor('writer', 0, () => bench.write(0, 0, 1, 10, WRITE)),
      ],
      *verify(): Kernel<void> {
        expect('write', yield* bench.ends(0), ['0']);
      },
    };
  },
};

const errorTarget: AcceptanceCase = {
  of: 'spec B14',
  sentence: 'an error target fails each request, and a barrier that has data too',
  presets: PRESETS,
  planted: alwaysWell,
  times: TIMES,
  build: (bench) => ({
    setup: () => bench.device('0 8 error', true),
    actors: [
      actor('writer', 0, () => bench.write(0, 1, 1, 10, WRITE)),
      actor('other', 1, () => bench.write(1, 3, 1, 11, BARRIER)),
    ],
    *verify(): Kernel<void> {
      expect('ends', yield* bench.ends(0, 1), ['-EIO', '-EIO']);
    },
  }),
};

/** What the clones of a flush say is lost. */
const unstored: Partial<Seams> = {
  storeBarrierError: () => resolved(undefined),
  noteBarrierError(md, error): void {
    if (error === -EOPNOTSUPP) md.barrierError = error;
  },
};

const unsupported = [
  ['a request-based device whose disk cannot flush ends barriers with −EOPNOTSUPP', true, errnoText(-EOPNOTSUPP)],
  ['a bio-based device whose disk cannot flush ends barriers well', false, '0'],
].map(
  ([sentence, requestBased, end]): AcceptanceCase => ({
    of: 'spec C3',
    sentence: sentence as string,
    presets: PRESETS,
    planted: unstored,
    times: TIMES,
    build: (bench) => ({
      *setup(): Kernel<void> {
        yield* bench.requestDisk({ barriers: 'refuse' });
        yield* bench.device(LINEAR, requestBased === true);
      },
      actors: [
        actor('writer', 0, () => bench.write(0, 1, 1, 10, WRITE)),
        actor('other', 1, () => bench.write(1, 3, 1, 11, BARRIER)),
      ],
      *verify(): Kernel<void> {
        expect('ends', yield* bench.ends(0, 1), ['0', end]);
      },
    }),
  }),
);

/** The last error counts, whichever it is. */
const lastCounts: Partial<Seams> = {
  noteBarrierError(md, error): void {
    if (error !== 0) md.barrierError = error;
  },
};

const bioErrors: AcceptanceCase = {
  of: 'spec C3',
  sentence: 'of the parts of a barrier of bios the first error counts, and a flush that is not supported is no error',
  presets: PRESETS,
  planted: lastCounts,
  times: TIMES,
  build(bench) {
    const answers = staticWords(3);
    const parts = new Atomic(staticWords(1));
    bindScripts([
      {
        *endIo(): Kernel<number> {
          return memory.words[answers + ((yield* parts.add(1, HERE)) % 3)] as number;
        },
      },
    ]);
    return {
      *setup(): Kernel<void> {
        yield* bench.requestDisk();
        yield* bench.device(SCRIPTED);
      },
      actors: [
        actor('writer', 0, function* write(): Kernel<void> {
          for (const [before, data, after, end] of BARRIER_ERRORS) {
            for (const [i, answer] of [before, data, after].entries()) memory.words[answers + i] = answer;
            yield* parts.set(0, HERE);
            yield* bench.write(0, 1, 1, 10, BARRIER);
            expect(`${before}, ${data}, ${after}`, yield* bench.ends(0), [end]);
            expect('parts', yield* parts.read(HERE), 3);
          }
        }),
      ],
    };
  },
};

/** A flush that is to be made again counts as made. */
const madeOnce: Partial<Seams> = {
  *storeBarrierError(md, error): Kernel<void> {
    if (error !== DM_ENDIO_REQUEUE) yield* storeBarrierError(md, error);
  },
};

const otherPath: AcceptanceCase = {
  of: 'seed 002',
  sentence:
    'a flush that fails on one path of a multipath is made again on another, and makes durable what was written',
  presets: PRESETS,
  planted: madeOnce,
  times: TIMES,
  build: (bench) => ({
    *setup(): Kernel<void> {
      yield* bench.requestDisk();
      yield* bench.requestDisk({ name: 'disk1', minor: 1 });
      yield* bench.device('0 8 multipath 0 0 2 1 round-robin 0 1 0 disk0 round-robin 0 1 0 disk1', true);
      yield* bench.requestDiskAt(0).failFlush.set(1, HERE);
    },
    actors: [
      actor('writer', 0, function* write(): Kernel<void> {
        yield* bench.write(0, 0, 1, 10, WRITE);
        expect('write', yield* bench.ends(0), ['0']);
        yield* bench.write(1, 0, 0, 0, BARRIER);
        expect('barrier', yield* bench.ends(1), ['0']);
        expect('what is on the media', bench.cache.stored(0), 10);
        expect('failures that are ahead', yield* bench.requestDiskAt(0).failFlush.read(HERE), 0);
      }),
    ],
  }),
};

const PG_INIT = [
  [
    'an activation that fails costs a multipath of requests its path, and requests fail when no other is left',
    '0 8 multipath 0 3 simulated 5 fail-path 1 1 round-robin 0 1 0 disk0',
    '-EIO',
  ],
  [
    'requests whose group could not be activated go to the next one',
    '0 8 multipath 0 3 simulated 5 fail-path 2 1 round-robin 0 1 0 disk0 round-robin 0 1 0 disk1',
    '0',
  ],
] as const;

const activations = PG_INIT.map(
  ([sentence, table, end]): AcceptanceCase => ({
    of: 'spec B17',
    sentence,
    presets: PRESETS,
    planted: end === '0' ? neverWell : alwaysWell,
    times: TIMES,
    build: (bench) => ({
      *setup(): Kernel<void> {
        yield* bench.requestDisk();
        yield* bench.requestDisk({ name: 'disk1', minor: 1 });
        yield* bench.device(table, true);
      },
      actors: [0, 1].map((cpu) =>
        actor(`writer${cpu}`, cpu, () => bench.write(cpu, 2 * cpu, 1, 10 + cpu, cpu === 0 ? WRITE : BARRIER)),
      ),
      *verify(): Kernel<void> {
        expect('ends', yield* bench.ends(0, 1), [end, end]);
      },
    }),
  }),
);

export const requestCases: readonly AcceptanceCase[] = [
  packets,
  ...suspends,
  interrupted,
  inFlush,
  typeRules,
  errorTarget,
  ...unsupported,
  bioErrors,
  otherPath,
  ...activations,
];
