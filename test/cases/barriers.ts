/**
 * Barriers: the sequence of a request-based device, what its flushes come to, and how a suspend meets them; and the order that a
 * bio-based device keeps.
 */
import { BIO_RW_BARRIER, type Bio } from '../../src/block/bio.ts';
import { RequestQueue } from '../../src/block/request-queue.ts';
import { blkBarrierRq, DM_ENDIO_REQUEUE, DM_MAPIO_REQUEUE, type Request } from '../../src/core/device-mapper.ts';
import { freeRqClone, tioOf } from '../../src/core/dm-rq-target-io.ts';
import { doResume, doSuspend } from '../../src/core/ioctl.ts';
import { MappedDevice } from '../../src/core/mapped-device.ts';
import { stopQueue } from '../../src/core/rq-queue.ts';
import { type Seams, seams } from '../../src/core/seams.ts';
import { queueIo, splitAndProcess } from '../../src/core/submit.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../src/core/suspend.ts';
import { flushWorkqueue, Workqueue } from '../../src/irq/workqueue.ts';
import { EIO, ENXIO, EOPNOTSUPP, errnoText } from '../../src/machine/errno.ts';
import { type Kernel, resolved } from '../../src/machine/kernel.ts';
import { BARRIER } from '../../src/scenarios/request-device.ts';
import { memory, staticWords } from '../../src/shared/memory.ts';
import { spinLockIrqsave, spinUnlockIrqrestore } from '../../src/shared/spinlock.ts';
import { Atomic } from '../../src/shared/word.ts';
import { bindScripts, remap, remapRequest, type Script } from '../../src/targets/scripted.ts';
import { actor, type Bench, expect, Moment, SCRIPTED } from './bench.ts';
import type { AcceptanceCase } from './case.ts';
import { neverNoflush } from './mistakes.ts';
import { countMaps, Journal } from './parts.ts';

const PRESETS = ['unified', '2.6.33'];
/** Sectors of the barrier, and of the writes that come later; none follows on another, so no request is merged. */
const OWN = 2;
const LATER = [4, 6];
const OTHER = 1;
const WHATS = [
  'flush',
  'end of flush',
  ...[0, OWN, ...LATER, OTHER].flatMap((sector) => [`write ${sector}`, `end of write ${sector}`]),
];

/** Notes what a target is asked to map, and what has ended. */
function noting(journal: Journal, numFlushRequests: number): Script {
  const ofBio = ({ size, sector }: Bio): string => (size === 0 ? 'flush' : `write ${sector}`);
  const ofRequest = (clone: Request): string => (blkBarrierRq(clone) ? 'flush' : `write ${clone.sector}`);
  return {
    numFlushRequests,
    *map(ti, clone): Kernel<number> {
      yield* journal.note(ofBio(clone));
      return remap(ti, clone);
    },
    *endIo(_ti, clone): Kernel<number> {
      yield* journal.note(`end of ${ofBio(clone)}`);
      return 0;
    },
    *mapRq(ti, clone, tio): Kernel<number> {
      yield* journal.note(ofRequest(clone));
      // The clone moves on while its bios end.
      tio.info = clone.sector;
      return remapRequest(ti, clone);
    },
    *rqEndIo(_ti, clone, error, { info }): Kernel<number> {
      yield* journal.note(`end of ${blkBarrierRq(clone) ? 'flush' : `write ${info}`}`);
      return error;
    },
  };
}

/** What stands in the journal from the first flush to the end of the last one, and what before that. */
function* around(
  journal: Journal,
): Kernel<{ readonly before: string[]; readonly during: string[]; readonly after: string[] }> {
  const all = yield* journal.all();
  const first = all.indexOf('flush');
  const last = all.lastIndexOf('end of flush') + 1;
  expect('flushes', first >= 0 && last > first, true);
  return { before: all.slice(0, first), during: all.slice(first, last), after: all.slice(last) };
}

const ends = (notes: string[]): string[] => notes.filter((note) => note.startsWith('end')).sort();
const begins = (notes: string[]): string[] => notes.filter((note) => !note.startsWith('end'));

/** A write, the barrier, and two writes of one submitter; another two from elsewhere. */
function barrierAmongWrites(bench: Bench): readonly ReturnType<typeof actor>[] {
  const submitted = new Moment('submitted');
  return [
    actor('writer', 0, function* write(): Kernel<void> {
      yield* bench.write(0, 0, 1, 10);
      yield* bench.write(1, OWN, 1, 11, BARRIER);
      yield* submitted.come();
      for (const [i, sector] of LATER.entries())
        yield* bench.write(2 + i, sector, 1, 20 + i, BARRIER & ~BIO_RW_BARRIER);
    }),
    actor('other', 1, function* write(): Kernel<void> {
      yield* submitted.wait();
      yield* bench.write(4, OTHER, 1, 30, BARRIER & ~BIO_RW_BARRIER);
    }),
  ];
}

