/**
 * The smallest meeting of a barrier and a suspend: for a search through all interleavings.
 *
 * The barrier has no data, so it is one flush, of one target with one disk. The suspender does nothing else; who resumes and looks
 * at the barrier is alone by then. Whatever the order: when the suspend has returned, no target is asked for anything.
 */
import { REQ_WRITE } from '../block/bio.ts';
import { dmResume, dmSuspend } from '../core/suspend.ts';
import { errnoText } from '../machine/errno.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { BARRIER, NO_REQUESTS, REQUEST_DEVICE_WORDS, RequestDevice, requestSlots } from './request-device.ts';
import type { Scenario } from './scenario.ts';
import { submitIo, UserIo, waitIo } from './user-io.ts';

function build(): Program {
  const device = new RequestDevice();
  const io = staticWords(1);
  const results = staticWords(2);
  return {
    setup: () => device.create({ table: '0 4 linear disk0 0', latencyUs: [20, 0] }),
    actors: [
      {
        name: 'writer',
        cpu: 0,
        *run(): Kernel<void> {
          const request = { sector: 0, size: 0, flags: REQ_WRITE | BARRIER, stamp: 0 };
          memory.words[io] = (yield* submitIo(device.bdev, request)).handle;
        },
      },
      {
        name: 'suspender',
        cpu: 1,
        *run(): Kernel<void> {
          memory.words[results] = yield* dmSuspend(device.md, 0);
        },
      },
    ],
    *verify(): Kernel<void> {
      yield* dmResume(device.md);
      memory.words[results + 1] = (yield* waitIo(UserIo.at(memory.words[io] as number))).error;
    },
    outcome: () =>
      `suspend ${errnoText(memory.words[results] as number)}, barrier ${errnoText(memory.words[results + 1] as number)}`,
  };
}

export const rqSuspendOrder: Scenario = {
  name: 'rq-suspend-order',
  title: 'a barrier without data and a suspend, as small as they can be',
  cpus: 2,
  slots: requestSlots(1),
  staticWords: REQUEST_DEVICE_WORDS + 3,
  outcomes: ['suspend 0, barrier 0'],
  notIn: NO_REQUESTS,
  build,
};
