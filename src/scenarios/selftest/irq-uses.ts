/**
 * Interrupts: locks that are taken in them, and what they may interrupt.
 */
import type { FindingKind } from '../../machine/finding.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { ops } from '../../machine/operations.ts';
import type { Held, HeldKind } from './lock-kinds.ts';
import { both, one, type Use } from './use.ts';

const CONTEXTS = ['hardirq', 'softirq'] as const;

/** The kernel's self-test permutes the steps of such a use in the same way. */
export const STEP_ORDERS = [
  [1, 2, 3],
  [1, 3, 2],
  [2, 1, 3],
  [2, 3, 1],
  [3, 1, 2],
  [3, 2, 1],
] as const;

/** Takes a lock with interrupts off. */
function* irqsOff(body: () => Kernel<void>): Kernel<void> {
  const saved = yield* ops.irqOff(HERE);
  yield* body();
  yield* ops.irqOn(saved, HERE);
}

const wrongUnlessRecursive = ({ sleeps, recursive }: HeldKind): FindingKind | 'right' =>
  sleeps ? 'sleep-in-atomic' : recursive ? 'right' : 'irq-unsafe';

/** The same lock in an interrupt and in the task. */
const sameLock = (context: (typeof CONTEXTS)[number], isOff: boolean): Use => ({
  name: `in a ${context} and in a task with interrupts ${isOff ? 'off' : 'on'}`,
  verdict: (kind) => (isOff && !kind.sleeps ? 'right' : wrongUnlessRecursive(kind)),
  build(bench) {
    const a = bench.lock('a');
    bench[context](() => one(a));
    bench.task(function* (): Kernel<void> {
      if (isOff) yield* irqsOff(() => one(a));
      else yield* one(a);
      yield* bench.interrupt();
    });
  },
});

/** The same rwlock in an interrupt and in the task, once for reading and once for writing. */
const bothWays = (context: (typeof CONTEXTS)[number], isOff: boolean): Use => ({
  name: `in a ${context}, and in the other way in a task with interrupts ${isOff ? 'off' : 'on'}`,
  verdict: ({ sleeps, twoWays }) => (sleeps || !twoWays ? null : isOff ? 'right' : 'irq-unsafe'),
  build(bench) {
    const a = bench.lock('a');
    function* other(): Kernel<void> {
      yield* a.takeOther!();
      yield* a.giveOther!();
    }
    bench[context](() => one(a));
    bench.task(function* (): Kernel<void> {
      if (isOff) yield* irqsOff(other);
      else yield* other();
      yield* bench.interrupt();
    });
  },
});

/** A softirq, too, can be interrupted. */
const softirqBelow = (isOff: boolean): Use => ({
  name: `in a hardirq and in a softirq with interrupts ${isOff ? 'off' : 'on'}`,
  verdict: (kind) => (isOff && !kind.sleeps ? 'right' : wrongUnlessRecursive(kind)),
  build(bench) {
    const a = bench.lock('a');
    bench.hardirq(() => one(a));
    bench.softirq(() => (isOff ? irqsOff(() => one(a)) : one(a)));
    bench.task(bench.interrupt);
  },
});

/** Takes a lock with interrupts off, and holds it when they are let in again. */
function* letIn(a: Held): Kernel<void> {
  const saved = yield* ops.irqOff(HERE);
  yield* a.take();
  yield* ops.irqOn(saved, HERE);
  yield* a.give();
}

/** The same, but they are off again before the lock is given back. */
function* letInBetween(a: Held): Kernel<void> {
  const saved = yield* ops.irqOff(HERE);
  yield* a.take();
  yield* ops.irqOn(saved, HERE);
  yield* ops.irqOff(HERE);
  yield* a.give();
  yield* ops.irqOn(saved, HERE);
}

/** Interrupts are let in again too early. */
const letInEarly = (context: (typeof CONTEXTS)[number], hold: typeof letIn): Use => ({
  name: `in a ${context}, and held where interrupts are let in ${hold === letIn ? 'again' : 'for a moment'}`,
  verdict: ({ sleeps, recursive }) => (sleeps ? null : recursive ? 'right' : 'irq-unsafe'),
  build(bench) {
    const a = bench.lock('a');
    bench[context](() => one(a));
    bench.task(function* (): Kernel<void> {
      yield* bench.interrupt();
      yield* hold(a);
    });
  },
});

/** The same in a softirq. */
const letInSoftirq = (hold: typeof letIn): Use => ({
  name: `in a hardirq, and held by a softirq that lets interrupts in ${hold === letIn ? 'again' : 'for a moment'}`,
  verdict: ({ sleeps, recursive }) => (sleeps ? null : recursive ? 'right' : 'irq-unsafe'),
  build(bench) {
    const a = bench.lock('a');
    bench.hardirq(() => one(a));
    bench.softirq(() => hold(a));
    bench.task(bench.interrupt);
  },
});