const sequence: AcceptanceCase = {
  of: 'dmsetup 98',
  sentence:
    'a barrier of a request-based device drains it, flushes, writes and flushes, one by one, with all flushes that its target needs',
  presets: PRESETS,
  planted: { dmRqBarrier: () => resolved(0) },
  build(bench) {
    const journal = new Journal(WHATS);
    bindScripts([noting(journal, 2)]);
    return {
      *setup(): Kernel<void> {
        yield* bench.scripted();
      },
      actors: barrierAmongWrites(bench),
      *verify(): Kernel<void> {
        expect('ends', yield* bench.ends(0, 1, 2, 3, 4), ['0', '0', '0', '0', '0']);
        const { before, during } = yield* around(journal);
        expect(
          'writes that are drained',
          [begins(before).length, before.length],
          [ends(before).length, 2 * ends(before).length],
        );
        expect('the write before the barrier is drained', before.includes('end of write 0'), true);
        const flush = ['end of flush', 'end of flush', 'flush', 'flush'];
        expect('pre-flush', during.slice(0, 4).sort(), flush);
        expect('barrier', during.slice(4, 6), [`write ${OWN}`, `end of write ${OWN}`]);
        expect('post-flush', during.slice(6).sort(), flush);
        expect('what is on the media', [bench.cache.stored(0), bench.cache.stored(OWN)], [10, 11]);
      },
    };
  },
};

/** Lets everything but barriers pass by those who wait. */
function* gateWithoutThread(md: MappedDevice, bio: Bio): Kernel<void> {
  if ((bio.bioFlags & BIO_RW_BARRIER) !== 0) yield* queueIo(md, bio);
  else yield* splitAndProcess(md, bio);
}

const behind: AcceptanceCase = {
  of: 'dmsetup 105',
  sentence: 'bios that come after a barrier of a bio-based device are mapped after its last flush, first in, first out',
  presets: PRESETS,
  planted: { gate: gateWithoutThread },
  build(bench) {
    const journal = new Journal(WHATS);
    bindScripts([noting(journal, 2)]);
    return {
      *setup(): Kernel<void> {
        yield* bench.requestDisk();
        yield* bench.device(SCRIPTED);
      },
      actors: barrierAmongWrites(bench),
      *verify(): Kernel<void> {
        expect('ends', yield* bench.ends(0, 1, 2, 3, 4), ['0', '0', '0', '0', '0']);
        const { before, during, after } = yield* around(journal);
        expect('before the barrier', before, ['write 0', 'end of write 0']);
        expect('the barrier', begins(during), ['flush', 'flush', `write ${OWN}`, 'flush', 'flush']);
        expect(
          'after it',
          begins(after).filter((note) => note !== `write ${OTHER}`),
          LATER.map((sector) => `write ${sector}`),
        );
        expect('what is on the media', [bench.cache.stored(0), bench.cache.stored(OWN)], [10, 11]);
      },
    };
  },
};

const ANSWERS = [0, -EIO, -ENXIO, -EOPNOTSUPP, DM_ENDIO_REQUEUE];

/** What is stored of two answers, in the order in which they come. A flush that is made again is well then. */
function ranked(first: number, second: number): string {
  if (first === -EOPNOTSUPP || second === -EOPNOTSUPP) return errnoText(-EOPNOTSUPP);
  if (first === DM_ENDIO_REQUEUE || second === DM_ENDIO_REQUEUE) return '0';
  return errnoText(first === 0 ? second : first);
}

/** The last one counts. */
const lastCounts: Partial<Seams> = {
  *storeBarrierError(md, error): Kernel<void> {
    const saved = yield* spinLockIrqsave(md.barrierErrorLock, HERE);
    md.barrierError = error;
    yield* spinUnlockIrqrestore(md.barrierErrorLock, saved, HERE);
  },
};

const precedence: AcceptanceCase = {
  of: 'dmsetup 99',
  sentence:
    'of two flush clones −EOPNOTSUPP counts before REQUEUE, and REQUEUE before the first other error, in every order',
  presets: PRESETS,
  planted: lastCounts,
  times: { schedules: 30, rounds: 10 },
  build(bench) {
    const answers = staticWords(2);
    const asked = new Atomic(staticWords(1));
    bindScripts([
      {
        numFlushRequests: 2,
        *rqEndIo(_ti, _clone, error): Kernel<number> {
          const number = yield* asked.add(1, HERE);
          return number < 2 ? (memory.words[answers + number] as number) : error;
        },
      },
    ]);
    return {
      *setup(): Kernel<void> {
        yield* bench.scripted();
      },
      actors: [
        actor('writer', 0, function* write(): Kernel<void> {
          for (const first of ANSWERS)
            for (const second of ANSWERS) {
              memory.words[answers] = first;
              memory.words[answers + 1] = second;
              yield* asked.set(0, HERE);
              yield* bench.write(0, 0, 0, 0, BARRIER);
              expect(`${first} and ${second}`, yield* bench.ends(0), [ranked(first, second)]);
            }
        }),
      ],
    };
  },
};

