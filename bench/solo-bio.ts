/**
 * What one bio through linear to an immediate disk costs on one CPU.
 */
import { BlockDevice } from '../src/block/block-device.ts';
import { declareMedia } from '../src/block/disk.ts';
import { installOracles, removeOracles } from '../src/check/index.ts';
import type { Kernel } from '../src/machine/kernel.ts';
import { memory, perCpuBase, staticWords } from '../src/shared/memory.ts';
import { CPU_STEPS } from '../src/shared/per-cpu-layout.ts';
import { tasSpinLock } from '../src/shared/spinlock.ts';
import { costOf } from './measure.ts';
import { createLinear, inlineBios, SECTORS } from './programs/linear.ts';
import type { Row } from './row.ts';
import { solo } from './solo.ts';

/** Bios in a turn, 150 to 250 µs. */
const BIOS = 100;

export function soloBio(oracles: boolean): Row[] {
  const rows: Row[] = [];
  if (oracles) installOracles();
  else removeOracles();
  const name = `one bio, one CPU, oracles ${oracles ? 'on' : 'off'}`;
  solo(tasSpinLock, () => {
    const media = declareMedia(SECTORS);
    const word = staticWords(1);
    return function* body(): Kernel<void> {
      const md = yield* createLinear(0, 'inline', media);
      const bdev = BlockDevice.at(md.bdev);
      const { best, median, ns } = yield* costOf(word, BIOS, (count) => inlineBios(bdev, count));
      const steps = (): number => memory.words[perCpuBase(0) + CPU_STEPS] as number;
      const before = steps();
      yield* inlineBios(bdev, BIOS);
      const target = { atMost: oracles ? 140 : 90 };
      rows.push({ what: name, measured: best, median, unit: 'raw pairs', target });
      rows.push({ what: `${name}, time`, measured: ns, unit: 'ns' });
      if (!oracles) rows.push({ what: 'one bio, steps', measured: (steps() - before) / BIOS, unit: 'steps' });
    };
  });
  return rows;
}
