import { type Test, test } from 'tap';
import { bugOn } from '../../src/machine/finding.ts';
import { type Kernel, resolved } from '../../src/machine/kernel.ts';
import { ops } from '../../src/machine/operations.ts';
import {
  assertHeldRead,
  assertHeldWrite,
  assertMutexHeld,
  declareMutex,
  declareRwLock,
  declareRwSemaphore,
  declareSemaphore,
  declareSpinLock,
  declareWaitQueue,
  defineWait,
  down,
  downRead,
  downWrite,
  finishWait,
  freeWait,
  lockdepAssertHeld,
  mutexLock,
  mutexOwner,
  mutexUnlock,
  prepareToWait,
  readLock,
  readLockIrqsave,
  readUnlock,
  readUnlockIrqrestore,
  rwSemaphoreOwner,
  spinLock,
  spinLockField,
  spinLockIrq,
  spinLockIrqsave,
  spinLockOwner,
  spinTrylock,
  spinUnlock,
  spinUnlockIrq,
  spinUnlockIrqrestore,
  up,
  upRead,
  upWrite,
  waitEvent,
  waitEventExclusive,
  wakeUpAll,
  writeLock,
  writeLockIrqsave,
  writeUnlock,
  writeUnlockIrqrestore,
} from '../../src/shared/atomics-lock.ts';
import { locksHeldByTask } from '../../src/shared/holders.ts';
import { memory, staticWords } from '../../src/shared/memory.ts';
import { cpu, irqsDisabled } from '../../src/shared/per-cpu.ts';
import { locksHeldByCpu, type SpinLock } from '../../src/shared/spinlock.ts';
import { defineStruct, type Struct } from '../../src/shared/struct.ts';
import { current, mightSleep, TASK_RUNNING, TASK_UNINTERRUPTIBLE, type Task } from '../../src/shared/task.ts';
import { Atomic } from '../../src/shared/word.ts';
import { type ExpectedFinding, expectClean, expectFinding, onCpus, program, runModel } from '../support/model.ts';

const SPIN_LOCKS = ['tas', 'ticket'] as const;

/** One of each, declared for one machine. */
function declareLocks() {
  return {
    spin: declareSpinLock('&test->lock'),
    other: declareSpinLock('&test->other'),
    rw: declareRwLock('&test->rwlock'),
    sem: declareRwSemaphore('&test->rwsem'),
    counting: declareSemaphore('&test->sem'),
    mutex: declareMutex('&test->mutex'),
    queue: declareWaitQueue('&test->wait'),
  };
}
type Locks = ReturnType<typeof declareLocks>;
type Misuse = (locks: Locks) => Kernel<void>;

/** What a task on CPU 0 ends with, and another on CPU 1 if there is one. */
function runWithLocks(lock: 'tas' | 'ticket', tasks: readonly Misuse[], executions = 1) {
  const build = () => {
    const locks = declareLocks();
    return { actors: onCpus(...tasks.map((task) => () => task(locks))) };
  };
  return runModel(program(build), { lock, executions });
}

interface Case extends ExpectedFinding {
  readonly title: string;
  readonly misuse: Misuse;
}

