/** Runs scenarios on real worker threads. */
import { availableParallelism } from 'node:os';
import type { Test } from 'tap';
import { RealMachine, type RoundResult } from '../../src/actors/machine.ts';
import type { NoiseLevel, SeamDelay } from '../../src/actors/noise.ts';
import type { BootOrder } from '../../src/cli/boot.ts';

const BOOT_MODULE = new URL('../../src/cli/boot.js', import.meta.url).href;

/** A machine that ends with the test. `attachment`: see BootModule.attach. */
export async function startMachine(
  t: Test,
  cpus: number,
  bootModule = BOOT_MODULE,
  attachment: unknown = null,
): Promise<RealMachine> {
  const log = { level: 'silent', folder: t.testdir() };
  const machine = await RealMachine.start({ cpus, bootModule, cores: availableParallelism(), log, attachment });
  t.teardown(() => machine.stop());
  return machine;
}

export interface RealRound {
  readonly scenario: string;
  readonly seed: number;
  /** Default unified. */
  readonly preset?: string;
  readonly bug?: string;
  readonly lock?: BootOrder['lock'];
  readonly noise?: NoiseLevel;
  readonly delay?: SeamDelay;
}

export function runRound(machine: RealMachine, round: RealRound): Promise<RoundResult> {
  const { scenario, seed, preset = 'unified', bug = null, lock = 'tas', noise = 'light', delay = null } = round;
  const { cpus } = machine;
  const variant = { preset, bug };
  const boot: BootOrder = { scenario, cpus, variant, lock, oracles: true };
  return machine.run({ boot, cpus, noise, seed, delay });
}
