/**
 * What the targets of a table hear of a suspend and of a resume, and when.
 */
import { hangDisk, releaseDisk } from '../../src/block/disk-faults.ts';
import { fsFsync, fsWrite, SB_UNFROZEN, umountBdev } from '../../src/block/file-system.ts';
import { Inode } from '../../src/block/inode.ts';
import { type DmTarget, EIO } from '../../src/core/device-mapper.ts';
import { doResume, doSuspend } from '../../src/core/ioctl.ts';
import { DMF_BLOCK_IO_FOR_SUSPEND, DMF_FROZEN, DMF_SUSPENDED } from '../../src/core/mapped-device.ts';
import { dmSuspended } from '../../src/core/suspend.ts';
import { EAGAIN, errnoText } from '../../src/machine/errno.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { staticWords } from '../../src/shared/memory.ts';
import { Atomic } from '../../src/shared/word.ts';
import { bindScripts, remap, type Script } from '../../src/targets/scripted.ts';
import { actor, type Bench, expect, Moment } from './bench.ts';
import type { AcceptanceCase } from './case.ts';
import { gateOpen, targetsUntold } from './mistakes.ts';
import { Journal } from './parts.ts';

const PRESETS = ['unified', '2.6.20'];
const HOOKS = ['presuspend', 'postsuspend', 'preresume', 'resume', 'map'];
const VOCABULARY = ['a', 'b'].flatMap((name) => HOOKS.map((hook) => `${name} ${hook}`));
/** `a` has the first four sectors, `b` the others. */
const TABLE = '0 4 scripted disk0 0 0\n4 4 scripted disk1 0 1';

const both = (hook: string): string[] => [`a ${hook}`, `b ${hook}`];

/** A target that notes what it hears. `expectState` looks at the device first; `refusal`: what preresume says once. */
function noting(name: string, journal: Journal, expectState: (hook: string) => Kernel<void>, refusal?: Atomic): Script {
  const hear = (hook: string) =>
    function* heard(): Kernel<void> {
      yield* expectState(hook);
      yield* journal.note(`${name} ${hook}`);
    };
  return {
    *map(ti: DmTarget, clone): Kernel<number> {
      yield* journal.note(`${name} map`);
      return remap(ti, clone);
    },
    presuspend: hear('presuspend'),
    postsuspend: hear('postsuspend'),
    *preresume(): Kernel<number> {
      yield* hear('preresume')();
      return refusal === undefined ? 0 : yield* refusal.exchange(0, HERE);
    },
    resume: hear('resume'),
  };
}

/** What holds while the targets hear: only presuspend comes before the freeze, and nothing is in flight at any other. */
function* expectState(bench: Bench, hook: string): Kernel<void> {
  const frozen = ((yield* bench.md.flags.read(HERE)) & DMF_FROZEN) !== 0;
  expect(`frozen in ${hook}`, frozen, hook !== 'presuspend');
  if (hook !== 'presuspend') expect(`in flight in ${hook}`, yield* bench.md.pending.read(HERE), 0);
}

const order: AcceptanceCase = {
  of: 'dmsetup 46',
  sentence:
    'targets hear of a suspend before its freeze and after its last I/O, and of a resume before I/O, in their order',
  presets: PRESETS,
  planted: targetsUntold,
  build(bench) {
    const journal = new Journal(VOCABULARY);
    const suspended = new Moment('suspended');
    const armed = new Atomic(staticWords(1));
    const look = function* look(hook: string): Kernel<void> {
      if ((yield* armed.read(HERE)) !== 0) yield* expectState(bench, hook);
    };
    bindScripts([noting('a', journal, look), noting('b', journal, look)]);
    return {
      *setup(): Kernel<void> {
        yield* bench.disk(0);
        yield* bench.disk(1);
        yield* bench.device(TABLE);
        expect('first resume', yield* journal.all(), [...both('preresume'), ...both('resume')]);
        yield* journal.forget();
        yield* armed.set(1, HERE);
        yield* bench.mount();
        // For the freeze to write.
        yield* fsWrite(bench.sb, 1, 30);
        yield* hangDisk(bench.diskAt(1));
        yield* bench.write(0, 5, 1, 40);
      },
      actors: [
        actor('administrator', 1, function* administrate(): Kernel<void> {
          expect('suspend', errnoText(yield* doSuspend(bench.md, 0)), '0');
          yield* suspended.come();
        }),
        actor('disk', 2, function* serve(): Kernel<void> {
          yield* bench.untilPhase('wait');
          yield* releaseDisk(bench.diskAt(1));
        }),
        actor('writer', 0, function* write(): Kernel<void> {
          yield* suspended.wait();
          yield* bench.write(1, 2, 4, 50);
        }),
      ],
      *verify(): Kernel<void> {
        const heard = ['b map', ...both('presuspend'), 'a map', ...both('postsuspend')];
        expect('suspend', yield* journal.all(), heard);
        expect('I/O that has ended', bench.ended(0, 1), [true, false]);
        expect('resume', errnoText(yield* doResume(bench.md, 0)), '0');
        expect('ends', yield* bench.ends(0, 1), ['0', '0']);
        expect('resume', (yield* journal.all()).slice(6), [...both('preresume'), ...both('resume'), ...both('map')]);
        expect('what is stored', [...bench.stored(0, 1, 2, 3), ...bench.stored(1, 0, 1)], [30, 50, 51, 52, 53]);
        yield* armed.set(0, HERE);
        yield* umountBdev(bench.sb);
      },
    };
  },
};