const SELF_DEADLOCKS: readonly Case[] = [
  {
    title: 'a spinlock',
    *misuse({ spin }): Kernel<void> {
      yield* spinLock(spin, HERE);
      yield* spinLock(spin, HERE);
    },
    kind: 'self-deadlock',
    message: /^CPU 0 takes &test->lock, which it already holds$/,
  },
  {
    title: 'a spinlock with interrupts off',
    *misuse({ spin }): Kernel<void> {
      yield* spinLockIrqsave(spin, HERE);
      yield* spinLockIrqsave(spin, HERE);
    },
    kind: 'self-deadlock',
    message: /^CPU 0 takes &test->lock, which it already holds$/,
  },
  {
    title: 'an rwlock for writing',
    *misuse({ rw }): Kernel<void> {
      yield* writeLock(rw, HERE);
      yield* writeLock(rw, HERE);
    },
    kind: 'self-deadlock',
    message: /^CPU 0 takes &test->rwlock, which it already holds$/,
  },
  {
    title: 'an rwlock for reading that it holds for writing',
    *misuse({ rw }): Kernel<void> {
      yield* writeLock(rw, HERE);
      yield* readLock(rw, HERE);
    },
    kind: 'self-deadlock',
    message: /^CPU 0 takes &test->rwlock, which it already holds$/,
  },
  {
    title: 'an rwlock for writing that it holds for reading',
    *misuse({ rw }): Kernel<void> {
      yield* readLock(rw, HERE);
      yield* writeLock(rw, HERE);
    },
    kind: 'deadlock',
    message: /actor0 waits for &test->rwlock \(take\) at/,
  },
  {
    title: 'an rw_semaphore for writing',
    *misuse({ sem }): Kernel<void> {
      yield* downWrite(sem, HERE);
      yield* downWrite(sem, HERE);
    },
    kind: 'self-deadlock',
    message: /^actor0 takes &test->rwsem for writing, which it already holds for writing$/,
  },
  {
    title: 'an rw_semaphore for reading that it holds for writing',
    *misuse({ sem }): Kernel<void> {
      yield* downWrite(sem, HERE);
      yield* downRead(sem, HERE);
    },
    kind: 'self-deadlock',
    message: /^actor0 takes &test->rwsem for reading, which it already holds for writing$/,
  },
  {
    title: 'an rw_semaphore for writing that it holds for reading',
    *misuse({ sem }): Kernel<void> {
      yield* downRead(sem, HERE);
      yield* downWrite(sem, HERE);
    },
    kind: 'deadlock',
    message: /actor0 waits for &test->rwsem at/,
  },
  {
    title: 'a mutex',
    *misuse({ mutex }): Kernel<void> {
      yield* mutexLock(mutex, HERE);
      yield* mutexLock(mutex, HERE);
    },
    kind: 'self-deadlock',
    message: /^actor0 takes &test->mutex, which it already owns$/,
  },
  {
    title: 'a semaphore that has no unit left',
    *misuse({ counting }): Kernel<void> {
      yield* down(counting, HERE);
    },
    kind: 'deadlock',
    message: /actor0 waits for &test->sem at/,
  },
];

test('a task that takes what it has itself is told at once, with the lock, the CPU and the place', async (t) => {
  for (const lock of SPIN_LOCKS)
    for (const { title, misuse, ...expected } of SELF_DEADLOCKS)
      await t.test(`${title} (${lock})`, async (t) => {
        const result = runWithLocks(lock, [misuse]);
        expectFinding(t, result, { invariant: 'I48', ...expected });
        t.equal(result.finding?.places[0]?.who, 'actor0');
        const at = expected.kind === 'deadlock' ? result.finding?.places[0]?.at : result.finding?.site;
        t.match(at, /^misuse \(test\/shared\/locks\.test\.ts:\d+\)$/);
      });
});

const RELEASES: readonly Case[] = [
  {
    title: 'a spinlock',
    misuse: ({ spin }) => spinUnlock(spin, HERE),
    kind: 'assertion',
    message: /^CPU 0 releases &test->lock, which nobody holds$/,
  },
  {
    title: 'a read hold of an rwlock',
    misuse: ({ rw }) => readUnlock(rw, HERE),
    kind: 'assertion',
    message: /^CPU 0 releases a read hold of &test->rwlock, which no reader holds$/,
  },
  {
    title: 'a write hold of an rwlock',
    misuse: ({ rw }) => writeUnlock(rw, HERE),
    kind: 'assertion',
    message: /^CPU 0 releases the write hold of &test->rwlock, which it does not have$/,
  },
  {
    title: 'a read hold of an rw_semaphore',
    misuse: ({ sem }) => upRead(sem, HERE),
    kind: 'assertion',
    message: /^a read hold of &test->rwsem is released, which no reader has$/,
  },
  {
    title: 'a write hold of an rw_semaphore',
    misuse: ({ sem }) => upWrite(sem, HERE),
    kind: 'assertion',
    message: /^actor0 releases &test->rwsem for writing, which it does not hold$/,
  },
  {
    title: 'a mutex',
    misuse: ({ mutex }) => mutexUnlock(mutex, HERE),
    kind: 'assertion',
    message: /^actor0 releases &test->mutex, which it does not own$/,
  },
];

