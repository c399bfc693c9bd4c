/**
 * CPUs that submit bios to immediate disks through linear: all to one device, or each to its own.
 */
import { BlockDevice } from '../../src/block/block-device.ts';
import { declareMedia } from '../../src/block/disk.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import type { Program } from '../../src/machine/machine.ts';
import { memory, staticWords } from '../../src/shared/memory.ts';
import { nanoseconds, rawPairs } from '../measure.ts';
import { createLinear, inlineBios, SECTORS } from './linear.ts';
import { Window } from './window.ts';

export interface BiosOrder {
  readonly program: 'bios';
  readonly devices: number;
  readonly cpus: number;
  readonly us: number;
}

export const biosWords = ({ cpus, devices }: BiosOrder): number =>
  devices * (SECTORS + 1) + cpus * 17 + Window.words(cpus);

/** Picoseconds of a raw pair, the best of some turns. */
function unitPs(word: number): number {
  const PAIRS = 4000;
  let best = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 100; turn++) {
    const start = nanoseconds();
    rawPairs(word, PAIRS);
    best = Math.min(best, (nanoseconds() - start) / PAIRS);
  }
  return Math.round(best * 1000);
}

export function bios({ devices, cpus, us }: BiosOrder): Program {
  const window = new Window(cpus, us);
  const media = Array.from({ length: devices }, () => declareMedia(SECTORS));
  const handles = staticWords(devices);
  // A cache line for each CPU's raw pairs, and a word for what they took.
  const raw = staticWords(cpus * 16);
  const units = staticWords(cpus);
  return {
    *setup(): Kernel<void> {
      for (let i = 0; i < devices; i++) {
        const md = yield* createLinear(i, 'inline', media[i] as number);
        memory.words[handles + i] = md.bdev;
      }
    },
    actors: Array.from({ length: cpus }, (_, cpu) => ({
      name: `submitter${cpu}`,
      cpu,
      *run(): Kernel<void> {
        memory.words[units + cpu] = unitPs(raw + cpu * 16);
        const bdev = BlockDevice.at(memory.words[handles + (cpu % devices)] as number);
        yield* window.run(cpu, (count) => inlineBios(bdev, count));
      },
    })),
    counts: () => ({
      rate: window.rate(),
      unitNs: Math.min(...memory.words.subarray(units, units + cpus)) / 1000,
    }),
  };
}
