import { test } from 'tap';
import { MachineFailure } from '../../src/actors/machine.ts';
import { DEATHS, type DeadlyOrder } from '../support/deadly-boot.ts';
import { startMachine } from '../support/real.ts';

const DEADLY = new URL('../support/deadly-boot.js', import.meta.url).href;

const WHO: Readonly<Record<DeadlyOrder['where'], RegExp>> = {
  setup: /^CPU 0 died: /,
  actors: /^CPU 1 died: /,
  verify: /^CPU 0 died: /,
  'interrupt-actor': /^the interrupt actor died: /,
};

for (const death of DEATHS)
  for (const where of Object.keys(WHO) as DeadlyOrder['where'][]) {
    // One death by memory is slow enough.
    if (death === 'memory' && where !== 'actors') continue;
    test(`a thread that ends by ${death} in ${where} ends the run with a sentence that names it`, async (t) => {
      const machine = await startMachine(t, 2, DEADLY);
      const boot: DeadlyOrder = { death, where };
      const run = machine.run({ boot, cpus: 2, noise: 'none', seed: 1, delay: null });
      await t.rejects(run, { name: MachineFailure.name, message: WHO[where] });
    });
  }