/** Makes a plain call into a kernel function that starts when it is run. */
const late = (misuse: Misuse): Misuse =>
  function* (locks): Kernel<void> {
    yield* misuse(locks);
  };

test('a task that releases what it has not is told which lock', async (t) => {
  for (const lock of SPIN_LOCKS)
    for (const { title, misuse, ...expected } of RELEASES)
      await t.test(`${title} (${lock})`, async (t) =>
        expectFinding(t, runWithLocks(lock, [late(misuse)]), { invariant: 'I18', ...expected }),
      );
});

test("releasing another CPU's spinlock names its owner", async (t) => {
  for (const lock of SPIN_LOCKS) {
    const holder: Misuse = function* ({ spin }): Kernel<void> {
      yield* spinLock(spin, HERE);
      while (spinLockOwner(spin) !== 0) yield* ops.relax(HERE);
    };
    const thief: Misuse = function* ({ spin }): Kernel<void> {
      while (spinLockOwner(spin) === 0) yield* ops.relax(HERE);
      yield* spinUnlock(spin, HERE);
    };
    const message = /^CPU 1 releases &test->lock, which CPU 0 holds$/;
    expectFinding(t, runWithLocks(lock, [holder, thief]), { kind: 'assertion', invariant: 'I18', message });
  }
});

/** A condition that nobody has to wait for. */
const isTrue = (): Kernel<number> => resolved(1);

const SLEEPERS: readonly [string, (locks: Locks) => Kernel<unknown>][] = [
  ['down_read(&test->rwsem)', ({ sem }) => downRead(sem, HERE)],
  ['down_write(&test->rwsem)', ({ sem }) => downWrite(sem, HERE)],
  ['down(&test->sem)', ({ counting }) => down(counting, HERE)],
  ['mutex_lock(&test->mutex)', ({ mutex }) => mutexLock(mutex, HERE)],
  ['wait_event(&test->wait)', ({ queue }) => waitEvent(queue, isTrue, TASK_UNINTERRUPTIBLE, HERE)],
  ['wait_event(&test->wait)', ({ queue }) => waitEventExclusive(queue, isTrue, TASK_UNINTERRUPTIBLE, HERE)],
];

const ATOMIC_CONTEXTS: readonly [string, Misuse][] = [
  ['it holds &test->lock', ({ spin }) => spinLock(spin, HERE)],
  ['it holds &test->rwlock', ({ rw }) => writeLock(rw, HERE)],
  ['it holds a spinlock, or an rwlock for reading', ({ rw }) => readLock(rw, HERE)],
  [
    'its interrupts are off',
    function* (): Kernel<void> {
      yield* ops.irqOff(HERE);
    },
  ],
  [
    'it holds &test->lock, &test->other',
    function* ({ spin, other }): Kernel<void> {
      yield* spinLock(spin, HERE);
      yield* spinLock(other, HERE);
    },
  ],
];

test('what may sleep is refused in atomic context, although it would not have to, and the reason is named', async (t) => {
  const literal = (text: string): string => text.replace(/[()]/g, '\\$&');
  for (const [what, sleep] of SLEEPERS)
    for (const [why, enter] of ATOMIC_CONTEXTS)
      for (const lock of SPIN_LOCKS) {
        const result = runWithLocks(lock, [
          function* (locks): Kernel<void> {
            locks.counting.init(1);
            yield* enter(locks);
            yield* sleep(locks);
          },
        ]);
        const message = new RegExp(`^CPU 0 may sleep in ${literal(what)} while ${why}$`);
        expectFinding(t, result, { kind: 'sleep-in-atomic', invariant: 'I18', message });
      }
});