/** A clone of a flush leaves no trace of what became of it. */
const forgetful: Partial<Seams> = {
  *dmEndRequest(clone): Kernel<void> {
    const md = MappedDevice.at(tioOf(clone).md);
    yield* freeRqClone(clone);
    yield* seams.rqCompleted(md, false);
  },
};

function refused(sentence: string, answer: number, end: string): AcceptanceCase {
  return {
    of: 'dmsetup 101',
    sentence,
    presets: PRESETS,
    planted: forgetful,
    build(bench) {
      const asked = new Atomic(staticWords(1));
      bindScripts([
        {
          numFlushRequests: 2,
          *mapRq(ti, clone): Kernel<number> {
            return (yield* asked.add(1, HERE)) === 0 ? answer : remapRequest(ti, clone);
          },
        },
      ]);
      return {
        *setup(): Kernel<void> {
          yield* bench.scripted();
        },
        actors: [actor('writer', 0, () => bench.write(0, 0, 0, 0, BARRIER))],
        *verify(): Kernel<void> {
          expect('barrier', yield* bench.ends(0), [end]);
          expect('clones', yield* asked.read(HERE), answer < 0 ? 2 : 4);
        },
      };
    },
  };
}

/** The two steps in the other order. */
const flushedFirst: Partial<Seams> = {
  *stopAndFlush(md): Kernel<void> {
    yield* flushWorkqueue(Workqueue.at(md.wq), HERE);
    if (md.queue !== 0) yield* stopQueue(RequestQueue.at(md.queue));
  },
};

const quiet: AcceptanceCase = {
  of: 'dmsetup 102',
  sentence: 'when the suspend of a request-based device has returned no flush runs, whenever the barrier came',
  presets: PRESETS,
  planted: flushedFirst,
  times: { schedules: 400, rounds: 1000 },
  build(bench) {
    const asked = countMaps();
    return {
      *setup(): Kernel<void> {
        yield* bench.scripted();
      },
      actors: [
        actor('writer', 0, () => bench.write(0, OWN, 1, 11, BARRIER)),
        actor('administrator', 1, function* administrate(): Kernel<void> {
          expect('suspend', errnoText(yield* doSuspend(bench.md, 0)), '0');
          const before = yield* asked.read(HERE);
          yield* bench.pause();
          expect('clones that were mapped since the suspend has returned', (yield* asked.read(HERE)) - before, 0);
          expect('resume', errnoText(yield* doResume(bench.md, 0)), '0');
        }),
      ],
      *verify(): Kernel<void> {
        expect('barrier', yield* bench.ends(0), ['0']);
        expect('clones', yield* asked.read(HERE), 3);
      },
    };
  },
};

const stuck: AcceptanceCase = {
  of: 'dmsetup 104',
  sentence:
    'a noflush suspend takes back a flush that waits in a multipath without paths, which is made again after the resume',
  presets: PRESETS,
  planted: neverNoflush,
  build(bench) {
    return {
      *setup(): Kernel<void> {
        yield* bench.requestDisk();
        yield* bench.device('0 8 multipath 1 queue_if_no_path 0 1 1 round-robin 0 1 0 disk0', true);
        yield* bench.tell('fail_path disk0');
      },
      actors: [
        actor('writer', 0, () => bench.write(0, OWN, 1, 11, BARRIER)),
        actor('administrator', 1, function* administrate(): Kernel<void> {
          yield* bench.until(() => bench.md.flushRequest !== 0);
          bench.say(0, yield* doSuspend(bench.md, DM_SUSPEND_NOFLUSH_FLAG));
        }),
      ],
      *verify(): Kernel<void> {
        expect('suspend', bench.said(0), '0');
        expect('I/O that has ended', bench.ended(0), [false]);
        expect('in flight', yield* bench.md.pending.read(HERE), 0);
        yield* bench.tell('reinstate_path disk0');
        expect('resume', errnoText(yield* doResume(bench.md, 0)), '0');
        expect('barrier', yield* bench.ends(0), ['0']);
        expect('what is on the media', bench.cache.stored(OWN), 11);
      },
    };
  },
};

export const barrierCases: readonly AcceptanceCase[] = [
  sequence,
  precedence,
  refused('a flush clone that map_rq kills fails the barrier, and the others are made all the same', -EIO, '-EIO'),
  refused('a flush clone that map_rq wants requeued has the flush made again', DM_MAPIO_REQUEUE, '0'),
  quiet,
  stuck,
  behind,
];
