/**
 * Writers and barriers on a disk with a volatile write cache, and a power cut at any moment.
 */
import { BIO_RW_BARRIER, BIO_RW_UNPLUG } from '../block/bio.ts';
import { BlockDevice } from '../block/block-device.ts';
import { addRequestDisk, cacheOf, cutPower, RequestDisk, type RequestDiskMode } from '../block/request-disk.ts';
import { cachedMediaWords, declareCachedMedia } from '../block/write-cache.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Actor, Program } from '../machine/machine.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { DurabilityLog, durabilityWords } from './durability.ts';
import type { Scenario } from './scenario.ts';

const SECTORS = 4;
const WRITERS = 2;
/** Of each writer: a write, a barrier, and a write that is submitted before the barrier has ended. */
const PER_WRITER = 3;
const BARRIER = BIO_RW_BARRIER | BIO_RW_UNPLUG;

/** Writes two sectors of its own. */
function writer(log: DurabilityLog, bdev: () => BlockDevice, number: number): Actor {
  return {
    name: `writer${number}`,
    cpu: number,
    *run(): Kernel<void> {
      const [first, second] = [number * 2, number * 2 + 1];
      const entry = number * PER_WRITER;
      const stamp = 10 * (number + 1);
      const device = bdev();
      const write = { sector: first, size: 1, stamp, flags: BIO_RW_UNPLUG } as const;
      yield* log.wait(entry, yield* log.submit(device, entry, write));
      const barrier = yield* log.submit(device, entry + 1, {
        sector: second,
        size: 1,
        stamp: stamp + 1,
        flags: BARRIER,
      });
      const last = yield* log.submit(device, entry + 2, { ...write, stamp: stamp + 2 });
      yield* log.wait(entry + 1, barrier);
      yield* log.wait(entry + 2, last);
    },
  };
}

function build(mode: RequestDiskMode): Program {
  const handle = staticWords(1);
  const media = declareCachedMedia(SECTORS);
  const log = new DurabilityLog(WRITERS * PER_WRITER);
  const disk = (): RequestDisk => RequestDisk.at(memory.words[handle] as number);
  const bdev = (): BlockDevice => BlockDevice.at(disk().bdev);
  return {
    *setup(): Kernel<void> {
      const options = { name: 'disk0', minor: 0, sectors: SECTORS, mode, nrRequests: 2, depth: 2 } as const;
      memory.words[handle] = (yield* addRequestDisk(options, media)).handle;
    },
    actors: [
      ...Array.from({ length: WRITERS }, (_, i) => writer(log, bdev, i)),
      {
        name: 'cutter',
        cpu: WRITERS,
        *run(): Kernel<void> {
          yield* log.cutting();
          yield* cutPower(disk());
        },
      },
    ],
    *verify(): Kernel<void> {
      log.check((sector) => cacheOf(disk()).stored(sector));
    },
    outcome: () => `${log.completed()} barriers had ended before the cut`,
    counts: () => ({ 'barriers.completed': log.completed(), 'power.cuts': 1, 'sectors.checked': SECTORS }),
  };
}

export const barrierCut: readonly Scenario[] = (['hardirqDirect', 'thread'] as const).map((mode) => ({
  name: mode === 'thread' ? 'barrier-cut-thread' : 'barrier-cut',
  title: `writers, barriers and a power cut on a disk with a volatile cache (${mode})`,
  cpus: WRITERS + 1,
  slots: { request: 12, 'request-queue': 1, 'request-disk': 1 },
  staticWords: 1 + cachedMediaWords(SECTORS) + durabilityWords(WRITERS * PER_WRITER),
  build: () => build(mode),
}));
