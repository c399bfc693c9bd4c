/**
 * Small noflush suspends that nobody interrupts: what must not fail, and what must not be overtaken.
 */
import { REQ_WRITE } from '../block/bio.ts';
import { DM_ENDIO_REQUEUE, dmNoflushSuspending } from '../core/device-mapper.ts';
import { doResume, doSuspend } from '../core/ioctl.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../core/suspend.ts';
import { errnoText } from '../machine/errno.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { bindScripts, type Script } from '../targets/scripted.ts';
import { DEVICE_WORDS, Device } from './device.ts';
import { failedAlthough } from './failed-although.ts';
import { PATH_TARGET_WORDS, PathTarget } from './path-target.ts';
import type { Scenario } from './scenario.ts';
import { type IoRequest, submitIo, waitIo } from './user-io.ts';

/** Hands back what ends while a noflush suspend is under way. */
const requeueing: Script = {
  *endIo(ti): Kernel<number> {
    return (yield* dmNoflushSuspending(ti)) ? DM_ENDIO_REQUEUE : 0;
  },
};

interface NoflushOptions {
  readonly name: string;
  readonly title: string;
  readonly table: string;
  /** One bio for each, of a submitter on a CPU of its own. */
  readonly writes: readonly Pick<IoRequest, 'sector' | 'size'>[];
  /** So many I/Os of the disk fail. */
  readonly failNext?: number;
  readonly outcomes: readonly string[];
}

/** Submitters, and one who suspends with noflush and resumes. */
function noflushScenario(options: NoflushOptions): Scenario {
  const { name, title, table, writes, failNext = 0, outcomes } = options;
  function build(): Program {
    const device = new Device();
    const results = staticWords(writes.length + 1);
    bindScripts([requeueing]);
    return {
      *setup(): Kernel<void> {
        yield* device.create({ mode: 'hardirq', anyCpu: true, table });
        device.disk.failNext.init(failNext);
      },
      actors: [
        ...writes.map((each, i) => ({
          name: `submitter${i}`,
          cpu: i,
          *run(): Kernel<void> {
            const io = yield* submitIo(device.bdev, { ...each, flags: REQ_WRITE, stamp: 10 * (i + 1) });
            memory.words[results + i] = (yield* waitIo(io)).error;
          },
        })),
        {
          name: 'suspender',
          cpu: writes.length,
          *run(): Kernel<void> {
            memory.words[results + writes.length] = yield* doSuspend(device.md, DM_SUSPEND_NOFLUSH_FLAG);
            yield* doResume(device.md, DM_SUSPEND_NOFLUSH_FLAG);
          },
        },
      ],
      outcome(): string {
        const said = writes.map((_, i) => `bio ${errnoText(memory.words[results + i] as number)}`);
        return `${said.join(', ')}, suspend ${errnoText(memory.words[results + writes.length] as number)}`;
      },
    };
  }
  return { name, title, cpus: writes.length + 1, staticWords: DEVICE_WORDS + writes.length + 1, outcomes, build };
}

/** A target without a path that keeps its bio, until a noflush suspend asks for it. */
function buildHeld(): Program {
  const device = new Device();
  const path = new PathTarget({
    pathUp: false,
    queueIfNoPath: true,
    requeueInMap: 0,
    requeueInEndIo: 0,
    slowMap: 0,
    slowMapUs: 0,
    slowPresuspendUs: 0,
  });
  bindScripts([path]);
  return {
    *setup(): Kernel<void> {
      path.init();
      yield* device.create({ mode: 'hardirq', table: '0 4 scripted disk0 0 0' });
    },
    actors: [
      {
        name: 'submitter',
        cpu: 0,
        *run(): Kernel<void> {
          const io = yield* submitIo(device.bdev, { sector: 0, size: 1, flags: REQ_WRITE, stamp: 7 });
          const { error } = yield* waitIo(io);
          if (error !== 0) failedAlthough(error, 'its target queues, and the only suspend is a noflush one');
        },
      },
      {
        name: 'suspender',
        cpu: 1,
        *run(): Kernel<void> {
          yield* doSuspend(device.md, DM_SUSPEND_NOFLUSH_FLAG);
          yield* path.setPath(true);
          yield* doResume(device.md, DM_SUSPEND_NOFLUSH_FLAG);
        },
      },
    ],
    outcome: () => 'bio 0',
  };
}

export const noflushScenarios: readonly Scenario[] = [
  noflushScenario({
    name: 'noflush',
    title: 'one bio in flight, a noflush suspend that waits for it',
    table: '0 4 scripted disk0 0 0',
    writes: [{ sector: 0, size: 1 }],
    outcomes: ['bio 0, suspend 0'],
  }),
  noflushScenario({
    name: 'noflush-two',
    title: 'two bios, of which one may be pushed back and the other deferred by a noflush suspend',
    table: '0 4 scripted disk0 0 0',
    writes: [
      { sector: 0, size: 1 },
      { sector: 0, size: 1 },
    ],
    outcomes: ['bio 0, bio 0, suspend 0'],
  }),
  noflushScenario({
    name: 'noflush-split',
    title: 'a bio over two targets, one of which fails while the other hands it back in a noflush suspend',
    table: '0 1 linear disk0 0\n1 3 scripted disk0 1 0',
    writes: [{ sector: 0, size: 2 }],
    failNext: 1,
    outcomes: ['bio 0, suspend 0', 'bio -EIO, suspend 0'],
  }),
  {
    name: 'noflush-held',
    title: 'a bio that a target without a path keeps, and a noflush suspend that gets it back',
    cpus: 2,
    staticWords: DEVICE_WORDS + PATH_TARGET_WORDS,
    outcomes: ['bio 0'],
    build: buildHeld,
  },
];
