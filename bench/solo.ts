/**
 * One CPU of the real machine on this thread: what single-CPU figures are taken with.
 */
import { CLOCK, clockSeconds, LIVE, makeShared, PART, STOP, STOP_ROUND } from '../src/actors/control.ts';
import { Cpu } from '../src/actors/cpu.ts';
import type { Kernel } from '../src/machine/kernel.ts';
import { bindSpinLocks, type SpinLockKind, tasSpinLock } from '../src/shared/spinlock.ts';
import { attachMemory, planMachineMemory } from '../src/shared/struct-registry.ts';
import { installVariant } from '../src/variants/variants.ts';

/** Runs kernel code as the one task of a machine with one CPU; `declare` may declare static words first. */
export function solo(body: () => Kernel<void>, options: { kind?: SpinLockKind; declare?: () => void } = {}): void {
  const plan = planMachineMemory({ cpus: 1, allocators: 1, slots: {}, staticWords: 1024 });
  const shared = makeShared(plan.size);
  attachMemory(shared.memory, plan, 0, true);
  bindSpinLocks(options.kind ?? tasSpinLock);
  installVariant({ preset: 'unified', bug: null });
  options.declare?.();
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

/** Nanoseconds for one of `count` turns, the best of `repeats`: noise of a shared host only adds. */
export function* bestNs(repeats: number, count: number, turn: (count: number) => Kernel<void>): Kernel<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < repeats; i++) {
    const start = process.hrtime.bigint();
    yield* turn(count);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / count);
  }
  return best;
}
