/**
 * A program of which it is known who waits where for whom, and where interrupts are off for longest. Two CPUs; each waits for words
 * that the other one sets, or for the other one to be seen waiting, so there is one order alone.
 *
 *   holder                          waiter
 *   takes a lock
 *   says so                         wants it, and waits
 *   sees it wait, gives it back     takes it, gives it back
 *
 * That once for each kind of lock, and once with much to do between the last two lines. Then the holder turns interrupts off until
 * the waiter has done much.
 */
import type { Bootable } from '../../src/actors/boot-module.ts';
import { bindListeners } from '../../src/machine/events.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import type { Program } from '../../src/machine/machine.ts';
import { ops } from '../../src/machine/operations.ts';
import type { Site } from '../../src/machine/site.ts';
import { startProfiledRound } from '../../src/profile/session.ts';
import {
  declareMutex,
  declareRwLock,
  declareRwSemaphore,
  declareSemaphore,
  declareSpinLock,
  down,
  downRead,
  downWrite,
  mutexLock,
  mutexUnlock,
  readLock,
  readUnlock,
  spinLock,
  spinUnlock,
  up,
  upRead,
  upWrite,
  writeLock,
  writeUnlock,
} from '../../src/shared/atomics-lock.ts';
import { staticWords } from '../../src/shared/memory.ts';
import type { Sleepers } from '../../src/shared/sleepers.ts';
import { bindSpinLocks, SPINLOCK_WORDS, type SpinLock, tasSpinLock } from '../../src/shared/spinlock.ts';
import { Marked } from '../../src/shared/word.ts';

export const KNOWN_HOLDER = 'known-holder';

/** Pairs of hooks that are much. */
const MUCH = 3000;

/** A lock as both sides use it; `isAwaited`: whether somebody has begun to wait. */
export interface Contest {
  take(site: Site): Kernel<void>;
  give(site: Site): Kernel<void>;
  wantIt(site: Site): Kernel<void>;
  giveItBack(site: Site): Kernel<void>;
  isAwaited(): Kernel<boolean>;
}

/** A CPU that waits has its bit in the word behind the lock. */
const byCpus = (word: number): Contest['isAwaited'] =>
  function* isAwaited(): Kernel<boolean> {
    return (yield* ops.load(word + 1, HERE)) !== 0;
  };

/** The first task that sleeps, in the word behind the lock of the list. Read without that lock: who looks must not be in the way. */
export const byTasks = (sleepers: Sleepers): Contest['isAwaited'] =>
  function* isAwaited(): Kernel<boolean> {
    return (yield* ops.load(sleepers.word + SPINLOCK_WORDS, HERE)) !== 0;
  };

/** Each kind of lock, in each way in which one can wait for it. */
function contests(): Contest[] {
  const spin = declareSpinLock('&known->spinlock');
  const rw = declareRwLock('&known->rwlock');
  const sem = declareRwSemaphore('&known->rw_semaphore');
  const units = declareSemaphore('&known->semaphore');
  const mutex = declareMutex('&known->mutex');
  units.init(1);
  const both = (take: Contest['take'], give: Contest['give']) => ({ take, give, wantIt: take, giveItBack: give });
  const reads = { take: (site: Site) => readLock(rw, site), give: (site: Site) => readUnlock(rw, site) };
  const writes = { take: (site: Site) => writeLock(rw, site), give: (site: Site) => writeUnlock(rw, site) };
  const semReads = { take: (site: Site) => downRead(sem, site), give: (site: Site) => upRead(sem, site) };
  const semWrites = { take: (site: Site) => downWrite(sem, site), give: (site: Site) => upWrite(sem, site) };
  const isRwAwaited = byCpus(rw.word);
  const isSemAwaited = byTasks(sem.sleepers);
  return [
    {
      ...both(
        (site) => spinLock(spin, site),
        (site) => spinUnlock(spin, site),
      ),
      isAwaited: byCpus(spin.word),
    },
    { ...writes, wantIt: reads.take, giveItBack: reads.give, isAwaited: isRwAwaited },
    { ...reads, wantIt: writes.take, giveItBack: writes.give, isAwaited: isRwAwaited },
    { ...semWrites, wantIt: semReads.take, giveItBack: semReads.give, isAwaited: isSemAwaited },
    { ...semReads, wantIt: semWrites.take, giveItBack: semWrites.give, isAwaited: isSemAwaited },
    {
      ...both(
        (site) => down(units, site),
        (site) => up(units, site),
      ),
      isAwaited: byTasks(units.sleepers),
    },
    {
      ...both(
        (site) => mutexLock(mutex, site),
        (site) => mutexUnlock(mutex, site),
      ),
      isAwaited: byTasks(mutex.sleepers),
    },
  ];
}