const IRQ_MISUSES: readonly Case[] = [
  {
    title: 'spin_lock_irq with interrupts off',
    *misuse({ spin, other }): Kernel<void> {
      yield* spinLockIrqsave(spin, HERE);
      yield* spinLockIrq(other, HERE);
    },
    kind: 'irq-unsafe',
    message: /^CPU 0 takes &test->other with spin_lock_irq while interrupts are already off/,
  },
  {
    title: 'restoring interrupts that are on',
    *misuse({ spin }): Kernel<void> {
      yield* spinLock(spin, HERE);
      yield* spinUnlockIrqrestore(spin, 1, HERE);
    },
    kind: 'irq-unsafe',
    message: /^CPU 0 restores interrupts with &test->lock, but they are already on$/,
  },
  {
    title: 'restoring interrupts that are on with a read hold',
    *misuse({ rw }): Kernel<void> {
      yield* readLock(rw, HERE);
      yield* readUnlockIrqrestore(rw, 1, HERE);
    },
    kind: 'irq-unsafe',
    message: /^CPU 0 restores interrupts with &test->rwlock, but they are already on$/,
  },
  {
    title: 'a task that ends with interrupts off',
    *misuse(): Kernel<void> {
      yield* ops.irqOff(HERE);
    },
    kind: 'irq-unsafe',
    message: /^actor0 ends on CPU 0 with interrupts off$/,
  },
];

test('interrupts are restored, never guessed', async (t) => {
  for (const lock of SPIN_LOCKS)
    for (const { title, misuse, ...expected } of IRQ_MISUSES)
      await t.test(`${title} (${lock})`, async (t) =>
        expectFinding(t, runWithLocks(lock, [misuse]), { invariant: 'I17', ...expected }),
      );
});

test('a task that ends with a spinlock or an rwlock held is told how many', async (t) => {
  const leaks: readonly [RegExp, Misuse][] = [
    [/^actor0 ends on CPU 0 while it holds 1 spinlock$/, ({ spin }) => spinLock(spin, HERE)],
    [/^actor0 ends on CPU 0 while it holds 1 spinlock$/, ({ rw }) => readLock(rw, HERE)],
    [
      /^actor0 ends on CPU 0 while it holds 2 spinlocks$/,
      function* ({ spin, other }): Kernel<void> {
        yield* spinLock(spin, HERE);
        yield* spinLock(other, HERE);
      },
    ],
  ];
  for (const lock of SPIN_LOCKS)
    for (const [message, leak] of leaks)
      expectFinding(t, runWithLocks(lock, [late(leak)]), { kind: 'assertion', invariant: 'I18', message });
});

test('irqsave restores what was, and spin_unlock_irq turns on', async (t) => {
  for (const lock of SPIN_LOCKS) {
    const states: boolean[] = [];
    const note = (): void => void states.push(irqsDisabled());
    const result = runWithLocks(lock, [
      function* ({ spin, other, rw }): Kernel<void> {
        const outer = yield* spinLockIrqsave(spin, HERE);
        const inner = yield* spinLockIrqsave(other, HERE);
        yield* spinUnlockIrqrestore(other, inner, HERE);
        note();
        yield* spinUnlockIrqrestore(spin, outer, HERE);
        note();
        yield* spinLockIrq(spin, HERE);
        note();
        yield* spinUnlockIrq(spin, HERE);
        note();
        const read = yield* readLockIrqsave(rw, HERE);
        note();
        yield* readUnlockIrqrestore(rw, read, HERE);
        note();
        const write = yield* writeLockIrqsave(rw, HERE);
        note();
        yield* writeUnlockIrqrestore(rw, write, HERE);
        note();
      },
    ]);
    expectClean(t, result);
    t.strictSame(states, [true, false, true, false, true, false, true, false]);
  }
});

test('trylock takes a free lock only', async (t) => {
  for (const lock of SPIN_LOCKS) {
    const results: number[] = [];
    const result = runWithLocks(lock, [
      function* ({ spin }): Kernel<void> {
        results.push(yield* spinTrylock(spin, HERE));
        lockdepAssertHeld(spin, HERE);
        results.push(yield* spinTrylock(spin, HERE));
        yield* spinUnlock(spin, HERE);
        results.push(yield* spinTrylock(spin, HERE));
        yield* spinUnlock(spin, HERE);
      },
    ]);
    expectClean(t, result);
    t.strictSame(results, [1, 0, 1]);
  }
});

