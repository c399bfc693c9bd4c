/**
 * A row of the self-test's grid: a use of locks that is right or wrong, depending on the kind of lock.
 *
 * Everything that a use does happens in one order, mostly in one task: nothing ever deadlocks, and what is wrong is wrong because it
 * could.
 */
import type { FindingKind } from '../../machine/finding.ts';
import type { Kernel } from '../../machine/kernel.ts';
import type { Completion } from '../../shared/completion.ts';
import type { Held, HeldKind } from './lock-kinds.ts';

/** What a use works with. */
export interface Bench {
  /** A lock of the grid's column, of the class of this name. */
  lock(name: string): Held;
  /** A spinlock. */
  spin(name: string): Held;
  /** What the task does that the row is about. */
  task(body: () => Kernel<void>): void;
  /** What another task does, on another CPU, before it begins. */
  before(body: () => Kernel<void>): void;
  /** What the interrupt does that `interrupt` lets come, and its softirq. */
  hardirq(body: () => Kernel<void>): void;
  softirq(body: () => Kernel<void>): void;
  /** What the item does that `queue` queues. */
  item(body: () => Kernel<void>): void;
  /** An interrupt comes, and its softirq has run. */
  interrupt(): Kernel<void>;
  queue(): Kernel<void>;
  /** Waits until all that was queued has run. */
  flush(): Kernel<void>;
  readonly completion: Completion;
  sleep(): Kernel<void>;
}

export interface Use {
  readonly name: string;
  /** What must be found for this kind of lock; 'right': nothing; null: the kind cannot be used so. */
  verdict(kind: HeldKind): FindingKind | 'right' | null;
  build(bench: Bench): void;
}

/** Takes both, and gives them back in the opposite order. */
export function* both(outer: Held, inner: Held, within: () => Kernel<void> = nothing): Kernel<void> {
  yield* outer.take();
  yield* inner.take();
  yield* within();
  yield* inner.give();
  yield* outer.give();
}

export function* one(lock: Held, within: () => Kernel<void> = nothing): Kernel<void> {
  yield* lock.take();
  yield* within();
  yield* lock.give();
}

export function* nothing(): Kernel<void> {}
