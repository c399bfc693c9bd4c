/**
 * The tests that the noflush patch lists for its error paths: bdget fails, or a signal interrupts the suspend.
 *
 * The patch's note says that what was pushed back is issued again at resume time. Its code does so when the suspend gives up, and the
 * device is active then: the code is what counts (spec B8).
 */
import { DM_ENDIO_REQUEUE, type DmTarget, dmNoflushSuspending } from '../../src/core/device-mapper.ts';
import type { DmIo } from '../../src/core/dm-io.ts';
import { appendPushback } from '../../src/core/end-io.ts';
import { doResume, doSuspend } from '../../src/core/ioctl.ts';
import {
  DMF_BLOCK_IO_FOR_SUSPEND,
  DMF_NOFLUSH_SUSPENDING,
  DMF_SUSPENDED,
  type MappedDevice,
} from '../../src/core/mapped-device.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../src/core/suspend.ts';
import { EIO } from '../../src/machine/errno.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import type { Program } from '../../src/machine/machine.ts';
import { ops } from '../../src/machine/operations.ts';
import { spinLockIrqsave, spinUnlockIrqrestore } from '../../src/shared/spinlock.ts';
import { bindScripts, type Script } from '../../src/targets/scripted.ts';
import { actor, type Bench, expect, Moment } from './bench.ts';
import type { AcceptanceCase } from './case.ts';
import { Holding, Journal } from './parts.ts';

const MAPS = [0, 1, 2, 3, 4, 5].map((sector) => `map ${sector}`);

/** Nothing is left of the suspend. */
function* expectActive(bench: Bench): Kernel<void> {
  const flags = yield* bench.md.flags.read(HERE);
  const left = flags & (DMF_SUSPENDED | DMF_BLOCK_IO_FOR_SUSPEND | DMF_NOFLUSH_SUSPENDING);
  expect('flags after the suspend', left, 0);
}

/** Notes what is mapped, and keeps it as `holding` says. */
function keeping(holding: Holding, journal: Journal): Required<Pick<Script, 'map'>> {
  return {
    *map(ti, clone): Kernel<number> {
      yield* journal.note(`map ${clone.sector}`);
      return yield* holding.map(ti, clone);
    },
  };
}

/** REQUEUE for what fails while a noflush suspend is under way. */
function* handBack(ti: DmTarget, error: number): Kernel<number> {
  return error !== 0 && (yield* dmNoflushSuspending(ti)) ? DM_ENDIO_REQUEUE : 0;
}

const failedBdget: AcceptanceCase = {
  of: 'patch 11',
  sentence: 'when bdget fails in a noflush suspend, NOFLUSH is cleared and what was pushed back is mapped again',
  presets: ['seed-000'],
  bugs: ['nf-error-exit-skips-flush'],
  build(bench) {
    const holding = new Holding();
    const journal = new Journal(MAPS);
    const submitted = new Moment('submitted');
    bindScripts([
      {
        ...keeping(holding, journal),
        endIo: (ti, _clone, error) => handBack(ti, error),
        *presuspend(): Kernel<void> {
          yield* holding.pass();
          yield* holding.release(3, -EIO);
        },
      },
    ]);
    return {
      *setup(): Kernel<void> {
        yield* bench.disk(0);
        yield* bench.device('0 8 scripted disk0 0 0');
        bench.bdev.failBdget.init(1);
        yield* bench.write(0, 0, 1, 7);
      },
      actors: [
        actor('writer', 0, function* write(): Kernel<void> {
          yield* bench.write(1, 1, 1, 8);
          yield* submitted.come();
          yield* bench.write(2, 2, 1, 9);
        }),
        actor('administrator', 1, function* administrate(): Kernel<void> {
          yield* submitted.wait();
          bench.say(0, yield* doSuspend(bench.md, DM_SUSPEND_NOFLUSH_FLAG));
          expect('suspend', bench.said(0), '-ENOMEM');
          yield* expectActive(bench);
        }),
      ],
      *verify(): Kernel<void> {
        expect('ends', yield* bench.ends(0, 1, 2), ['0', '0', '0']);
        expect('what is stored', bench.stored(0, 0, 1, 2), [7, 8, 9]);
        // The last one came before the suspend or after it.
        const late = bench.md.pushedBack.value === 2 ? ['map 2'] : ['map 2', 'map 2'];
        const maps = ['map 0', 'map 0', 'map 1', 'map 1', ...late];
        expect('what was mapped', (yield* journal.all()).sort(), maps);
      },
    };
  },
};