/** How far both are. */
let step: Marked;
let hot: SpinLock;
/** One for each CPU: nobody waits for them. */
let idle: readonly SpinLock[];

function* until(reached: number): Kernel<void> {
  while ((yield* step.read(HERE)) < reached) yield* ops.relax(HERE);
}

function* doMuch(cpu: number): Kernel<void> {
  for (let i = 0; i < MUCH; i++) {
    yield* spinLock(idle[cpu] as SpinLock, HERE);
    yield* spinUnlock(idle[cpu] as SpinLock, HERE);
  }
}

function* holdsItForLong(): Kernel<void> {
  yield* spinLock(hot, HERE);
}

function* wantsWhatIsHeldForLong(): Kernel<void> {
  yield* spinLock(hot, HERE);
}

function* letsNoInterruptIn(): Kernel<number> {
  return yield* ops.irqOff(HERE);
}

function* holder(all: readonly Contest[]): Kernel<void> {
  let now = 0;
  for (const { take, give, isAwaited } of all) {
    yield* take(HERE);
    yield* step.write(++now, HERE);
    while (!(yield* isAwaited())) yield* ops.relax(HERE);
    yield* give(HERE);
    yield* until(++now);
  }
  yield* holdsItForLong();
  yield* step.write(++now, HERE);
  while ((yield* ops.load(hot.word + 1, HERE)) === 0) yield* ops.relax(HERE);
  yield* doMuch(0);
  yield* spinUnlock(hot, HERE);
  yield* until(++now);
  const saved = yield* letsNoInterruptIn();
  yield* step.write(++now, HERE);
  yield* until(++now);
  yield* ops.irqOn(saved, HERE);
}

function* waiter(all: readonly Contest[]): Kernel<void> {
  let now = 0;
  for (const { wantIt, giveItBack } of all) {
    yield* until(++now);
    yield* wantIt(HERE);
    yield* giveItBack(HERE);
    yield* step.write(++now, HERE);
  }
  yield* until(++now);
  yield* wantsWhatIsHeldForLong();
  yield* spinUnlock(hot, HERE);
  yield* step.write(++now, HERE);
  yield* until(++now);
  yield* doMuch(1);
  yield* step.write(++now, HERE);
}

/** `declare`: its locks and words, and then who uses them. */
export const profiledAlone = (declare: () => Program['actors']): Bootable => ({
  slots: {},
  staticWords: 64,
  build() {
    bindListeners([]);
    bindSpinLocks(tasSpinLock);
    const actors = declare();
    startProfiledRound();
    return { actors };
  },
});

/** Runs on two CPUs or more. */
export const knownHolder = profiledAlone(() => {
  step = new Marked(staticWords(1));
  hot = declareSpinLock('&known->hot');
  idle = [0, 1].map((cpu) => declareSpinLock(`&known->idle${cpu}`));
  const all = contests();
  return [
    { name: 'holder', cpu: 0, run: () => holder(all) },
    { name: 'waiter', cpu: 1, run: () => waiter(all) },
  ];
});