const refused: AcceptanceCase = {
  of: 'dmsetup 46',
  sentence: 'the first error of preresume ends a resume: the device stays suspended and no target is resumed',
  presets: PRESETS,
  planted: gateOpen,
  build(bench) {
    const journal = new Journal(VOCABULARY);
    const refusal = new Atomic(staticWords(1));
    const anything = function* anything(): Kernel<void> {};
    bindScripts([noting('a', journal, anything, refusal), noting('b', journal, anything)]);
    return {
      *setup(): Kernel<void> {
        yield* bench.disk(0);
        yield* bench.disk(1);
        yield* bench.device(TABLE);
        expect('suspend', errnoText(yield* doSuspend(bench.md, 0)), '0');
        yield* journal.forget();
        yield* refusal.set(-EAGAIN, HERE);
      },
      actors: [
        actor('writer', 0, () => bench.write(0, 2, 4, 50)),
        actor('administrator', 1, function* administrate(): Kernel<void> {
          expect('resume', errnoText(yield* doResume(bench.md, 0)), '-EAGAIN');
        }),
      ],
      *verify(): Kernel<void> {
        expect('resume', yield* journal.all(), ['a preresume']);
        expect('suspended', yield* dmSuspended(bench.md), true);
        expect('I/O that has ended', bench.ended(0), [false]);
        expect('resume', errnoText(yield* doResume(bench.md, 0)), '0');
        expect('ends', yield* bench.ends(0), ['0']);
        expect('resume', (yield* journal.all()).slice(1), [...both('preresume'), ...both('resume'), ...both('map')]);
      },
    };
  },
};

const failedFreeze: AcceptanceCase = {
  of: 'dmsetup 45',
  sentence: 'an error of lock_fs is that of the suspend; the device is active, I/O flows, and presuspend is not undone',
  presets: PRESETS,
  planted: { mayFreeze: () => false },
  build(bench) {
    const journal = new Journal(VOCABULARY);
    const anything = function* anything(): Kernel<void> {};
    bindScripts([noting('a', journal, anything), noting('b', journal, anything)]);
    return {
      *setup(): Kernel<void> {
        yield* bench.disk(0);
        yield* bench.disk(1);
        yield* bench.device(TABLE);
        yield* journal.forget();
        (yield* bench.mount()).failFreeze.init(-EIO);
        yield* fsWrite(bench.sb, 7, 30);
      },
      actors: [
        actor('writer', 0, function* write(): Kernel<void> {
          for (let stamp = 40; stamp < 44; stamp++) {
            yield* bench.write(0, 2, 3, stamp);
            expect('end of a write', yield* bench.ends(0), ['0']);
          }
        }),
        actor('administrator', 1, function* administrate(): Kernel<void> {
          expect('suspend', errnoText(yield* doSuspend(bench.md, 0)), '-EIO');
          const flags = yield* bench.md.flags.read(HERE);
          expect('flags', flags & (DMF_SUSPENDED | DMF_FROZEN | DMF_BLOCK_IO_FOR_SUSPEND), 0);
          expect('level of the freeze', yield* bench.sb.frozen.read(HERE), SB_UNFROZEN);
          expect('freezes', Inode.at(bench.sb.inode).fsfreezeCount, 0);
        }),
        actor('file system', 2, function* sync(): Kernel<void> {
          yield* fsWrite(bench.sb, 6, 31);
          expect('fsync', errnoText(yield* fsFsync(bench.sb)), '0');
        }),
      ],
      *verify(): Kernel<void> {
        const heard = (yield* journal.all()).filter((entry) => !entry.endsWith('map'));
        expect('what the targets have heard', heard, both('presuspend'));
        expect('what is stored', [...bench.stored(0, 2, 3), ...bench.stored(1, 0, 2, 3)], [43, 44, 45, 31, 30]);
        expect('suspend', errnoText(yield* doSuspend(bench.md, 0)), '0');
        expect('resume', errnoText(yield* doResume(bench.md, 0)), '0');
        yield* umountBdev(bench.sb);
      },
    };
  },
};

export const hookCases: readonly AcceptanceCase[] = [failedFreeze, order, refused];
