/**
 * A user whose bio submits the next one as it ends, on a target that ends bios at once, and a suspend and a resume.
 *
 * Such an end runs where the bio was mapped: in the submitter, or in whoever maps what was deferred.
 */
import { bioAlloc, bioPut, endIos, REQ_WRITE } from '../block/bio.ts';
import { BlockDevice } from '../block/block-device.ts';
import { genericMakeRequest } from '../block/submit.ts';
import { doResume, doSuspend } from '../core/ioctl.ts';
import { errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { COMPLETION_WORDS, Completion, complete, declareCompletion, waitForCompletion } from '../shared/completion.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { DEVICE_WORDS, Device } from './device.ts';
import type { Scenario } from './scenario.ts';

const BIOS = 2;

/** Submits the bio that is number `nth` of its user; `words`: how many have ended, the last error, and the completion of the last. */
function* submitNth(bdev: BlockDevice, nth: number, words: number): Kernel<void> {
  const bio = bioAlloc();
  if (bio === null) report('assertion', '', 'no bio is free for a user');
  bio.sector = nth;
  bio.size = 1;
  bio.bioFlags = REQ_WRITE;
  bio.bdev = bdev.handle;
  bio.endIo = SUBMIT_NEXT_ENDIO;
  bio.private = words;
  yield* genericMakeRequest(bio);
}

const SUBMIT_NEXT_ENDIO = endIos.define('submit_next_endio', function* submitNext(bio, error): Kernel<void> {
  const w = memory.words;
  const words = bio.private;
  const bdev = BlockDevice.at(bio.bdev);
  const ended = (w[words] as number) + 1;
  w[words] = ended;
  w[words + 1] = error;
  yield* bioPut(bio, HERE);
  if (error === 0 && ended < BIOS) yield* submitNth(bdev, ended, words);
  else yield* complete(new Completion(words + 2), HERE);
});

function build(): Program {
  const device = new Device();
  const words = staticWords(2);
  const last = declareCompletion('&last');
  return {
    setup: () => device.create({ mode: 'hardirq', table: '0 4 zero' }),
    actors: [
      {
        name: 'user',
        cpu: 0,
        *run(): Kernel<void> {
          yield* submitNth(device.bdev, 0, words);
          yield* waitForCompletion(last, HERE);
        },
      },
      {
        name: 'suspender',
        cpu: 1,
        *run(): Kernel<void> {
          yield* doSuspend(device.md, 0);
          yield* doResume(device.md, 0);
        },
      },
    ],
    outcome: () => `${memory.words[words]} bios, ${errnoText(memory.words[words + 1] as number)}`,
  };
}

export const endSubmits: Scenario = {
  name: 'end-submits',
  title: 'a bio whose end submits the next one, a suspend and a resume',
  cpus: 2,
  staticWords: DEVICE_WORDS + COMPLETION_WORDS + 2,
  outcomes: [`${BIOS} bios, 0`],
  notIn: {
    '2.6.20': 'what is deferred is mapped with io_lock held, and its end takes it again (fair-rwsem-recursive-read)',
  },
  build,
};
