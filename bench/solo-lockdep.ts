/**
 * What the lock validator costs: on one CPU of the real machine, and on the model machine.
 */
import { BlockDevice } from '../src/block/block-device.ts';
import { declareMedia } from '../src/block/disk.ts';
import { oracles } from '../src/check/index.ts';
import { prepare } from '../src/cli/boot.ts';
import { Search } from '../src/explore/explore.ts';
import { Walk } from '../src/explore/strategies/walk.ts';
import { bindListeners } from '../src/machine/events.ts';
import type { Kernel } from '../src/machine/kernel.ts';
import { findScenario } from '../src/scenarios/registry.ts';
import { Lockdep } from '../src/shared/lockdep/lockdep.ts';
import { declareSpinLock, tasSpinLock } from '../src/shared/spinlock.ts';
import { medianOf, nanoseconds } from './measure.ts';
import { createLinear, inlineBios, SECTORS } from './programs/linear.ts';
import { BIOS, PAIRS, rateLeft } from './rate-left.ts';
import type { Row, Target } from './row.ts';
import { solo } from './solo.ts';
import { plainPairs } from './solo-locks.ts';

export const LOCKDEP_TARGET: Target = { atLeast: 0.4 };

/** On one CPU of the real machine. */
export function soloLockdep(): Row[] {
  const rows: Row[] = [];
  solo(tasSpinLock, () => {
    const media = declareMedia(SECTORS);
    const lock = declareSpinLock('&bench_lock');
    const validator = new Lockdep({ throws: false });
    const listen = (on: boolean): void => bindListeners(on ? [validator.hear] : []);
    return function* body(): Kernel<void> {
      const md = yield* createLinear(0, 'inline', media);
      const bdev = BlockDevice.at(md.bdev);
      validator.attach();
      const bios = yield* rateLeft(listen, (count) => inlineBios(bdev, count), BIOS);
      rows.push({ ...rowOf('bios, one CPU', bios), target: LOCKDEP_TARGET });
      rows.push(
        rowOf('a free spinlock and nothing else', yield* rateLeft(listen, (count) => plainPairs(lock, count), PAIRS)),
      );
    };
  });
  return rows;
}

function rowOf(what: string, { best, median }: { readonly best: number; readonly median: number }): Row {
  return { what, measured: best, median, unit: 'with ÷ without' };
}

const SCENARIO = 'interrupted-noflush';
const STEP_LIMIT = 200_000;
/** Executions in a turn, some 10 ms. */
const EXECUTIONS = 256;
const WARM_UP_TURNS = 20;
const TURNS = 150;

/** On the model machine, which walks through a scenario with its oracles. */
export function modelLockdep(): Row[] {
  const scenario = findScenario(SCENARIO, 0);
  if (scenario === undefined) throw new Error(`there is no scenario ${SCENARIO}`);
  const { cpus } = scenario;
  const variant = { preset: 'unified', bug: null };
  const lockdep = new Lockdep({ throws: true });
  const bootable = prepare({ scenario: SCENARIO, cpus, variant, lock: 'tas', oracles: true, lockdep: true }, lockdep);
  const settings = { cpus, lock: 'tas', oracles: true } as const;
  const search = new Search(bootable.build, new Walk(1), { ...bootable, settings, stepLimit: STEP_LIMIT, lockdep });
  let steps = 0;
  /** Steps a second of one turn. */
  const rate = (on: boolean): number => {
    bindListeners(on ? [...oracles(), lockdep.hear] : oracles());
    const start = nanoseconds();
    if (!search.run(EXECUTIONS)) throw new Error(`the model machine finds something in ${SCENARIO}`);
    const seconds = (nanoseconds() - start) / 1e9;
    const walked = search.result().steps - steps;
    steps += walked;
    return walked / seconds;
  };
  const [on, off]: [number[], number[]] = [[], []];
  for (let turn = 0; turn < WARM_UP_TURNS + TURNS; turn++) {
    const [without, heard] = [rate(false), rate(true)];
    if (turn < WARM_UP_TURNS) continue;
    off.push(without);
    on.push(heard);
  }
  const median = medianOf(on.map((each, i) => each / (off[i] as number)));
  return [rowOf(`steps of ${SCENARIO} on the model`, { best: Math.max(...on) / Math.max(...off), median })];
}
