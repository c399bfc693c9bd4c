/**
 * No wake-up is lost: who sleeps with its condition true is a deadlock on the model and a hang on threads.
 */
import type { Kernel } from '../../machine/kernel.ts';
import {
  complete,
  declareCompletion,
  declareSemaphore,
  declareWaitQueue,
  defineWait,
  down,
  finishWait,
  freeWait,
  prepareToWait,
  prepareToWaitExclusive,
  scheduleOn,
  up,
  type WaitQueue,
  waitEvent,
  waitEventExclusive,
  waitForCompletion,
  wakeUp,
} from '../../shared/atomics-lock.ts';
import { COMPLETION_WORDS } from '../../shared/completion.ts';
import { SEMAPHORE_WORDS } from '../../shared/semaphore.ts';
import { TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE } from '../../shared/task.ts';
import { WAIT_QUEUE_WORDS } from '../../shared/wait-queue.ts';
import { Atomic, type Marked } from '../../shared/word.ts';
import { SIGNAL_TARGET_WORDS, SignalTarget } from '../signal-target.ts';
import { type Litmus, litmus, type Shot, type Side } from './litmus.ts';

const declareQueue = (): WaitQueue => declareWaitQueue('&litmus->wait');

/** Makes the condition true, then wakes. */
const waker = (queue: WaitQueue): Side =>
  function* ({ shared: [condition] }): Kernel<void> {
    yield* condition!.write(1, HERE);
    yield* wakeUp(queue, HERE);
  };

function sleepShot(
  name: string,
  title: string,
  sleep: (queue: WaitQueue, condition: Marked) => Kernel<void>,
  finding?: Litmus['finding'],
): Shot {
  return {
    name: `wake-up/${name}`,
    title,
    outcomes: finding === undefined ? ['1'] : [],
    ...(finding === undefined ? {} : { finding }),
    shared: 1,
    results: 1,
    staticWords: WAIT_QUEUE_WORDS,
    sides() {
      const queue = declareQueue();
      return {
        sides: [
          function* (words): Kernel<void> {
            const [condition] = words.shared;
            yield* sleep(queue, condition!);
            words.result(0, yield* condition!.read(HERE));
          },
          waker(queue),
        ],
      };
    },
  };
}

const byHand = sleepShot(
  'prepare-to-wait',
  'prepare, test, schedule: the wake-up is not lost',
  function* (queue, condition): Kernel<void> {
    const entry = defineWait();
    for (;;) {
      yield* prepareToWait(queue, entry, TASK_UNINTERRUPTIBLE, HERE);
      if ((yield* condition.read(HERE)) !== 0) break;
      yield* scheduleOn(queue, HERE);
    }
    yield* finishWait(queue, entry, HERE);
    freeWait(entry);
  },
);

/** The entry stays on the queue while the task is awake, as with add_wait_queue. */
const notAutoremove = sleepShot(
  'no-autoremove',
  'an entry that stays on the queue is woken again',
  function* (queue, condition): Kernel<void> {
    const entry = defineWait(0);
    for (;;) {
      yield* prepareToWait(queue, entry, TASK_INTERRUPTIBLE, HERE);
      if ((yield* condition.read(HERE)) !== 0) break;
      yield* scheduleOn(queue, HERE);
    }
    yield* finishWait(queue, entry, HERE);
    freeWait(entry);
  },
);

const event = sleepShot(
  'wait-event',
  'wait_event returns when its condition is true',
  function* (queue, condition): Kernel<void> {
    yield* waitEvent(queue, () => condition.read(HERE), TASK_UNINTERRUPTIBLE, HERE);
  },
);

/**
 * The test comes first:
 *   sleeper                   waker
 *   condition is false
 *                             condition := true
 *                             wakes nobody
 *   enqueues itself, sleeps
 */
