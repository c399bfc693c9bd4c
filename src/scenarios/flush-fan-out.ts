/**
 * Flushes to the two stripes of a device whose pool has room for one clone: the second one can be made when the first has ended.
 */
import { REQ_WRITE } from '../block/bio.ts';
import { errnoText } from '../machine/errno.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { BARRIER, NO_REQUESTS, RequestDevice, requestDeviceWords, requestSlots } from './request-device.ts';
import type { Scenario } from './scenario.ts';
import { submitIo, waitIo } from './user-io.ts';

const DISKS = 2;
const WRITERS = 2;

function build(): Program {
  const device = new RequestDevice(DISKS);
  const results = staticWords(WRITERS);
  return {
    setup: () => device.create({ table: '0 4 striped 2 1 disk0 0 disk1 0', bioBased: true }),
    actors: Array.from({ length: WRITERS }, (_, number) => ({
      name: `writer${number}`,
      cpu: number,
      *run(): Kernel<void> {
        const flush = { sector: 0, size: 0, flags: REQ_WRITE | BARRIER, stamp: 0 };
        memory.words[results + number] = (yield* waitIo(yield* submitIo(device.bdev, flush))).error;
      },
    })),
    outcome: () => [0, 1].map((number) => errnoText(memory.words[results + number] as number)).join(' and '),
  };
}

export const flushFanOut: Scenario = {
  name: 'flush-fan-out',
  title: 'two flush a device of two stripes, whose pool has one clone in reserve and no more',
  cpus: 2,
  slots: { ...requestSlots(2, DISKS), 'dm-target-io': 1 },
  staticWords: requestDeviceWords(DISKS) + WRITERS,
  outcomes: ['0 and 0'],
  notIn: NO_REQUESTS,
  build,
};
