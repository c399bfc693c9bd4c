/**
 * What a suspend does with I/O that is in flight: it waits for what a disk has, and gets what a target delays.
 */
import { hangDisk, releaseDisk } from '../../src/block/disk-faults.ts';
import { dmTableStatus, doResume, doSuspend } from '../../src/core/ioctl.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../src/core/suspend.ts';
import { errnoText } from '../../src/machine/errno.ts';
import { type Kernel, resolved } from '../../src/machine/kernel.ts';
import { actor, expect, Moment } from './bench.ts';
import type { AcceptanceCase } from './case.ts';
import { targetsUntold } from './mistakes.ts';

const PRESETS = ['unified', '2.6.20'];

/** A linear device over a disk that takes its time. */
function waits(sentence: string, flags: number): AcceptanceCase {
  return {
    of: 'dmsetup 35',
    sentence,
    presets: PRESETS,
    planted: { waitForCompletion: () => resolved(0) },
    build(bench) {
      const submitted = new Moment('submitted');
      return {
        *setup(): Kernel<void> {
          yield* bench.disk(0);
          yield* bench.device('0 8 linear disk0 0');
          yield* hangDisk(bench.diskAt(0));
        },
        actors: [
          actor('writer', 2, function* write(): Kernel<void> {
            yield* bench.write(0, 1, 2, 40);
            yield* submitted.come();
            expect('end', yield* bench.ends(0), ['0']);
          }),
          actor('administrator', 1, function* administrate(): Kernel<void> {
            yield* submitted.wait();
            bench.say(0, yield* doSuspend(bench.md, flags));
            expect('suspend', bench.said(0), '0');
            expect('what is stored when the suspend returns', bench.stored(0, 1, 2), [40, 41]);
          }),
          actor('disk', 0, function* serve(): Kernel<void> {
            yield* bench.untilPhase('wait');
            // Long enough for a suspend that does not wait.
            for (let i = 0; i < 5; i++) yield* bench.pause();
            expect('suspend', bench.said(0), 'none');
            expect('I/O that has ended', bench.ended(0), [false]);
            yield* releaseDisk(bench.diskAt(0));
          }),
        ],
        *verify(): Kernel<void> {
          expect('pushed back', bench.md.pushedBack.value, 0);
          expect('resume', errnoText(yield* doResume(bench.md, 0)), '0');
        },
      };
    },
  };
}

/** A write is delayed for longer than any round may take; on the model its timer may go off nevertheless. */
function sentOn(sentence: string, flags: number): AcceptanceCase {
  return {
    of: 'dmsetup 43',
    sentence,
    presets: PRESETS,
    // On the model the delay may be over at any moment: told or not, a suspend that waits would do.
    planted: { ...targetsUntold, waitForCompletion: () => resolved(0) },
    build(bench) {
      const submitted = new Moment('submitted');
      return {
        *setup(): Kernel<void> {
          yield* bench.disk(0);
          yield* bench.device('0 8 delay disk0 0 900000');
        },
        actors: [
          actor('writer', 2, function* write(): Kernel<void> {
            yield* bench.write(0, 1, 2, 40);
            yield* submitted.come();
            expect('end', yield* bench.ends(0), ['0']);
          }),
          actor('administrator', 1, function* administrate(): Kernel<void> {
            yield* submitted.wait();
            expect('suspend', errnoText(yield* doSuspend(bench.md, flags)), '0');
            expect('what is stored when the suspend returns', bench.stored(0, 1, 2), [40, 41]);
            expect('status', yield* dmTableStatus(bench.md, true), '0 8 delay 0 0 0');
          }),
        ],
        *verify(): Kernel<void> {
          expect('pushed back', bench.md.pushedBack.value, 0);
          // What comes while it is suspended is delayed after the resume, and the next suspend gets it.
          yield* bench.write(0, 4, 1, 60);
          expect('I/O that has ended', bench.ended(0), [false]);
          expect('resume', errnoText(yield* doResume(bench.md, 0)), '0');
          yield* bench.settle();
          expect('suspend', errnoText(yield* doSuspend(bench.md, flags)), '0');
          expect('end of the other write', yield* bench.ends(0), ['0']);
          expect('resume', errnoText(yield* doResume(bench.md, 0)), '0');
        },
      };
    },
  };
}

export const inFlightCases: readonly AcceptanceCase[] = [
  waits('a flushing suspend of a linear device returns only after the write that is in flight', 0),
  waits('a noflush suspend of a linear device waits as well, since linear hands nothing back', DM_SUSPEND_NOFLUSH_FLAG),
  sentOn('a flushing suspend sends on at once what a delay target delays', 0),
  sentOn('a noflush suspend sends on at once what a delay target delays', DM_SUSPEND_NOFLUSH_FLAG),
];