const testedTooEarly = sleepShot(
  'tested-too-early',
  'the condition is tested before the entry is on the queue: the wake-up is lost',
  function* (queue, condition): Kernel<void> {
    if ((yield* condition.read(HERE)) !== 0) return;
    const entry = defineWait();
    yield* prepareToWait(queue, entry, TASK_UNINTERRUPTIBLE, HERE);
    yield* scheduleOn(queue, HERE);
    yield* finishWait(queue, entry, HERE);
    freeWait(entry);
  },
  { kind: 'lost-wakeup', message: /side0 checks .* → side1 notifies &litmus->wait at .* → side0 sleeps at / },
);

/** Two who wait, one who completes twice: the second call must not choose the task that the first one woke. */
const completions: Shot = {
  name: 'wake-up/completion',
  title: 'two calls of complete let two waiters go on',
  outcomes: ['1 1'],
  shared: 0,
  results: 2,
  staticWords: COMPLETION_WORDS,
  sides() {
    const done = declareCompletion('&litmus->done');
    const waiter = (place: number): Side =>
      function* (words): Kernel<void> {
        yield* waitForCompletion(done, HERE);
        words.result(place, 1);
      };
    return {
      sides: [
        waiter(0),
        waiter(1),
        function* (): Kernel<void> {
          yield* complete(done, HERE);
          yield* complete(done, HERE);
        },
      ],
    };
  },
};

/** How a sleep ended: 1 with its condition true, 2 with −EINTR. */
const endedBy = (result: number): number => (result === 0 ? 1 : 2);

function signalShot(name: string, title: string, outcomes: readonly string[], state: number, wakes: boolean): Shot {
  return {
    name: `signal/${name}`,
    title,
    outcomes,
    shared: 1,
    results: 1,
    staticWords: WAIT_QUEUE_WORDS + SIGNAL_TARGET_WORDS,
    sides() {
      const queue = declareQueue();
      const target = new SignalTarget();
      const signaller: Side = function* (): Kernel<void> {
        while (!(yield* target.send()));
      };
      return {
        sides: [
          function* (words): Kernel<void> {
            yield* target.open();
            const result = yield* waitEvent(queue, () => words.shared[0]!.read(HERE), state, HERE);
            words.result(0, endedBy(result));
            yield* target.close();
          },
          function* (words): Kernel<void> {
            // Without a wake-up the signal comes for certain; with one it comes if the target is still there.
            if (!wakes) return yield* signaller(words);
            yield* target.send();
          },
          ...(wakes ? [waker(queue)] : []),
        ],
      };
    },
  };
}

/** A semaphore as a signal. Who gets the unit ends at once, while its waker may still be at work on it. */
const semaphoreSignal: Shot = {
  name: 'wake-up/semaphore',
  title: 'a task that was handed a unit may end at once',
  outcomes: ['1'],
  shared: 0,
  results: 1,
  staticWords: SEMAPHORE_WORDS,
  sides() {
    const sem = declareSemaphore('&litmus->sem');
    return {
      sides: [
        function* (words): Kernel<void> {
          yield* down(sem, HERE);
          words.result(0, 1);
        },
        () => up(sem, HERE),
      ],
    };
  },
};

interface Units {
  readonly queue: WaitQueue;
  readonly free: Atomic;
}

/** Takes a unit if there is one. */
function* takeUnit({ free }: Units): Kernel<number> {
  for (;;) {
    const units = yield* free.read(HERE);
    if (units === 0) return 0;
    if ((yield* free.cmpxchg(units, units - 1, HERE)) === units) return 1;
  }
}

function* giveUnit({ queue, free }: Units): Kernel<void> {
  yield* free.add(1, HERE);
  yield* wakeUp(queue, HERE);
}

