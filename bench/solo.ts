/**
 * One CPU of the real machine on this thread: what single-CPU figures are taken with.
 */
import { CLOCK, clockSeconds, LIVE, makeShared, PART, STOP, STOP_ROUND } from '../src/actors/control.ts';
import { Cpu } from '../src/actors/cpu.ts';
import type { Kernel } from '../src/machine/kernel.ts';
import { bindSpinLocks, type SpinLockKind } from '../src/shared/spinlock.ts';
import { attachMemory, planMachineMemory } from '../src/shared/struct-registry.ts';
import { installVariant } from '../src/variants/variants.ts';

/** Runs kernel code as the one task of a machine with one CPU. `prepare` declares static words and gives that code. */
export function solo(kind: SpinLockKind, prepare: () => () => Kernel<void>): void {
  const plan = planMachineMemory({ cpus: 1, allocators: 1, slots: {}, staticWords: 256 });
  const shared = makeShared(plan.size);
  attachMemory(shared.memory, plan, 0, true);
  bindSpinLocks(kind);
  installVariant({ preset: 'unified', bug: null });
  const body = prepare();
  const { control } = shared;
  control[CLOCK] = clockSeconds();
  control[LIVE] = 1;
  control[PART] = 1;
  const cpu = new Cpu(
    { cpu: 0, cpus: 1, control, noise: 'none', seed: 1, delay: null, spins: 40 },
    {
      *setup(): Kernel<void> {
        yield* body();
        Atomics.store(control, STOP, STOP_ROUND);
      },
      actors: [],
    },
  );
  cpu.run();
}
