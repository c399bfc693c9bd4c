/**
 * A spinlock that does not lock: what the tests of locks are tested with. After locktorture's lock_busted.
 */
import { type Kernel, RING_ONE } from '../../machine/kernel.ts';
import { ops } from '../../machine/operations.ts';
import { memory } from '../../shared/memory.ts';
import { cpu } from '../../shared/per-cpu.ts';
import type { SpinLockKind } from '../../shared/spinlock.ts';

export const bustedSpinLock: SpinLockKind = {
  name: 'busted',
  *lock(lock, site): Kernel<void> {
    // The test and the set are two steps, and the test is not even looked at.
    yield* ops.load(lock.word, site);
    yield* ops.store(lock.word, cpu + 1, site);
  },
  unlock: (lock, site) => ops.give(lock.word, 0, RING_ONE, site),
  *lockIrqsave(lock, site): Kernel<number> {
    const saved = yield* ops.irqOff(site);
    yield* bustedSpinLock.lock(lock, site);
    return saved;
  },
  *unlockIrqrestore(lock, saved, site): Kernel<void> {
    yield* bustedSpinLock.unlock(lock, site);
    yield* ops.irqOn(saved, site);
  },
  *trylock(lock, site): Kernel<number> {
    yield* bustedSpinLock.lock(lock, site);
    return 1;
  },
  owner: (lock) => memory.words[lock.word] as number,
};