/**
 * Two wait exclusively, by hand; two units come. A waiter is on the queue while it looks for a unit, so it can find one without
 * having slept, and be chosen by a wake-up that is for another one's unit:
 *   side0                          side1                        side2
 *                                  on the queue, sleeps
 *   on the queue, takes unit 1                                  unit 1; wakes side1
 *                                  no unit; on the queue again,
 *                                  behind side0, sleeps
 *                                                               unit 2; wakes side0, which is awake
 *   leaves                         sleeps for ever
 * Who holds a lock wakes the next one when he gives it back. Here nothing is given back, so who leaves passes the wake-up on
 * that he may have been given: he is off the queue, and looks whether there still is a unit.
 */
const exclusive: Shot = {
  name: 'wake-up/exclusive',
  title: 'each unit wakes one exclusive waiter, and both get theirs',
  outcomes: ['1 1'],
  shared: 1,
  results: 2,
  staticWords: WAIT_QUEUE_WORDS,
  sides() {
    const queue = declareQueue();
    const waiter = (place: number): Side =>
      function* (words): Kernel<void> {
        const units = { queue, free: new Atomic(words.shared[0]!.word) };
        const entry = defineWait();
        for (;;) {
          yield* prepareToWaitExclusive(queue, entry, TASK_UNINTERRUPTIBLE, HERE);
          if ((yield* takeUnit(units)) !== 0) break;
          yield* scheduleOn(queue, HERE);
        }
        yield* finishWait(queue, entry, HERE);
        freeWait(entry);
        if ((yield* units.free.read(HERE)) !== 0) yield* wakeUp(queue, HERE);
        words.result(place, 1);
      };
    return {
      sides: [
        waiter(0),
        waiter(1),
        function* (words): Kernel<void> {
          const units = { queue, free: new Atomic(words.shared[0]!.word) };
          yield* giveUnit(units);
          yield* giveUnit(units);
        },
      ],
    };
  },
};

/** One unit for two exclusive waiters, of whom one may be signalled away at the moment when the wake-up chose it. */
const exclusiveSignal: Shot = {
  name: 'signal/exclusive',
  title: 'a wake-up that chose a signalled waiter is not lost for the next one',
  outcomes: ['1 1', '2 1'],
  shared: 1,
  results: 2,
  staticWords: WAIT_QUEUE_WORDS + SIGNAL_TARGET_WORDS,
  sides() {
    const queue = declareQueue();
    const target = new SignalTarget();
    const unitsOf = (condition: Marked): Units => ({ queue, free: new Atomic(condition.word) });
    return {
      sides: [
        function* (words): Kernel<void> {
          const units = unitsOf(words.shared[0]!);
          yield* target.open();
          const result = yield* waitEventExclusive(queue, () => takeUnit(units), TASK_INTERRUPTIBLE, HERE);
          words.result(0, endedBy(result));
          yield* target.close();
          if (result === 0) yield* giveUnit(units);
        },
        function* (words): Kernel<void> {
          const units = unitsOf(words.shared[0]!);
          yield* waitEventExclusive(queue, () => takeUnit(units), TASK_UNINTERRUPTIBLE, HERE);
          words.result(1, 1);
          yield* giveUnit(units);
        },
        function* (words): Kernel<void> {
          yield* giveUnit(unitsOf(words.shared[0]!));
        },
        function* (): Kernel<void> {
          yield* target.send();
        },
      ],
    };
  },
};

export const wakeUpTests: readonly Litmus[] = [
  ...[byHand, notAutoremove, event, testedTooEarly].map((shot) => litmus(shot, 2)),
  litmus(semaphoreSignal, 2),
  litmus(completions, 3),
  litmus(exclusive, 3),
  litmus(signalShot('interruptible', 'a signal ends an interruptible sleep', ['2'], TASK_INTERRUPTIBLE, false), 2),
  litmus(signalShot('race', 'a signal or a wake-up, whichever comes', ['1', '2'], TASK_INTERRUPTIBLE, true), 3),
  litmus(
    signalShot('uninterruptible', 'a signal does not end an uninterruptible sleep', ['1'], TASK_UNINTERRUPTIBLE, true),
    3,
  ),
  litmus(exclusiveSignal, 4),
];