/**
 * An irq-safe lock is held while another is taken, which elsewhere is held with interrupts on:
 *
 *   CPU0                        CPU1
 *   takes B, interrupts on
 *                               takes A with interrupts off
 *                               waits for B
 *   an interrupt waits for A
 *
 * What shows it comes in three steps, in each order: 1 an interrupt takes A, 2 B is taken under A, 3 B is held alone.
 */
const order = (
  context: (typeof CONTEXTS)[number],
  which: 'safe' | 'unsafe',
  isOff: boolean,
  steps: (typeof STEP_ORDERS)[number],
): Use => ({
  name: `${context}-safe A${which === 'safe' ? ' of this kind' : ''}, then B${which === 'unsafe' ? ' of this kind' : ''} that is ${isOff ? 'safe too' : 'unsafe'}, ${steps.join('-')}`,
  verdict: ({ sleeps, recursive }) => (sleeps ? null : recursive || isOff ? 'right' : 'irq-unsafe'),
  build(bench) {
    const [a, b]: [Held, Held] =
      which === 'safe' ? [bench.lock('a'), bench.spin('b')] : [bench.spin('a'), bench.lock('b')];
    bench[context](() => one(a));
    const does = {
      1: () => bench.interrupt(),
      2: () => irqsOff(() => both(a, b)),
      3: () => (isOff ? irqsOff(() => one(b)) : one(b)),
    };
    bench.task(function* (): Kernel<void> {
      for (const step of steps) yield* does[step]();
    });
  },
});

/** What makes B unsafe is a softirq that holds it with interrupts on. */
const BY_SOFTIRQ: Use = {
  name: 'hardirq-safe A, then B of this kind that a softirq holds with interrupts on',
  verdict: ({ sleeps, recursive }) => (sleeps ? null : recursive ? 'right' : 'irq-unsafe'),
  build(bench) {
    const [a, b] = [bench.spin('a'), bench.lock('b')];
    bench.hardirq(() => one(a));
    bench.softirq(() => one(b));
    bench.task(function* (): Kernel<void> {
      yield* irqsOff(() => both(a, b));
      yield* bench.interrupt();
    });
  },
};

const SLEEPS_UNDER: Use = {
  name: 'held by who sleeps',
  verdict: ({ sleeps }) => (sleeps ? 'right' : 'sleep-in-atomic'),
  build({ lock, task, sleep }) {
    const a = lock('a');
    task(() => one(a, sleep));
  },
};

const UNDER_SPINLOCK: Use = {
  name: 'taken with a spinlock held',
  verdict: ({ sleeps }) => (sleeps ? 'sleep-in-atomic' : 'right'),
  build({ lock, spin, task }) {
    const [a, b] = [lock('a'), spin('b')];
    task(() => both(b, a));
  },
};

/** An interrupt may give what it must not take. */
const givenByInterrupt = (context: (typeof CONTEXTS)[number]): Use => ({
  name: `taken by a task, given back in a ${context}`,
  verdict: ({ owned }) => (owned ? null : 'right'),
  build(bench) {
    const a = bench.lock('a');
    bench[context](() => a.give());
    bench.task(function* (): Kernel<void> {
      yield* a.take();
      yield* bench.interrupt();
      yield* one(a);
    });
  },
});

const SLEEPS_OFF: Use = {
  name: 'taken with interrupts off',
  verdict: ({ sleeps }) => (sleeps ? 'sleep-in-atomic' : 'right'),
  build({ lock, task }) {
    const a = lock('a');
    task(() => irqsOff(() => one(a)));
  },
};

export const irqUses: readonly Use[] = [
  ...CONTEXTS.flatMap((context) => [sameLock(context, true), sameLock(context, false)]),
  ...CONTEXTS.flatMap((context) => [bothWays(context, true), bothWays(context, false)]),
  softirqBelow(true),
  softirqBelow(false),
  ...[letIn, letInBetween].flatMap((hold) => [
    ...CONTEXTS.map((context) => letInEarly(context, hold)),
    letInSoftirq(hold),
  ]),
  ...CONTEXTS.flatMap((context) => [
    ...STEP_ORDERS.map((steps) => order(context, 'safe', true, steps)),
    ...STEP_ORDERS.map((steps) => order(context, 'safe', false, steps)),
    ...STEP_ORDERS.map((steps) => order(context, 'unsafe', false, steps)),
  ]),
  BY_SOFTIRQ,
  SLEEPS_UNDER,
  UNDER_SPINLOCK,
  SLEEPS_OFF,
  ...CONTEXTS.map(givenByInterrupt),
];
