/**
 * I/O one by one on one CPU, over an immediate disk with a request queue and a volatile cache: through a request-based device, a
 * bio-based one, or straight; writes, or barriers with data.
 */
import { BIO_RW_BARRIER, BIO_RW_UNPLUG, REQ_WRITE } from '../../src/block/bio.ts';
import { BlockDevice } from '../../src/block/block-device.ts';
import { addRequestDisk } from '../../src/block/request-disk.ts';
import { cachedMediaWords, declareCachedMedia } from '../../src/block/write-cache.ts';
import { dmCreate, dmTableLoad, doResume } from '../../src/core/ioctl.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import type { Program } from '../../src/machine/machine.ts';
import { submitIo, waitIo } from '../../src/scenarios/user-io.ts';
import { memory, perCpuBase, staticWords } from '../../src/shared/memory.ts';
import { CPU_STEPS } from '../../src/shared/per-cpu-layout.ts';
import { bindScripts } from '../../src/targets/scripted.ts';
import { costOf } from '../measure.ts';
import { SECTORS } from './linear.ts';

export interface RequestsOrder {
  readonly program: 'requests';
  readonly through: 'request-based' | 'bio-based' | 'nothing';
  /** Flushes that the device's one target asks for; 0: ordinary writes. */
  readonly flushes: number;
}

/** I/Os in a turn. */
const WRITES = 50;
const BARRIERS = 5;
/** Fractions are kept as thousandths. */
const SCALE = 1000;

const HANDLE = 0;
const UNIT = 1;
const RESULTS = 2;
const NAMES = ['best', 'median', 'ns', 'steps'] as const;

export const REQUESTS_WORDS = cachedMediaWords(SECTORS) + RESULTS + NAMES.length;
export const REQUESTS_SLOTS = { 'request-disk': 1, 'request-queue': 2, request: 64, 'dm-rq-target-io': 32 } as const;

function* create({ through, flushes }: RequestsOrder, media: number): Kernel<number> {
  const disk = yield* addRequestDisk({ name: 'disk0', minor: 0, sectors: SECTORS, mode: 'inline' }, media);
  if (through === 'nothing') return disk.bdev;
  const md = yield* dmCreate({ name: 'dm0', minor: 0, requestBased: through === 'request-based' });
  if (typeof md === 'number') throw new Error(`create gives ${md}`);
  yield* dmTableLoad(md, `0 ${SECTORS} ${flushes > 0 ? 'scripted disk0 0 0' : 'linear disk0 0'}`);
  yield* doResume(md, 0);
  return md.bdev;
}

function* oneByOne(bdev: BlockDevice, flags: number, count: number): Kernel<void> {
  for (let i = 0; i < count; i++) {
    const { error } = yield* waitIo(yield* submitIo(bdev, { sector: i & (SECTORS - 1), size: 1, flags, stamp: i }));
    if (error !== 0) throw new Error(`an I/O ends with ${error}`);
  }
}

export function requests(order: RequestsOrder): Program {
  const media = declareCachedMedia(SECTORS);
  const words = staticWords(RESULTS + NAMES.length);
  const flags = REQ_WRITE | BIO_RW_UNPLUG | (order.flushes > 0 ? BIO_RW_BARRIER : 0);
  bindScripts([{ numFlushRequests: order.flushes }]);
  return {
    *setup(): Kernel<void> {
      memory.words[words + HANDLE] = yield* create(order, media);
    },
    actors: [
      {
        name: 'submitter',
        cpu: 0,
        *run(): Kernel<void> {
          const w = memory.words;
          const bdev = BlockDevice.at(w[words + HANDLE] as number);
          const turn = order.flushes > 0 ? BARRIERS : WRITES;
          const cost = yield* costOf(words + UNIT, turn, (count) => oneByOne(bdev, flags, count));
          const steps = (): number => memory.words[perCpuBase(0) + CPU_STEPS] as number;
          const before = steps();
          yield* oneByOne(bdev, flags, turn);
          const all = { ...cost, steps: (steps() - before) / turn };
          for (const [i, name] of NAMES.entries()) w[words + RESULTS + i] = Math.round(all[name] * SCALE);
        },
      },
    ],
    counts: () =>
      Object.fromEntries(NAMES.map((name, i) => [name, (memory.words[words + RESULTS + i] as number) / SCALE])),
  };
}
