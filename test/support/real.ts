/** Runs scenarios on real worker threads. */
import { availableParallelism } from 'node:os';
import type { Test } from 'tap';
import { RealMachine, type RoundResult } from '../../src/actors/machine.ts';
import type { NoiseLevel, SeamDelay } from '../../src/actors/noise.ts';
import type { BootOrder } from '../../src/cli/boot.ts';
import { JoinedLocks } from '../../src/cli/joined-locks.ts';
import type { LockdepOrder } from '../../src/cli/thread-lockdep.ts';
import { presets } from '../../src/variants/presets.ts';

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
  /** For machines that boot planted-order-boot.ts. */
  readonly planted?: boolean;
}

/** What the lock validators of a machine's CPUs have learned together, for as long as the machine stays with one preset. */
const learned = new WeakMap<RealMachine, { readonly preset: string; readonly locks: JoinedLocks }>();

/** One round that the lock validators of all CPUs hear; what they say together is the finding, unless there is another. */
export async function heardRound(
  machine: RealMachine,
  preset: string,
  run: (lockdep: true | 'afresh') => Promise<RoundResult>,
): Promise<RoundResult> {
  const before = learned.get(machine);
  const locks = before?.preset === preset ? before.locks : new JoinedLocks();
  learned.set(machine, { preset, locks });
  const result = await run(locks === before?.locks ? true : 'afresh');
  const [report = null] = locks.add(result.notes);
  return { ...result, finding: result.finding ?? report };
}

/** The lock validator listens too, unless the core has a mistake, which another report might hide. */
export function runRound(machine: RealMachine, round: RealRound): Promise<RoundResult> {
  const {
    scenario,
    seed,
    preset = 'unified',
    bug = null,
    lock = 'tas',
    noise = 'light',
    delay = null,
    planted,
  } = round;
  const { cpus } = machine;
  const variant = { preset, bug };
  const run = (lockdep: LockdepOrder = false): Promise<RoundResult> => {
    const boot: BootOrder = { scenario, cpus, variant, lock, oracles: true, lockdep, ...(planted ? { planted } : {}) };
    return machine.run({ boot, cpus, noise, seed, delay });
  };
  const isClean = bug === null && presets.some(({ name, clean }) => name === preset && clean);
  return isClean ? heardRound(machine, preset, run) : run();
}
