import { test } from 'tap';
import type { FindingReport } from '../../src/machine/machine.ts';
import { planted } from '../check/planted.ts';
import type { PlantedOrder } from '../check/planted-boot.ts';
import { startMachine } from '../support/real.ts';

const BOOT_MODULE = new URL('../check/planted-boot.js', import.meta.url).href;
const CPUS = 2;
/** A program that needs a certain interleaving gets so many rounds to be caught in. */
const ROUNDS_TO_CATCH = 2000;
const ROUNDS_CLEAN = 20;

test('each planted violation is found on threads, by the name that it has on the model machine', async (t) => {
  const machine = await startMachine(t, CPUS, BOOT_MODULE);
  const run = async (order: PlantedOrder, rounds: number): Promise<FindingReport | null> => {
    for (let seed = 1; seed <= rounds; seed++) {
      const { finding } = await machine.run({ boot: order, cpus: CPUS, noise: 'light', seed, delay: null });
      if (finding !== null) return finding;
    }
    return null;
  };
  for (const { invariant, kind, message = /./, scenario, swaps } of planted) {
    const { name, title } = scenario;
    const finding = await run({ name, broken: true }, ROUNDS_TO_CATCH);
    t.match(
      finding,
      { kind, message, invariant },
      `${invariant} is found: ${title}; ${finding?.message ?? 'nothing was found'}`,
    );
    if (Object.keys(swaps).length === 0) continue;
    t.equal(await run({ name, broken: false }, ROUNDS_CLEAN), null, `nothing is found without its mistake: ${title}`);
  }
});
