/** That the profiler costs a lock no clock where nobody waits and nothing is timed. */
import { test } from 'tap';
import { solo } from '../../bench/solo.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { makeProfileBuffers, type ProfileBuffers } from '../../src/profile/layout.ts';
import { attachCpu, attachMain, startProfiledRound } from '../../src/profile/session.ts';
import { heldKinds } from '../../src/scenarios/selftest/lock-kinds.ts';
import {
  bindSpinLocks,
  declareSpinLock,
  type SpinLockKind,
  spinLockIrqsave,
  spinUnlockIrqrestore,
  tasSpinLock,
  ticketSpinLock,
} from '../../src/shared/atomics-lock.ts';

const PAIRS = 5000;

/** Takes a lock and gives it back; by the name of how. */
type Pairs = Readonly<Record<string, () => Kernel<void>>>;

/** Of each kind that the self-test has, and a spinlock with interrupts off. What spinlocks are is the machine's to say. */
function declarePairs(): Pairs {
  const pairs: Record<string, () => Kernel<void>> = {};
  for (const { name, spinLocks, declare } of heldKinds) {
    if (spinLocks === 'ticket') continue;
    const lock = declare(`&${name}`);
    pairs[name] = function* pair() {
      yield* lock.take();
      yield* lock.give();
    };
  }
  const spin = declareSpinLock('&irqsave');
  pairs['irqsave'] = function* pair() {
    yield* spinUnlockIrqrestore(spin, yield* spinLockIrqsave(spin, HERE), HERE);
  };
  return pairs;
}

/** Holds, waits and stretches with interrupts off that CPU 0 has timed. */
function timedIn({ areas }: ProfileBuffers): number {
  const count = (all: Uint32Array): number => all.reduce((sum, each) => sum + each, 0);
  return (areas[0] ?? []).reduce(
    (sum, { histograms, irqHistogram }) => sum + count(histograms) + count(irqHistogram),
    0,
  );
}

interface Counted {
  readonly how: string;
  /** Pairs in which the profiler has read its clock, and how often in all. */
  readonly pairs: number;
  readonly reads: number;
  /** Reads of any other clock. */
  readonly others: number;
  readonly timed: number;
}

/** Runs `body`; gives how often it has asked the host what time it is. */
function* watchingClocks(body: () => Kernel<void>): Kernel<number> {
  const { hrtime } = process;
  const { now } = performance;
  let asked = 0;
  process.hrtime = Object.assign((since?: [number, number]) => {
    asked++;
    return hrtime(since);
  }, hrtime);
  performance.now = () => {
    asked++;
    return now.call(performance);
  };
  try {
    yield* body();
  } finally {
    process.hrtime = hrtime;
    performance.now = now;
  }
  return asked;
}

/** A machine with one CPU takes each lock alone, with the profiler on. */
function countReads(kind: SpinLockKind): Counted[] {
  const counted: Counted[] = [];
  const buffers = makeProfileBuffers(1, { by: 'class', exact: false, trace: false, inject: null });
  let reads = 0;
  solo(kind, () => {
    const all = declarePairs();
    return function* body(): Kernel<void> {
      attachMain(buffers);
      startProfiledRound();
      attachCpu(buffers, 0, () => ++reads);
      startProfiledRound();
      for (const [how, pair] of Object.entries(all)) {
        const before = { reads, timed: timedIn(buffers) };
        let pairs = 0;
        const others = yield* watchingClocks(function* (): Kernel<void> {
          for (let i = 0; i < PAIRS; i++) {
            const sofar = reads;
            yield* pair();
            if (reads !== sofar) pairs++;
          }
        });
        counted.push({ how, pairs, reads: reads - before.reads, others, timed: timedIn(buffers) - before.timed });
      }
      attachCpu(null, 0);
    };
  });
  return counted;
}

for (const kind of [tasSpinLock, ticketSpinLock])
  test(`a free lock costs no clock, but where its hold is timed: ${kind.name}`, async (t) => {
    t.teardown(() => {
      attachMain(null);
      bindSpinLocks(tasSpinLock);
    });
    for (const { how, pairs, reads, others, timed } of countReads(kind)) {
      t.equal(others, 0, `${how}: nothing else looks at a clock`);
      // One hold in 64, and one stretch with interrupts off in 64; those of a semaphore have two of each inside.
      t.ok(pairs > 0 && pairs < PAIRS / 8, `${how}: ${pairs} of ${PAIRS}`);
      // Of a semaphore no hold is timed: nobody knows when it ends.
      if (how !== 'sema') t.equal(reads, 2 * timed, `${how}: at its begin and its end`);
    }
  });