test('owners and holders are read from the locks', async (t) => {
  for (const lock of SPIN_LOCKS) {
    const result = runWithLocks(lock, [
      function* ({ spin, rw, sem, mutex }): Kernel<void> {
        yield* mutexLock(mutex, HERE);
        yield* downWrite(sem, HERE);
        assertMutexHeld(mutex, HERE);
        assertHeldWrite(sem, HERE);
        t.strictSame([mutexOwner(mutex), rwSemaphoreOwner(sem)], [current(), current()]);
        t.strictSame(locksHeldByTask(current()), ['&test->rwsem', '&test->mutex']);
        yield* spinLock(spin, HERE);
        yield* writeLock(rw, HERE);
        t.equal(spinLockOwner(spin), cpu + 1);
        t.strictSame(locksHeldByCpu(cpu), ['&test->lock', '&test->rwlock']);
        yield* writeUnlock(rw, HERE);
        yield* spinUnlock(spin, HERE);
        yield* upWrite(sem, HERE);
        yield* mutexUnlock(mutex, HERE);
        t.strictSame([mutexOwner(mutex), rwSemaphoreOwner(sem), spinLockOwner(spin)], [null, null, 0]);
        yield* downRead(sem, HERE);
        assertHeldRead(sem, HERE);
        yield* upRead(sem, HERE);
      },
    ]);
    expectClean(t, result);
  }
});

test('an assertion that a lock is held fails without it', async (t) => {
  const asserts: readonly [string, (locks: Locks) => void][] = [
    ['CPU 0 must hold &test->lock here', ({ spin }) => lockdepAssertHeld(spin, HERE)],
    ['actor0 must own &test->mutex here', ({ mutex }) => assertMutexHeld(mutex, HERE)],
    ['actor0 must hold &test->rwsem for writing here', ({ sem }) => assertHeldWrite(sem, HERE)],
    ['&test->rwsem must be held for reading here', ({ sem }) => assertHeldRead(sem, HERE)],
  ];
  for (const [message, assert] of asserts) {
    const result = runWithLocks('tas', [
      function* (locks): Kernel<void> {
        assert(locks);
      },
    ]);
    expectFinding(t, result, { kind: 'assertion', message: new RegExp(`^${message}$`) });
  }
});

test('a semaphore has as many units as it was given, and up needs no owner', async (t) => {
  const result = runWithLocks('tas', [
    function* ({ counting }): Kernel<void> {
      counting.init(2);
      yield* down(counting, HERE);
      yield* down(counting, HERE);
      yield* up(counting, HERE);
      yield* down(counting, HERE);
    },
  ]);
  expectClean(t, result);
});

interface Owner extends Struct {
  readonly ioLock: SpinLock;
}
const Owner = defineStruct<Owner>('lock-owner', 'owner', 2, { ioLock: spinLockField });

test('a lock that is taken, waited for or released after its object was freed is a use after free', async (t) => {
  const uses: readonly [string, (lock: SpinLock) => Kernel<unknown>][] = [
    ['taken', (lock) => spinLock(lock, HERE)],
    ['released', (lock) => spinUnlock(lock, HERE)],
    ['tried', (lock) => spinTrylock(lock, HERE)],
  ];
  for (const lock of SPIN_LOCKS)
    for (const [what, use] of uses)
      await t.test(`${what} (${lock})`, async (t) => {
        const result = runWithLocks(lock, [
          function* (): Kernel<void> {
            const owner = Owner.alloc() as Owner;
            const { ioLock } = owner;
            Owner.free(owner);
            yield* use(ioLock);
          },
        ]);
        expectFinding(t, result, { kind: 'use-after-free', invariant: 'I14', message: /^&owner->io_lock is / });
      });
});

test('might_sleep says nothing in process context', async (t) => {
  const result = runWithLocks('tas', [
    function* (): Kernel<void> {
      mightSleep('a test', HERE);
    },
  ]);
  expectClean(t, result);
});

