/**
 * Doorbells: how one CPU of the real machine tells another that something it may be waiting for has changed.
 */
import { RING_ONE, type RingKind } from '../machine/kernel.ts';
import { memory, POISON, perCpuBase } from '../shared/memory.ts';
import { CPU_DOORBELL, CPU_PARKED } from '../shared/per-cpu-layout.ts';

/** Rings a CPU: it will look again, now if it is parked. */
export function ringDoorbell(cpu: number): void {
  const w = memory.words;
  const base = perCpuBase(cpu);
  Atomics.add(w, base + CPU_DOORBELL, 1);
  // Pairs with Parking.park: who parks says so before it sleeps, and a changed doorbell ends the sleep at once.
  if (Atomics.load(w, base + CPU_PARKED) !== 0) Atomics.notify(w, base + CPU_DOORBELL);
}

const lowestBit = (bits: number): number => 31 - Math.clz32(bits & -bits);

/**
 * Rings those whose bits are set in the word behind a lock, one (the next after `self`, so that none is passed over for
 * ever) or all. A poisoned word means that the lock's owner has freed it meanwhile.
 */
export function ringWaiters(word: number, self: number, how: RingKind): void {
  const w = memory.words;
  const waiters = Atomics.load(w, word);
  if (waiters === POISON || waiters === 0) return;
  if (how === RING_ONE) {
    const later = waiters & ~((2 << self) - 1);
    const target = lowestBit(later === 0 ? waiters : later);
    Atomics.and(w, word, ~(1 << target));
    ringDoorbell(target);
    return;
  }
  for (let left = Atomics.exchange(w, word, 0); left !== 0; left &= left - 1) ringDoorbell(lowestBit(left));
}
