/**
 * Waiting with a lock held for somebody who needs that lock on the way.
 */
import type { FindingKind } from '../../machine/finding.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { complete, waitForCompletion } from '../../shared/completion.ts';
import type { HeldKind } from './lock-kinds.ts';
import { nothing, one, type Use } from './use.ts';

/** Who waits sleeps, which is wrong enough with a spinlock held. */
const wrong = ({ sleeps, owned }: HeldKind): FindingKind | null =>
  !owned ? null : sleeps ? 'lock-order' : 'sleep-in-atomic';

const HOW = ['takes it', 'takes it and gives it back first', 'takes another'] as const;

const completion = (how: (typeof HOW)[number]): Use => ({
  name: `held to wait for a waker that ${how}`,
  verdict: (kind) => (how === 'takes another' && kind.sleeps ? 'right' : wrong(kind)),
  build({ lock, spin, task, before, completion: done }) {
    const a = how === 'takes another' ? spin('b') : lock('a');
    const held = how === 'takes another' ? lock('a') : a;
    before(function* (): Kernel<void> {
      if (how === 'takes it') return yield* one(a, () => complete(done, HERE));
      yield* one(a);
      yield* complete(done, HERE);
    });
    task(() => one(held, () => waitForCompletion(done, HERE)));
  },
});

/** Who has waited since for the other side was let go by it: its order is certain. */
const WAITED: Use = {
  name: 'taken by a waker before it waited itself',
  verdict: (kind) => (kind.sleeps ? 'right' : null),
  build({ lock, task, before, queue, flush, item, completion: done }) {
    const a = lock('a');
    item(nothing);
    before(function* (): Kernel<void> {
      yield* one(a);
      yield* queue();
      yield* flush();
      yield* complete(done, HERE);
    });
    task(() => one(a, () => waitForCompletion(done, HERE)));
  },
};

const flushed = (isTaken: boolean): Use => ({
  name: `held to flush a queue whose item takes ${isTaken ? 'it' : 'another'}`,
  verdict: (kind) => (!isTaken && kind.sleeps ? 'right' : wrong(kind)),
  build({ lock, spin, task, item, queue, flush }) {
    const [a, b] = [lock('a'), spin('b')];
    item(() => one(isTaken ? a : b));
    task(function* (): Kernel<void> {
      yield* queue();
      yield* flush();
      yield* one(a, flush);
    });
  },
});

const KEPT_BY_ITEM: Use = {
  name: 'still held when a work item ends',
  verdict: ({ owned }) => (owned ? 'leak' : 'right'),
  build({ lock, task, item, queue, flush }) {
    const a = lock('a');
    item(() => a.take());
    task(function* (): Kernel<void> {
      yield* queue();
      yield* flush();
    });
  },
};

export const waitUses: readonly Use[] = [...HOW.map(completion), WAITED, flushed(true), flushed(false), KEPT_BY_ITEM];