/** Two want a lock; the first one has it, and lets go when the second one waits. */
function handOver(t: Test, lock: Misuse, unlock: Misuse, check: (locks: Locks, waiter: Task) => void): void {
  const build = () => {
    const locks = declareLocks();
    const held = new Atomic(staticWords(1));
    const waiter = (): Task | null =>
      locks.sem.sleepers.first() ?? locks.mutex.sleepers.first() ?? locks.counting.sleepers.first();
    let entered = false;
    return {
      *setup(): Kernel<void> {
        entered = false;
        locks.counting.init(1);
      },
      actors: onCpus(
        function* () {
          yield* lock(locks);
          yield* held.set(1, HERE);
          while (waiter() === null) yield* ops.relax(HERE);
          const waited = waiter() as Task;
          yield* unlock(locks);
          if (!entered) check(locks, waited);
        },
        function* () {
          while ((yield* held.read(HERE)) === 0) yield* ops.relax(HERE);
          yield* lock(locks);
          entered = true;
          t.equal(memory.words[current().state.word], TASK_RUNNING, 'who has a lock is awake');
          yield* unlock(locks);
        },
      ),
      outcome: () => `${memory.words[locks.counting.word]} free`,
    };
  };
  const result = runModel(program(build), { executions: 200 });
  expectClean(t, result);
  t.strictSame([...result.outcomes.keys()], ['1 free'], 'a unit that is handed over is not free as well');
}

test('a lock that is handed over has its next owner before that one runs', async (t) => {
  handOver(
    t,
    ({ mutex }) => mutexLock(mutex, HERE),
    ({ mutex }) => mutexUnlock(mutex, HERE),
    ({ mutex }, waiter) => t.equal(mutexOwner(mutex), waiter),
  );
  handOver(
    t,
    ({ sem }) => downWrite(sem, HERE),
    ({ sem }) => upWrite(sem, HERE),
    ({ sem }, waiter) => t.equal(rwSemaphoreOwner(sem), waiter),
  );
  handOver(
    t,
    ({ counting }) => down(counting, HERE),
    ({ counting }) => up(counting, HERE),
    ({ counting }) => t.equal(memory.words[counting.word], 0),
  );
});

test('a wake-up that has nothing to do with a lock does not give it away', async (t) => {
  const build = () => {
    const { mutex, queue } = declareLocks();
    const held = new Atomic(staticWords(1));
    return {
      actors: onCpus(
        function* () {
          yield* mutexLock(mutex, HERE);
          yield* held.set(1, HERE);
          while (mutex.sleepers.first() === null) yield* ops.relax(HERE);
          yield* wakeUpAll(queue, HERE);
          for (let i = 0; i < 10; i++) yield* ops.relax(HERE);
          assertMutexHeld(mutex, HERE);
          yield* held.set(2, HERE);
          yield* mutexUnlock(mutex, HERE);
        },
        function* () {
          while ((yield* held.read(HERE)) === 0) yield* ops.relax(HERE);
          // The entry stays on the queue while the task sleeps for the mutex.
          const entry = defineWait(0);
          yield* prepareToWait(queue, entry, TASK_UNINTERRUPTIBLE, HERE);
          yield* mutexLock(mutex, HERE);
          bugOn((yield* held.read(HERE)) !== 2, 'the mutex is given away by its owner only');
          yield* mutexUnlock(mutex, HERE);
          yield* finishWait(queue, entry, HERE);
          freeWait(entry);
        },
      ),
    };
  };
  expectClean(t, runModel(program(build), { executions: 200 }));
});

test('a writer that leaves lets the whole run of readers in', async (t) => {
  const build = () => {
    const sem = declareRwSemaphore('&test->rwsem');
    const inside = new Atomic(staticWords(1));
    const held = new Atomic(staticWords(1));
    const reader = function* reader(): Kernel<void> {
      while ((yield* held.read(HERE)) === 0) yield* ops.relax(HERE);
      yield* downRead(sem, HERE);
      yield* inside.add(1, HERE);
      while ((yield* inside.read(HERE)) < 2) yield* ops.relax(HERE);
      yield* upRead(sem, HERE);
    };
    const writer = function* writer(): Kernel<void> {
      yield* downWrite(sem, HERE);
      yield* held.set(1, HERE);
      while ((yield* sem.sleepers.count(HERE)) < 2) yield* ops.relax(HERE);
      yield* upWrite(sem, HERE);
    };
    return { actors: onCpus(writer, reader, reader) };
  };
  expectClean(t, runModel(program(build), { executions: 200 }));
});