/**
 * I/O to the sectors 1 to 3 is in the target. 1 and 2 are pushed back; 4 and 5 come later and are deferred. The end of 3 finds
 * NOFLUSH set, and says REQUEUE only when the suspend has been interrupted and the flag is clear.
 */
function interrupted(check: (bench: Bench, journal: Journal) => Kernel<void>): (bench: Bench) => Program {
  return (bench) => {
    const holding = new Holding();
    const journal = new Journal(MAPS);
    const [released, looked] = [new Moment('released'), new Moment('looked')];
    const target: Script = {
      ...keeping(holding, journal),
      *endIo(ti, clone, error): Kernel<number> {
        const said = yield* handBack(ti, error);
        if (said === 0 || clone.sector !== 3) return said;
        yield* looked.come();
        while (yield* dmNoflushSuspending(ti)) yield* ops.relax(HERE);
        return said;
      },
    };
    bindScripts([target]);
    return {
      *setup(): Kernel<void> {
        yield* bench.disk(0);
        yield* bench.device('0 8 scripted disk0 0 0');
        for (const sector of [1, 2, 3]) yield* bench.write(sector, sector, 1, 10 + sector);
      },
      actors: [
        actor('suspender', 1, function* suspend(): Kernel<void> {
          yield* bench.suspender.open();
          bench.say(0, yield* doSuspend(bench.md, DM_SUSPEND_NOFLUSH_FLAG));
          yield* bench.suspender.close();
          yield* expectActive(bench);
        }),
        actor('target', 2, function* end(): Kernel<void> {
          yield* bench.untilPhase('wait');
          yield* holding.pass();
          yield* holding.release(2, -EIO);
          yield* released.come();
          yield* holding.release(1, -EIO);
        }),
        actor('user', 0, function* use(): Kernel<void> {
          yield* released.wait();
          yield* looked.wait();
          for (const sector of [4, 5]) yield* bench.write(sector, sector, 1, 10 + sector);
          expect('I/O that has ended', bench.ended(1, 2, 3, 4, 5), [false, false, false, false, false]);
          expect('suspend', bench.said(0), 'none');
          expect('pushed back', bench.md.pushedBack.value, 2);
          yield* bench.suspender.send();
        }),
      ],
      *verify(): Kernel<void> {
        expect('suspend', bench.said(0), '-EINTR');
        yield* check(bench, journal);
        // The device is as good as before.
        for (const flags of [DM_SUSPEND_NOFLUSH_FLAG, 0]) {
          bench.say(0, yield* doSuspend(bench.md, flags));
          bench.say(1, yield* doResume(bench.md, 0));
          expect('the next suspend and resume', [bench.said(0), bench.said(1)], ['0', '0']);
        }
      },
    };
  };
}

/** Parks what comes back after the suspend has taken the list. */
function* parkWhateverTheFlag(md: MappedDevice, io: DmIo): Kernel<void> {
  const saved = yield* spinLockIrqsave(md.pushbackLock, HERE);
  appendPushback(md, io);
  yield* spinUnlockIrqrestore(md.pushbackLock, saved, HERE);
}

const PRESETS = ['unified', '2.6.20'];

const pushedBackBefore: AcceptanceCase = {
  of: 'patch 12',
  sentence: 'I/O that was pushed back when a noflush suspend is interrupted does not return, and is mapped once more',
  presets: PRESETS,
  bugs: ['nf-merge-order-tail'],
  build: interrupted(function* check(bench, journal): Kernel<void> {
    // What was pushed back goes before what was deferred, each in the order of its coming.
    const maps = ['map 1', 'map 2', 'map 3', 'map 1', 'map 2', 'map 4', 'map 5'];
    expect('what was mapped', yield* journal.all(), maps);
    expect('ends', yield* bench.ends(1, 2, 4, 5), ['0', '0', '0', '0']);
    expect('what is stored', bench.stored(0, 1, 2, 4, 5), [11, 12, 14, 15]);
    yield* bench.ends(3);
  }),
};

const notYetReturned: AcceptanceCase = {
  of: 'patch 13',
  sentence: 'I/O that its target has not returned when a noflush suspend is interrupted fails',
  presets: PRESETS,
  planted: { parkPushback: parkWhateverTheFlag },
  build: interrupted(function* check(bench): Kernel<void> {
    expect('pushed back', bench.md.pushedBack.value, 2);
    expect('ends', yield* bench.ends(3), ['-EIO']);
    expect('what is stored', bench.stored(0, 3), [0]);
    yield* bench.ends(1, 2, 4, 5);
  }),
};

export const errorCases: readonly AcceptanceCase[] = [failedBdget, pushedBackBefore, notYetReturned];
