/**
 * Barriers on a bio-based device during a noflush suspend that takes writes back: one that is older than the barrier, or the
 * barrier's own, whose flushes may fail beside that.
 */
import { REQ_WRITE } from '../block/bio.ts';
import { DM_ENDIO_REQUEUE, dmNoflushSuspending } from '../core/device-mapper.ts';
import { doResume, doSuspend } from '../core/ioctl.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../core/suspend.ts';
import { EIO, errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import { CHOICE_SCENARIO, type Kernel } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { ops } from '../machine/operations.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { Atomic } from '../shared/word.ts';
import { bindScripts } from '../targets/scripted.ts';
import { BARRIER, NO_REQUESTS, REQUEST_DEVICE_WORDS, RequestDevice, requestSlots } from './request-device.ts';
import type { Scenario } from './scenario.ts';
import { submitIo, type UserIo, waitIo } from './user-io.ts';

const WORDS = 3;

interface Options {
  /** A write that is under way when the barrier comes. */
  readonly older: boolean;
  /** The first flush may fail. */
  readonly fails: boolean;
}

/** The disk is slow enough for a suspend to begin meanwhile: its interrupt comes when the scheduler says so. */
function build({ older, fails }: Options): Program {
  const device = new RequestDevice();
  const words = staticWords(WORDS);
  const failures = new Atomic(words);
  bindScripts([
    {
      *endIo(ti, clone): Kernel<number> {
        if (clone.size > 0) return (yield* dmNoflushSuspending(ti)) ? DM_ENDIO_REQUEUE : 0;
        return fails && (yield* failures.exchange(0, HERE)) !== 0 ? -EIO : 0;
      },
    },
  ]);
  const write = (sector: number, flags: number): Kernel<UserIo> =>
    submitIo(device.bdev, { sector, size: 1, flags: REQ_WRITE | flags, stamp: 7 + sector });
  const said = (word: number): string => errnoText(memory.words[words + word] as number);
  return {
    setup: () => device.create({ table: '0 4 scripted disk0 0 0', bioBased: true }),
    actors: [
      {
        name: 'writer',
        cpu: 0,
        *run(): Kernel<void> {
          if (fails) yield* failures.set(yield* ops.choice(CHOICE_SCENARIO, 2, HERE), HERE);
          const first = older ? yield* write(0, 0) : null;
          memory.words[words + 1] = (yield* waitIo(yield* write(1, BARRIER))).error;
          if (first !== null) yield* waitIo(first);
        },
      },
      {
        name: 'suspender',
        cpu: 1,
        *run(): Kernel<void> {
          memory.words[words + 2] = yield* doSuspend(device.md, DM_SUSPEND_NOFLUSH_FLAG);
          yield* doResume(device.md, 0);
        },
      },
    ],
    *verify(): Kernel<void> {
      const lost = (older ? [0, 1] : [1]).filter((sector) => device.cache.stored(sector) !== 7 + sector);
      if (memory.words[words + 1] === 0 && lost.length > 0)
        report('lost-bio', 'I41', `a barrier has ended, and sector ${lost[0]}, which it covers, is not on the media`);
    },
    outcome: () => `barrier ${said(1)}, suspend ${said(2)}`,
  };
}

const scenario = (name: string, title: string, options: Options, outcomes: readonly string[]): Scenario => ({
  name,
  title,
  cpus: 2,
  slots: requestSlots(2),
  staticWords: REQUEST_DEVICE_WORDS + WORDS,
  outcomes,
  notIn: NO_REQUESTS,
  build: () => build(options),
});

export const bioBarrier: readonly Scenario[] = [
  scenario(
    'bio-barrier-noflush',
    'a noflush suspend takes back a write that is older than a barrier, or the barrier',
    { older: true, fails: false },
    ['barrier 0, suspend 0'],
  ),
  scenario(
    'bio-barrier-errors',
    'the first flush of a barrier fails, or a noflush suspend takes its data back, or both',
    { older: false, fails: true },
    ['barrier 0, suspend 0', `barrier ${errnoText(-EIO)}, suspend 0`],
  ),
];
