/** A boot module whose programs are the planted violations, for the real machine. */
import type { Bootable } from '../../src/actors/boot-module.ts';
import { bindSubmitEngine } from '../../src/block/submit.ts';
import { checkQuiescence, checkStuck, installOracles } from '../../src/check/index.ts';
import { bindSeams } from '../../src/core/seams.ts';
import { bindSpinLocks, tasSpinLock } from '../../src/shared/spinlock.ts';
import { presets } from '../../src/variants/presets.ts';
import '../../src/targets/all.ts';
import { planted } from './planted.ts';

export interface PlantedOrder {
  /** The scenario's name. */
  readonly name: string;
  /** Whether the seams that break it are swapped in. */
  readonly broken: boolean;
}

export function prepare(what: unknown): Bootable {
  const { name, broken } = what as PlantedOrder;
  const found = planted.find(({ scenario }) => scenario.name === name);
  const unified = presets.find((preset) => preset.name === 'unified');
  if (found === undefined || unified === undefined) throw new Error(`there is no planted program ${name}`);
  const { scenario, swaps } = found;
  return {
    slots: scenario.slots ?? {},
    staticWords: scenario.staticWords,
    atQuiescence: checkQuiescence,
    whenStuck: checkStuck,
    build() {
      installOracles();
      bindSpinLocks(tasSpinLock);
      bindSeams({ ...unified.seams, ...(broken ? swaps : {}) });
      bindSubmitEngine(unified.seams.engine);
      return scenario.build();
    },
  };
}
