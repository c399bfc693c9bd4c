/**
 * A target that keeps a log on its own device, and begins it anew after each resume: no data is mapped before its log writer has
 * sent that off. A write is deferred meanwhile.
 *
 * The log writer never waits for the data, and only its submission is waited for, not its end.
 */
import { REQ_WRITE } from '../block/bio.ts';
import { doResume, doSuspend } from '../core/ioctl.ts';
import { errnoText } from '../machine/errno.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { COMPLETION_WORDS, complete, declareCompletion, waitForCompletion } from '../shared/completion.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { bindScripts, remap } from '../targets/scripted.ts';
import { DEVICE_WORDS, Device } from './device.ts';
import type { Scenario } from './scenario.ts';
import { submitIo, waitIo } from './user-io.ts';

/** The log's sector; the others are data. */
const LOG = 3;

function build(): Program {
  const device = new Device();
  const wanted = declareCompletion('&log->wanted');
  const begun = declareCompletion('&log->begun');
  // Whether the target has been suspended, and what the two writes gave.
  const words = staticWords(3);
  bindScripts([
    {
      *postsuspend(): Kernel<void> {
        memory.words[words] = 1;
      },
      *resume(): Kernel<void> {
        if (memory.words[words] === 1) yield* complete(wanted, HERE);
      },
      *map(ti, clone): Kernel<number> {
        if (clone.sector !== LOG) yield* waitForCompletion(begun, HERE);
        return remap(ti, clone);
      },
    },
  ]);
  return {
    setup: () => device.create({ mode: 'hardirq', table: '0 4 scripted disk0 0 0' }),
    actors: [
      {
        name: 'admin',
        cpu: 0,
        *run(): Kernel<void> {
          yield* doSuspend(device.md, 0);
          const io = yield* submitIo(device.bdev, { sector: 0, size: 1, flags: REQ_WRITE, stamp: 7 });
          yield* doResume(device.md, 0);
          memory.words[words + 1] = (yield* waitIo(io)).error;
        },
      },
      {
        name: 'log-writer',
        cpu: 1,
        *run(): Kernel<void> {
          yield* waitForCompletion(wanted, HERE);
          const io = yield* submitIo(device.bdev, { sector: LOG, size: 1, flags: REQ_WRITE, stamp: 9 });
          yield* complete(begun, HERE);
          memory.words[words + 2] = (yield* waitIo(io)).error;
        },
      },
    ],
    outcome: () =>
      `data ${errnoText(memory.words[words + 1] as number)}, log ${errnoText(memory.words[words + 2] as number)}`,
  };
}

export const logAfterResume: Scenario = {
  name: 'log-after-resume',
  title: 'a write that is deferred, and a target that after a resume maps only when its log writer has written',
  cpus: 2,
  staticWords: DEVICE_WORDS + 2 * COMPLETION_WORDS + 3,
  outcomes: ['data 0, log 0'],
  notIn: { '2.6.20': 'what is deferred is mapped with io_lock held (deferred-flush-under-io-lock)' },
  build,
};
