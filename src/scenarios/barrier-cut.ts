/**
 * Writers and barriers over a volatile write cache, and a power cut at any moment.
 */
import { BIO_RW_UNPLUG } from '../block/bio.ts';
import { cutPower } from '../block/request-disk.ts';
import { CHOICE_SCENARIO, type Kernel } from '../machine/kernel.ts';
import type { Actor, Program } from '../machine/machine.ts';
import { ops } from '../machine/operations.ts';
import { DurabilityLog, durabilityWords } from './durability.ts';
import {
  BARRIER,
  NO_REQUESTS,
  REQUEST_DEVICE_WORDS,
  RequestDevice,
  type RequestDeviceOptions,
  requestSlots,
} from './request-device.ts';
import type { Scenario } from './scenario.ts';

export const WRITERS = 2;
/** Of each writer: a write, a barrier, and a write that is submitted before the barrier has ended. */
export const PER_WRITER = 3;

/** Writes two sectors of its own. */
function writer(device: RequestDevice, log: DurabilityLog, number: number): Actor {
  return {
    name: `writer${number}`,
    cpu: number,
    *run(): Kernel<void> {
      const [first, second] = [number * 2, number * 2 + 1];
      const entry = number * PER_WRITER;
      const stamp = 10 * (number + 1);
      const { bdev } = device;
      const write = { sector: first, size: 1, stamp, flags: BIO_RW_UNPLUG } as const;
      yield* log.wait(entry, yield* log.submit(bdev, entry, write));
      const barrier = yield* log.submit(bdev, entry + 1, { sector: second, size: 1, stamp: stamp + 1, flags: BARRIER });
      const last = yield* log.submit(bdev, entry + 2, { ...write, stamp: stamp + 2 });
      yield* log.wait(entry + 1, barrier);
      yield* log.wait(entry + 2, last);
    },
  };
}

/** Some moment of the run: each I/O draws three tickets. */
export function* someMoment(log: DurabilityLog): Kernel<void> {
  yield* log.until(yield* ops.choice(CHOICE_SCENARIO, 3 * WRITERS * PER_WRITER, HERE));
}

/** The writers, a power cut at some moment, and what is looked at after it. */
export function writersAndCut(device: RequestDevice, log: DurabilityLog): Required<Omit<Program, 'setup'>> {
  return {
    actors: [
      ...Array.from({ length: WRITERS }, (_, i) => writer(device, log, i)),
      {
        name: 'cutter',
        cpu: WRITERS,
        *run(): Kernel<void> {
          yield* someMoment(log);
          yield* log.cutting();
          yield* cutPower(device.disk);
        },
      },
    ],
    *verify(): Kernel<void> {
      log.check((sector) => device.cache.stored(sector));
    },
    outcome: () => `${log.completed()} barriers had ended before the cut`,
    counts: () => ({
      'barriers.completed': log.completed(),
      'power.cuts': 1,
      'sectors.checked': log.checked(),
    }),
  };
}

function build(options: RequestDeviceOptions): Program {
  const device = new RequestDevice();
  const log = new DurabilityLog(WRITERS * PER_WRITER);
  return { setup: () => device.create(options), ...writersAndCut(device, log) };
}

const scenario = (name: string, where: string, options: RequestDeviceOptions): Scenario => ({
  name,
  title: `writers, barriers and a power cut ${where}`,
  cpus: WRITERS + 1,
  slots: requestSlots(2),
  staticWords: REQUEST_DEVICE_WORDS + durabilityWords(WRITERS * PER_WRITER),
  ...(options.table === null ? {} : { notIn: NO_REQUESTS }),
  build: () => build(options),
});

export const barrierCut: readonly Scenario[] = [
  scenario('barrier-cut', 'on a disk that ends requests in its interrupt', { table: null }),
  scenario('barrier-cut-thread', 'on a disk with a thread', { table: null, mode: 'thread' }),
  scenario('rq-barrier-cut', 'on a request-based device', { table: '0 4 linear disk0 0' }),
  scenario('bio-barrier-cut', 'on a bio-based device', { table: '0 4 linear disk0 0', bioBased: true }),
];
